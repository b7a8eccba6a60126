"""Sources in an object store: read as those on disk are, and told of in a line where the store fails."""

import json
import random
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ragqa import products
from ragqa.cli import run
from ragqa.corpus.objects import find_objects
from ragqa.corpus.reading import HASHES_FOLDER
from ragqa.errors import SourceError, UsageError

N_BYTES = 400_000


def lines(first: int, n_bytes: int = 0) -> bytes:
    """A JSONL file of documents, the last of which is as long as it takes."""
    filling = " ".join(str(random.Random(first).random()) for _ in range(n_bytes // 19))
    rows = [{"id": str(first + number), "title": f"Trial {first + number}", "text": "."} for number in range(3)]
    return "".join(json.dumps(row) + "\n" for row in [*rows, {"id": str(first + 3), "title": filling}]).encode()


def put(bucket: Any, path: str, content: bytes) -> None:
    with bucket.open_output_stream(f"bucket/{path}", compression=None) as file:
        file.write(content)


def recipe(home: Path, *sources: str) -> None:
    (home / "corpora").mkdir(parents=True, exist_ok=True)
    (home / "corpora" / "texts.toml").write_text(f'format = "jsonl"\nsources = {json.dumps(sources)}\n')


def parts(home: Path) -> dict[str, bytes]:
    folder = home / "corpora" / "texts" / "parts"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_corpus_from_a_store_is_that_from_files(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = tmp_path / "local"
    local.mkdir()
    for number in (10, 9):
        content = lines(number * 100)
        (local / f"n{number}.jsonl").write_bytes(content)
        put(bucket, f"pubmed/n{number}.jsonl", content)
    put(bucket, "pubmed/readme.txt", b"none")
    put(bucket, "pubmed/deeper/n11.jsonl", b"none")
    recipe(tmp_path / "home", "s3://bucket/pubmed/*.jsonl")
    recipe(tmp_path / "other", str(local))

    manifest = products.build_corpus("texts")
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "other"))
    expected = products.build_corpus("texts")

    assert list(manifest.inputs) == ["n9.jsonl", "n10.jsonl"]
    assert (manifest.inputs, manifest.files, manifest.counts) == (expected.inputs, expected.files, expected.counts)
    assert parts(tmp_path / "home") == parts(tmp_path / "other")


def test_a_corpus_is_imported_from_an_address(bucket: Any, capsys: pytest.CaptureFixture[str]) -> None:
    put(bucket, "pubmed/n1.jsonl", lines(0))

    assert run(["corpus", "import", "texts", "s3://bucket/pubmed", "--format", "jsonl"]) == 0
    assert run(["corpus", "show", "texts", "2"]) == 0
    assert "Trial 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("s3://bucket/a/n1.jsonl", ["a/n1.jsonl"]),
        ("s3://bucket/a", ["a/n1.jsonl", "a/n2.jsonl"]),
        ("s3://bucket/a/", ["a/n1.jsonl", "a/n2.jsonl"]),
        ("s3://bucket/*/n[12].jsonl", ["a/n1.jsonl", "a/n2.jsonl"]),
        ("s3://bucket/**/*.jsonl", ["a/b/n3.jsonl", "a/n1.jsonl", "a/n2.jsonl"]),
        ("s3://bucket/a/*.gz", ["a/n4.gz"]),
    ],
)
def test_what_an_address_stands_for(bucket: Any, source: str, found: list[str]) -> None:
    for name in ("a/n1.jsonl", "a/n2.jsonl", "a/b/n3.jsonl", "a/n4.gz", "a/.n5.jsonl"):
        put(bucket, name, b"{}")

    assert sorted(one.address for one in find_objects(source, ["*.jsonl"])) == [f"s3://bucket/{one}" for one in found]


def test_what_has_not_changed_is_not_fetched_again(bucket: Any, line: Any, tmp_path: Path) -> None:
    for number in (1, 2):
        put(bucket, f"pubmed/n{number}.jsonl", lines(number * 100, N_BYTES))
    recipe(tmp_path / "home", f"s3://bucket/pubmed/*.jsonl?endpoint_override={line.address}&scheme=http")
    products.build_corpus("texts")
    assert line.n_bytes > 2 * N_BYTES
    line.n_bytes = 0

    products.build_corpus("texts")
    assert 0 < line.n_bytes < N_BYTES / 10

    put(bucket, "pubmed/n2.jsonl", lines(500, N_BYTES))
    products.build_corpus("texts")
    assert N_BYTES < line.n_bytes < 2 * N_BYTES
    with products.open_store("texts") as store:
        assert "Trial 501" in str(store.get("501"))
    assert len(list((tmp_path / "home" / "corpora" / "texts" / HASHES_FOLDER).iterdir())) == 2


def test_a_connection_that_breaks_off_is_told_and_the_same_command_goes_on(
    bucket: Any, line: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        put(bucket, f"pubmed/n{number}.jsonl", lines(number * 100, N_BYTES))
    recipe(tmp_path / "home", f"s3://bucket/pubmed/*.jsonl?endpoint_override={line.address}&scheme=http")
    line.cut_after = int(1.5 * N_BYTES)

    assert run(["corpus", "build", "texts"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "cannot read s3://bucket/pubmed/n2.jsonl" in said
    assert "run the same command again" in said
    assert not list((tmp_path / "home" / "corpora" / "texts").rglob(".*building*"))
    line.cut_after, line.n_bytes = None, 0
    assert run(["corpus", "build", "texts"]) == 0
    assert N_BYTES < line.n_bytes < 2 * N_BYTES


def test_an_object_that_vanishes_while_others_are_read_is_told(bucket: Any, tmp_path: Path) -> None:
    for number in (1, 2):
        put(bucket, f"pubmed/n{number}.jsonl", lines(number * 100))
    recipe(tmp_path / "home", "s3://bucket/pubmed")

    def progress(stage: str, _done: int, _total: int | None) -> None:
        if stage == "sources":
            bucket.delete_file("bucket/pubmed/n2.jsonl")

    with pytest.raises(SourceError, match=r"s3://bucket/pubmed/n2.jsonl is not there, or no longer"):
        products.build_corpus("texts", (), progress)


def test_an_object_that_is_replaced_while_others_are_read_is_told(bucket: Any, tmp_path: Path) -> None:
    for number in (1, 2):
        put(bucket, f"pubmed/n{number}.jsonl", lines(number * 100))
    recipe(tmp_path / "home", "s3://bucket/pubmed")

    def progress(stage: str, _done: int, _total: int | None) -> None:
        if stage == "sources":
            put(bucket, "pubmed/n2.jsonl", lines(300, N_BYTES))

    with pytest.raises(SourceError, match=r"n2.jsonl had [0-9,]+ bytes when it was listed, and [0-9,]+ came; run the"):
        products.build_corpus("texts", (), progress)


def test_damage_is_told_with_the_address_and_not_with_the_copy(bucket: Any, tmp_path: Path) -> None:
    put(bucket, "n1.jsonl", b'{"id": "1", "title": \n')
    recipe(tmp_path / "home", "s3://bucket/n1.jsonl")

    with pytest.raises(SourceError, match=r"^s3://bucket/n1.jsonl, line 1"):
        products.build_corpus("texts")


def test_who_may_not_read_is_told_how_to_say_who_it_is(bucket: Any, s3_server: str, tmp_path: Path) -> None:
    recipe(tmp_path / "home", "s3://bucket/pubmed/*.jsonl")

    def checked(after: str) -> None:
        url = f"http://{s3_server}/moto-api/reset-auth"
        request = urllib.request.Request(url, after.encode(), {"Content-Type": "text/plain"}, method="POST")
        urllib.request.urlopen(request).close()

    checked("0")
    try:
        with pytest.raises(SourceError, match=r"cannot list s3://bucket/pubmed \(.*; .* set AWS_ACCESS_KEY_ID"):
            products.build_corpus("texts")
    finally:
        checked("inf")


@pytest.mark.parametrize("source", ["s3://nowhere/pubmed/*.jsonl", "s3://nowhere", "s3://bucket/nothing"])
def test_a_bucket_or_folder_that_is_not_there_is_told(bucket: Any, source: str) -> None:
    with pytest.raises(SourceError, match=r"there is no file or folder s3://(nowhere|bucket/nothing).*; correct"):
        find_objects(source, ["*.jsonl"])


def test_a_store_that_does_not_answer_is_told(bucket: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        options = f"endpoint_override=127.0.0.1:{unused.getsockname()[1]}&scheme=http"
        with pytest.raises(SourceError, match=r"cannot list s3://bucket \(.*; see that the store answers"):
            find_objects(f"s3://bucket?{options}", ["*.jsonl"])


def test_a_secret_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="secret before '@'") as raised:
        find_objects("s3://someone:hush@bucket/pubmed", ["*.jsonl"])
    assert "hush" not in str(raised.value)


def test_a_store_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match=r"ftp:// is no kind of store; give one of s3://, gs://"):
        find_objects("ftp://server/pubmed", ["*.jsonl"])
