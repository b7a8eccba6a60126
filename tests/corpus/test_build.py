"""Building a corpus: counts, revisions and deletions, going on after a kill, full disks, damage."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.verify import damaged_files
from ragqa.errors import BackendError, ProductError, RagqaError, SourceError, UsageError
from ragqa.types import Filter

NOTHING_TOLD = {"retracted": 0, "expressions_of_concern": 0, "errata": 0, "marked_by_notices": 0}


def write_jsonl(path: Path, *documents: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))


def some(prefix: str, n: int) -> list[dict[str, Any]]:
    noise = random.Random(prefix)
    return [{"_id": f"{prefix}{i}", "title": f"T {i}", "text": noise.randbytes(200).hex()} for i in range(n)]


def build(folder: Path, *sources: str, kind: str = "jsonl") -> dict[str, Any]:
    settings = CorpusSettings(sources or ("sources",), kind)
    return build_corpus("demo", settings, folder, folder / "corpora" / "demo").counts


def open_store(folder: Path) -> DocumentStore:
    return DocumentStore.open(folder / "corpora" / "demo")


def xml(path: Path, *records: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>")


def article(pmid: int | str, title: str, version: int = 1) -> str:
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID>'
        f"<Article><ArticleTitle>{title}</ArticleTitle></Article></MedlineCitation></PubmedArticle>"
    )


def deletion(*pmids: int) -> str:
    return f"<DeleteCitation>{''.join(f'<PMID>{pmid}</PMID>' for pmid in pmids)}</DeleteCitation>"


def test_the_latest_version_wins_and_deletions_end_what_came_before(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    xml(
        sources / "pubmed26n0009.xml",
        article(1, "one"),
        article(2, "two"),
        article(3, "three v2", version=2),
        article(4, "four"),
        article("", "no id"),
    )
    xml(
        sources / "pubmed26n0010.xml",
        article(1, "one, revised"),
        article(3, "three v1, late"),
        deletion(2, 4, 99),
        article(4, "four, again"),
    )

    counts = build(tmp_path, kind="pubmed-xml")

    first, second = counts["sources"]["pubmed26n0009.xml"], counts["sources"]["pubmed26n0010.xml"]
    assert first == {
        "read": 5, "live": 1, "superseded": 1, "deleted": 2, "skipped": {"no PMID": 1},
        "without_abstract": 4, "deletions": 0, "ignored_keys": [], **NOTHING_TOLD,
    }  # fmt: skip
    assert second == {
        "read": 3, "live": 2, "superseded": 1, "deleted": 0, "skipped": {},
        "without_abstract": 3, "deletions": 3, "ignored_keys": [], **NOTHING_TOLD,
    }  # fmt: skip
    assert counts["total"]["read"] == 8
    with open_store(tmp_path) as store:
        assert (len(store), store.n_rows) == (3, 7)
        assert store.find(["1", "2", "3", "4", "99"]).tolist() == [4, -1, 2, 6, -1]
        assert [d.sections[0].text for d in store.read(store.find(["1", "3", "4"]))] == [
            "one, revised",
            "three v2",
            "four, again",
        ]
        assert [row for batch in store.scan() for row, _ in batch] == [2, 4, 6]
        assert store.mask(Filter()).nonzero()[0].tolist() == [2, 4, 6]
        with pytest.raises(UsageError, match="no document '2'"):
            store.get("2")


def test_duplicates_within_a_file_are_counted(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sources" / "a.jsonl", {"_id": "x", "text": "1"}, {"_id": "y"}, {"_id": "x", "text": "2"})

    total = build(tmp_path)["total"]

    assert (total["read"], total["live"], total["superseded"], total["without_abstract"]) == (3, 2, 1, 1)
    with open_store(tmp_path) as store:
        assert store.get("x").sections[0].text == "2"


def test_sources_are_read_in_natural_order(tmp_path: Path) -> None:
    for name in ("n10.jsonl", "n9.jsonl", "update1.jsonl", ".hidden.jsonl", "other.txt"):
        write_jsonl(tmp_path / "sources" / name, {"_id": name})

    assert list(build(tmp_path)["sources"]) == ["n9.jsonl", "n10.jsonl", "update1.jsonl"]
    assert list(build(tmp_path, "sources/u*.jsonl", "sources")["sources"]) == ["update1.jsonl", "n9.jsonl", "n10.jsonl"]


def test_a_link_is_known_by_its_own_name_and_what_it_leads_to_is_read_once(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "blobs" / "0a1b2c", {"_id": "1"})
    sources = tmp_path / "data [1]" / "sources"
    sources.mkdir(parents=True)
    for name in ("pubmed26n0001.jsonl", "pubmed26n0002.jsonl"):
        (sources / name).symlink_to(tmp_path / "blobs" / "0a1b2c")

    assert list(build(tmp_path / "data [1]", "sources/*n000?.jsonl")["sources"]) == ["pubmed26n0001.jsonl"]
    with open_store(tmp_path / "data [1]") as store:
        assert store.get("1").source == "pubmed26n0001.jsonl"


def test_the_state_does_not_depend_on_place_and_time(tmp_path: Path) -> None:
    hashes = []
    for place in ("here", "there"):
        write_jsonl(tmp_path / place / "sources" / "a.jsonl", *some("a", 30))
        build(tmp_path / place)
        hashes.append(open_store(tmp_path / place).state_hash)
    write_jsonl(tmp_path / "there" / "sources" / "b.jsonl", {"_id": "a3", "text": "new"})
    build(tmp_path / "there")

    assert hashes[0] == hashes[1] != open_store(tmp_path / "there").state_hash


def test_nothing_is_done_where_nothing_changed(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sources" / "a.jsonl", *some("a", 10))
    build(tmp_path)
    before = snapshot(tmp_path / "corpora")

    build(tmp_path)

    assert snapshot(tmp_path / "corpora") == before


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_a_reader_keeps_its_state_while_the_corpus_is_updated(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sources" / "a.jsonl", {"_id": "1", "text": "old"}, {"_id": "2", "text": "stays"})
    build(tmp_path)
    with open_store(tmp_path) as old:
        write_jsonl(tmp_path / "sources" / "a.jsonl", {"_id": "1", "text": "new"})
        build(tmp_path)

        assert old.get("1").sections[0].text == "old"
        assert len(old) == 2
        assert old.mask(Filter(has_abstract=True)).tolist() == [True, True]
    with open_store(tmp_path) as new:
        assert new.get("1").sections[0].text == "new"
        assert len(new) == 1


def test_a_reader_keeps_its_files_where_others_come_to_hold_the_same_documents(tmp_path: Path) -> None:
    folder = tmp_path / "corpora" / "demo"
    write_jsonl(tmp_path / "sources" / "a.jsonl", *some("a", 3))
    state_hash = build(tmp_path)["state_hash"]
    others = [CorpusSettings(("sources",), "jsonl", leave_out=(f"none is called {n}",)) for n in range(3)]
    with open_store(tmp_path) as reader:
        for settings in others:
            assert build_corpus("demo", settings, tmp_path, folder).counts["state_hash"] == state_hash
            with open_store(tmp_path) as newer:
                assert newer.get("a0").id == "a0"

        assert reader.get("a2").id == "a2"
        assert reader.ids([1]) == ["a1"]
        assert damaged_files(folder) == []

    build_corpus("demo", others[-1], tmp_path, folder)
    assert [path.name for path in (folder / "states").iterdir()] == [f"{state_hash}.json"]
    assert len(list((folder / "parts").glob("*/part.json"))) == 1


def test_a_state_is_kept_that_an_index_was_built_from_while_the_corpus_was_built(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sources" / "a.jsonl", *some("a", 3))
    before = build(tmp_path)["state_hash"]
    write_jsonl(tmp_path / "sources" / "b.jsonl", *some("b", 3))
    built_from: set[str] = set()

    def progress(stage: str, done: int, total: int | None) -> None:
        built_from.add(before)  # an index is finished just now

    settings, folder = CorpusSettings(("sources",), "jsonl"), tmp_path / "corpora" / "demo"
    build_corpus("demo", settings, tmp_path, folder, progress, pinned=lambda: built_from)

    with DocumentStore.open(folder, before) as store:
        assert store.find(["a1", "b1"]).tolist() == [1, -1]


def test_all_that_a_state_names_is_on_the_disk_before_it_is_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    in_force: list[set[int]] = []
    sync, replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        sync(descriptor)

    def watched(source: Path, target: Path) -> Path:
        if target.name == "state.json":
            in_force.append(set(synced))
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", watched)
    write_jsonl(tmp_path / "sources" / "a.jsonl", *some("a", 3))
    build(tmp_path)

    needed = [path for path in (tmp_path / "corpora/demo/parts").rglob("*") if path.name != ".lock"]
    assert len(needed) > 10
    assert [path for path in needed if path.stat().st_ino not in in_force[0]] == []


def test_what_no_state_needs_is_removed_and_sources_in_the_folder_stay(tmp_path: Path) -> None:
    folder = tmp_path / "corpora" / "demo"
    source = folder / "sources" / "a.jsonl"
    for text in ("one", "two", "three"):
        write_jsonl(source, {"_id": "1", "text": text})
        (folder / "parts").mkdir(exist_ok=True)
        (folder / "parts" / ".left-over.building").mkdir()
        (folder / "states").mkdir(exist_ok=True)
        for name in (".manifest.json.0a1b2c3d.tmp", "states/.left-over.json.0a1b2c3d.tmp"):
            (folder / name).write_text("{")
        build(tmp_path, str(folder / "sources"))

    names = [path.name for path in (folder / "parts").iterdir()]
    assert source.is_file()
    assert len([name for name in names if not name.startswith((".", "state"))]) == 1
    assert len(list((folder / "states").iterdir())) == 1
    assert not [path.name for path in folder.rglob("*") if path.name.endswith((".building", ".tmp"))]


def test_a_damaged_part_is_read_again(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sources" / "a.jsonl", *some("a", 10))
    build(tmp_path)
    (documents,) = (tmp_path / "corpora").rglob("documents.bin")
    os.truncate(documents, 10)

    build(tmp_path)

    assert open_store(tmp_path).get("a9").id == "a9"


RUN = """
import os, resource, sys, time
from pathlib import Path
from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.errors import RagqaError

folder, limit, stop_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

def progress(stage, done, total):
    if stage == "documents" and stop_at and done >= stop_at:
        print("waiting", flush=True)
        time.sleep(600)

try:
    build_corpus("demo", CorpusSettings(("sources",), "jsonl"), folder, folder / "corpora" / "demo", progress)
except RagqaError as error:
    print(type(error).__name__, error)
"""


def start(folder: Path, limit: int = 0, stop_at: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", RUN, str(folder), str(limit), str(stop_at)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_build_goes_on_with_its_finished_parts(tmp_path: Path) -> None:
    for name, n in (("a", 50), ("b", 5000)):
        write_jsonl(tmp_path / "sources" / f"{name}.jsonl", *some(name, n))
    with start(tmp_path, stop_at=51) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waiting\n"
        with pytest.raises(ProductError, match="another build"):
            build(tmp_path)
        child.send_signal(signal.SIGKILL)
    with pytest.raises(ProductError, match="build it"):
        open_store(tmp_path)
    parts = tmp_path / "corpora" / "demo" / "parts"
    finished = [path for path in parts.iterdir() if (path / "part.json").is_file()]
    kept = snapshot(finished[0])
    assert len(finished) == 1
    assert list(parts.glob(".*.building"))

    counts = build(tmp_path)

    assert snapshot(finished[0]) == kept
    assert not list(parts.glob(".*.building"))
    assert counts["total"]["live"] == 5050
    assert open_store(tmp_path).get("b4999").id == "b4999"


def test_a_full_disk_leaves_the_old_corpus_in_force(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sources" / "a.jsonl", *some("a", 20))
    build(tmp_path)
    before = snapshot(tmp_path / "corpora")
    write_jsonl(tmp_path / "sources" / "b.jsonl", *some("b", 5000))

    with start(tmp_path, limit=200_000) as child:
        assert child.stdout is not None
        message = child.stdout.read()

    assert message.startswith(BackendError.__name__ + " no space left")
    assert snapshot(tmp_path / "corpora") == before
    assert open_store(tmp_path).get("a7").id == "a7"
    assert build(tmp_path)["total"]["live"] == 5020


@pytest.mark.parametrize(
    ("source", "kind", "error", "what"),
    [
        ("nowhere", "jsonl", SourceError, "no file or folder"),
        ("*.jsonl", "jsonl", SourceError, "no file to read"),
        ("empty", "beir", SourceError, r"expected a file named corpus\.jsonl"),
        ("empty", "bier", UsageError, "did you mean 'beir'"),
    ],
)
def test_wrong_settings_are_one_clear_error(
    tmp_path: Path, source: str, kind: str, error: type[RagqaError], what: str
) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(error, match=what):
        build(tmp_path, source, kind=kind)
    assert not (tmp_path / "corpora").exists()


def test_a_bad_source_leaves_nothing_half_written(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sources" / "a.jsonl", *some("a", 20))
    build(tmp_path)
    before = snapshot(tmp_path / "corpora")
    (tmp_path / "sources" / "b.jsonl").write_text('{"_id": "1"}\n{')

    with pytest.raises(SourceError, match=r"b\.jsonl, line 2"):
        build(tmp_path)

    assert snapshot(tmp_path / "corpora") == before


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_jsonl(tmp_path / folder / "a.jsonl", {"_id": folder})

    with pytest.raises(SourceError, match="same file name"):
        build(tmp_path, "one", "two")


def test_mesh_travels_with_the_corpus(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sources" / "a.jsonl", {"_id": "1"})
    (tmp_path / "mtrees.bin").write_text("Heart Diseases;C14.280\nArrhythmias, Cardiac;C14.280.067\n")
    settings = CorpusSettings(("sources",), "jsonl", mesh="mtrees.bin")
    build_corpus("demo", settings, tmp_path, tmp_path / "corpora" / "demo")
    (tmp_path / "mtrees.bin").unlink()

    with open_store(tmp_path) as store:
        mesh = store.mesh()

    assert mesh is not None
    assert mesh.narrower_headings(["Heart Diseases"]) == {"Heart Diseases", "Arrhythmias, Cardiac"}
