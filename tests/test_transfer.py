"""Finished indexes in a store: sent and brought by what is missing, in force when all of it is there."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragqa import products
from ragqa.cli import run
from ragqa.engine import Engine
from ragqa.errors import BackendError, ProductError, UsageError
from ragqa.manifest import file_hash, write_sealed
from ragqa.transfer import Published, PublishedFile, pull_index, push_index

QUESTIONS = ["tocopherol dose", "statins after surgery", "randomised trial"]


def found(name: str) -> list[list[tuple[str, float]]]:
    with Engine.open(name) as engine:
        return [[(hit.document_id, hit.score) for hit in hits] for hits in engine.search_batch(QUESTIONS, 50)]


def files(folder: Path) -> dict[str, str]:
    """What is under a folder, but for locks."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in {".lock", "write.lock"}]
    return {str(path.relative_to(folder)): file_hash(path) for path in paths}


@pytest.fixture(params=["s3", "file"])
def address(request: pytest.FixtureRequest, bucket: Any, tmp_path: Path) -> str:
    """A folder of a store."""
    return "s3://bucket/published" if request.param == "s3" else f"file://{tmp_path}/published"


def test_a_pulled_index_is_the_one_that_was_pushed(
    address: str, sample_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = found("sample")
    pushed = push_index("sample", address)
    assert pushed.n_sent > 20
    assert push_index("sample", address).n_sent == 0

    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    assert pull_index("sample", address).n_files == pushed.n_files
    assert found("sample") == expected
    assert products.verify_index("sample")[1] == []
    assert products.verify_corpus("sample") == []
    assert pull_index("sample", address).n_sent == 0

    damaged = next((tmp_path / "home" / "indexes" / "sample").glob("dense-*/vectors.faiss"))
    damaged.write_bytes(b"?" * damaged.stat().st_size)
    assert pull_index("sample", address).n_sent == 1
    assert products.verify_index("sample")[1] == []


def write(folder: Path, name: str, numbers: range) -> None:
    rows = [
        {"id": str(n), "title": f"Randomised trial {n} of tocopherol", "text": f"The dose was {n}."} for n in numbers
    ]
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def living(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources of a small index, which is built in a home of its own."""
    source = tmp_path / "source"
    source.mkdir()
    write(source, "n1.jsonl", range(200))
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "builds"))
    products.import_corpus("living", source, "jsonl")
    products.build_index("living", "bm25-anserini", "living")
    return source


def test_an_update_sends_what_is_new_and_is_in_force_when_all_is_there(
    bucket: Any, line: Any, living: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"s3://bucket/published?endpoint_override={line.address}&scheme=http"
    first = push_index("living", address)
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "serves"))
    pull_index("living", address)
    before, of_first = found("living"), files(tmp_path / "serves")

    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "builds"))
    write(living, "n2.jsonl", range(150, 20_000))
    products.build_corpus("living")
    with pytest.raises(ProductError, match="is newer than the index 'living'; run: ragqa index update living"):
        push_index("living", address)
    products.update_index("living")
    expected = found("living")
    assert push_index("living", address).n_sent < first.n_files

    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "serves"))
    line.n_bytes, line.cut_after = 0, 500_000
    with pytest.raises(BackendError, match=r"cannot read s3://bucket/published/files/.*run the same command again"):
        pull_index("living", address)
    assert found("living") == before
    assert not list(tmp_path.rglob("*.pulled"))
    assert files(tmp_path / "serves").items() >= of_first.items()

    line.cut_after = None
    pull_index("living", address)
    assert found("living") == expected != before
    assert products.verify_index("living")[1] == []
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "builds"))
    assert push_index("living", address).n_sent == 0


def test_a_reader_of_what_was_built_here_goes_on_while_the_same_documents_are_pulled(
    living: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"file://{tmp_path}/published"
    push_index("living", address)
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "serves"))
    products.import_corpus("living", living, "jsonl", leave_out=["no such id"])
    with products.open_store("living") as reader:
        pull_index("living", address)

        assert reader.get("7").id == "7"
    assert found("living")[0]
    assert products.verify_corpus("living") == []


def test_what_is_damaged_in_the_store_is_not_put_in_place(
    bucket: Any, living: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"file://{tmp_path}/published"
    assert run(["index", "push", "living", address]) == 0
    assert "files had to be sent" in capsys.readouterr().out
    damaged = max((tmp_path / "published" / "files").rglob("*"), key=lambda path: path.stat().st_size)
    damaged.write_bytes(b"?" * damaged.stat().st_size)

    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    assert run(["index", "pull", "living", address]) == 1
    assert f"{damaged.name} is damaged: it has another hash; remove it there, and push" in capsys.readouterr().err
    assert "?" * 100 not in "".join(
        path.read_text("latin-1") for path in (tmp_path / "home").rglob("*.*") if path.is_file()
    )
    assert not products.is_built("indexes", "living")

    damaged.unlink()
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "builds"))
    assert push_index("living", address).n_sent == 1
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    pull_index("living", address)
    assert products.verify_index("living")[1] == []


@pytest.mark.parametrize(
    "path", ["../outside", "indexes/other/manifest.json", "indexes/living/../../outside", "/etc/x"]
)
def test_a_list_that_names_other_places_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "published" / "indexes").mkdir(parents=True)
    list_ = Published("living", "texts", "0" * 64, (PublishedFile(path, "0" * 64, 0),))
    write_sealed(tmp_path / "published" / "indexes" / "living.json", list_)

    with pytest.raises(ProductError, match="which is no place of an index"):
        pull_index("living", f"file://{tmp_path}/published")


def test_an_index_that_was_not_pushed_and_what_is_no_address_are_told(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"published/indexes/nothing.json is not there, or no longer; correct the"):
        pull_index("nothing", f"file://{tmp_path}/published")
    with pytest.raises(UsageError, match="'/some/folder' is no address of a store; give one of s3://"):
        pull_index("nothing", "/some/folder")
