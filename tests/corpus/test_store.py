"""The document store: what goes in comes out, in any order, and filters agree with a plain reading of them."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragqa.corpus import blocks, formats, part, state
from ragqa.corpus import build as corpus_build
from ragqa.corpus import store as corpus_store
from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.records import CorpusFormat, Deletion, NotTaken, Record
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import abstract_sections
from ragqa.errors import ProductError, UsageError
from ragqa.index.filter_tokens import filter_tokens, matches
from ragqa.types import (
    Accession,
    Chemical,
    Document,
    Filter,
    Grant,
    Link,
    MeshHeading,
    PublicationType,
    Section,
    SupplementaryConcept,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAME = st.sampled_from(["Humans", "humans", "Animals", "D006801", ""])
DOCUMENT = st.builds(
    Document,
    id=st.one_of(st.integers(1, 30).map(str), st.sampled_from(["MED-1", "07", "x y"])),
    sections=st.lists(
        st.builds(Section, st.sampled_from(["title", "abstract", "abstract.0", "other_abstract.0"]), TEXT, TEXT, TEXT),
        max_size=3,
    ).map(tuple),
    version=st.integers(1, 3),
    title_translated=st.booleans(),
    journal=st.sampled_from(["", "Lancet", "BMJ"]),
    year=st.one_of(st.none(), st.integers(1990, 2000)),
    authors=st.lists(TEXT, max_size=2).map(tuple),
    publication_types=st.lists(st.builds(PublicationType, NAME, NAME), max_size=2).map(tuple),
    mesh=st.lists(
        st.builds(MeshHeading, NAME, NAME, st.booleans(), st.lists(TEXT, max_size=2).map(tuple)), max_size=3
    ).map(tuple),
    languages=st.lists(st.sampled_from(["eng", "ger"]), max_size=2).map(tuple),
    affiliations=st.lists(st.lists(TEXT, max_size=2).map(tuple), max_size=2).map(tuple),
    chemicals=st.lists(st.builds(Chemical, NAME, NAME, st.sampled_from(["", "R16CO5Y76E"])), max_size=2).map(tuple),
    supplementary_concepts=st.lists(st.builds(SupplementaryConcept, NAME, NAME, TEXT), max_size=2).map(tuple),
    accessions=st.lists(st.builds(Accession, TEXT, st.sampled_from(["NCT00000620", "M24126"])), max_size=2).map(tuple),
    grants=st.lists(st.builds(Grant, TEXT, TEXT), max_size=1).map(tuple),
    links=st.lists(st.builds(Link, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    retracted=st.booleans(),
)
RECORDS = st.lists(
    st.lists(
        st.one_of(
            DOCUMENT,
            st.integers(1, 30).map(str).map(Deletion),
            st.builds(NotTaken, st.integers(1, 30).map(str), st.integers(1, 3)),
        ),
        max_size=12,
    ),
    max_size=4,
)
FILTER = st.builds(
    Filter,
    year_from=st.one_of(st.none(), st.integers(1989, 2001)),
    year_to=st.one_of(st.none(), st.integers(1989, 2001)),
    publication_types=st.lists(NAME.filter(bool), max_size=2).map(tuple),
    mesh=st.lists(st.sampled_from(["HUMANS", "animals", "d006801", "unknown"]), max_size=2).map(tuple),
    journals=st.lists(st.sampled_from(["lancet", "Nature"]), max_size=1).map(tuple),
    languages=st.lists(st.sampled_from(["ENG", "ger"]), max_size=1).map(tuple),
    has_abstract=st.booleans(),
    not_retracted=st.booleans(),
    chemicals=st.lists(st.sampled_from(["HUMANS", "r16co5y76e"]), max_size=1).map(tuple),
    supplementary_concepts=st.lists(st.sampled_from(["HUMANS", "animals"]), max_size=1).map(tuple),
    accessions=st.lists(st.sampled_from(["nct00000620", "NCT1"]), max_size=1).map(tuple),
)


def build_from(folder: Path, files: list[list[Record]]) -> DocumentStore:
    """A corpus whose sources hold the given records, through a format made for the test."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(len(files) + 1):
        (folder / f"{i}.demo").write_text(str(i))

    def read(path: Path, _: CorpusSettings) -> Iterator[Record]:
        number = int(path.stem)
        return iter(files[number] if number < len(files) else [])

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(formats._FORMATS, "demo", CorpusFormat("demo", ("*.demo",), 1, read))
        build_corpus("demo", CorpusSettings((str(folder),), "demo"), folder, folder / "built")
    return DocumentStore.open(folder / "built")


def live_rows(files: list[list[Record]]) -> dict[str, tuple[int, Document]]:
    """What is live, by reading the records in order, one at a time."""
    found: dict[str, tuple[int, Document | NotTaken]] = {}
    row = 0
    for record in (record for file in files for record in file):
        if isinstance(record, Deletion):
            found.pop(record.document_id, None)
        elif isinstance(record, (Document, NotTaken)):
            key = record.id if isinstance(record, Document) else record.document_id
            if key not in found or found[key][1].version <= record.version:
                found[key] = (row, record)
            row += isinstance(record, Document)
    return {key: (row, record) for key, (row, record) in found.items() if isinstance(record, Document)}


@given(files=RECORDS, allowed=FILTER)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_documents_come_back_and_filters_mean_what_they_say(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[Record]], allowed: Filter
) -> None:
    expected = live_rows(files)
    documents = [record for file in files for record in file if isinstance(record, Document)]
    with (
        pytest.MonkeyPatch.context() as patch,
        build_from(tmp_path_factory.mktemp("demo"), files) as store,
    ):
        patch.setattr(corpus_store, "_OPEN_PARTS", 1)
        assert store.n_rows == len(documents)
        order = list(reversed(range(len(documents))))
        assert store.read(order + order) == [documents[row] for row in order + order]
        assert {d.id: (row, d) for batch in store.scan(batch_size=3) for row, d in batch} == expected
        ids = [*expected, "unknown", "999"]
        assert store.find(ids).tolist() == [expected[i][0] if i in expected else -1 for i in ids]
        wanted = [row for row, d in expected.values() if allows(allowed, d)]
        assert np.flatnonzero(store.mask(allowed)).tolist() == sorted(wanted)


def allows(allowed: Filter, document: Document) -> bool:
    def among(wanted: tuple[str, ...], names: list[str]) -> bool:
        return not wanted or bool({name.lower() for name in wanted} & {name.lower() for name in names if name})

    dated = allowed.year_from is None and allowed.year_to is None
    if document.year is not None:
        dated = (allowed.year_from or 0) <= document.year <= (allowed.year_to or 9999)
    return (
        dated
        and among(
            allowed.publication_types, [text for kind in document.publication_types for text in (kind.name, kind.ui)]
        )
        and among(allowed.mesh, [text for heading in document.mesh for text in (heading.name, heading.ui)])
        and among(allowed.journals, [document.journal])
        and among(allowed.languages, list(document.languages))
        and among(allowed.chemicals, [text for c in document.chemicals for text in (c.name, c.ui, c.registry_number)])
        and among(
            allowed.supplementary_concepts, [text for c in document.supplementary_concepts for text in (c.name, c.ui)]
        )
        and among(allowed.accessions, [accession.number for accession in document.accessions])
        and (not allowed.has_abstract or any(section.text for section in abstract_sections(document)))
        and not (allowed.not_retracted and document.retracted)
    )


def test_the_kind_of_white_space_in_a_name_matters_to_no_engine(tmp_path: Path) -> None:
    document = Document("1", journal="N Engl\u00a0J Med", mesh=(MeshHeading("Heart\tFailure"),))
    store = build_from(tmp_path, [[document]])

    for allowed in (Filter(journals=("n engl j med",)), Filter(mesh=("heart failure",))):
        assert store.mask(allowed).tolist() == [matches(frozenset(filter_tokens(document)), allowed)] == [True]


def test_large_corpora_are_resolved_in_ranges_of_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [Document(str(i % 700), version=1 + i % 3) for i in range(1, 1000)]
    documents += [Document(f"MED-{i % 70}") for i in range(100)]
    files: list[list[Record]] = [[*documents[:600], Deletion("5")], [*documents[600:], Deletion("MED-1")]]
    monkeypatch.setattr(state, "_BUCKET", 50)

    store = build_from(tmp_path, files)

    expected = live_rows(files)
    assert store.find(list(expected)).tolist() == [row for row, _ in expected.values()]
    assert len(store) == len(expected)


def test_large_documents_are_written_and_read_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "_BATCH_BYTES", 10_000)
    monkeypatch.setattr(blocks, "_SCANNED_BYTES", 10_000)
    told: list[int] = []
    at_a_time: list[int] = []
    read = blocks.BlockReader.read

    def counted(self: blocks.BlockReader, positions: Sequence[int]) -> list[Document]:
        at_a_time.append(len(positions))
        return read(self, positions)

    monkeypatch.setattr(blocks.BlockReader, "read", counted)
    (tmp_path / "n.jsonl").write_text(
        "".join(json.dumps({"_id": f"d{n}", "text": "x" * (100 if n % 5 else 4_000)}) + "\n" for n in range(50))
    )
    settings = CorpusSettings(("n.jsonl",), "jsonl")
    build_corpus(
        "demo",
        settings,
        tmp_path,
        tmp_path / "demo",
        lambda stage, n, _: told.append(n) if stage == "documents" else None,
    )

    with DocumentStore.open(tmp_path / "demo") as store:
        at_a_time.clear()
        assert [document.id for batch in store.scan() for _, document in batch] == [f"d{n}" for n in range(50)]
        assert store.ids([0, 49]) == ["d0", "d49"]
    assert len(told) > 4
    assert told[-1] == 50
    assert max(at_a_time) < 20


def test_ids_with_one_hash_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same = (1 << 63) + 5
    monkeypatch.setattr(part, "document_keys", lambda ids: np.array([same for _ in ids], dtype=np.uint64))

    with pytest.raises(corpus_build.SourceError, match="'a' and 'b' have the same 64-bit hash"):
        build_from(tmp_path, [[Document("a"), Document("a")], [Document("b")]])


def test_any_tool_reads_the_parquet_parts(tmp_path: Path) -> None:
    document = Document("1", (Section("title", "T"), Section("abstract", "A.", "AIM")), year=1999, languages=("eng",))
    build_from(tmp_path, [[document]])

    path = next(path for path in tmp_path.rglob("*.parquet") if pq.read_metadata(path).num_rows)
    (row,) = pq.read_table(path).to_pylist()

    assert (row["id"], row["year"], row["has_abstract"], row["languages"]) == ("1", 1999, True, ["eng"])
    assert row["sections"][1] == {"name": "abstract", "text": "A.", "label": "AIM", "category": ""}


def test_rows_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    store = build_from(tmp_path, [[Document("1")]])

    assert store.read([]) == []
    for row in (-1, 1):
        with pytest.raises(UsageError, match="out of range"):
            store.read([row])


@pytest.mark.parametrize(
    "name", ["documents.bin", "rows.npy", "documents.parquet", "dead.npy", "keys.bin", "state.json"]
)
@pytest.mark.parametrize("harm", ["cut", "garble", "remove"])
def test_damage_is_one_clear_error(tmp_path: Path, name: str, harm: str) -> None:
    build_from(tmp_path, [[Document("1", (Section("abstract", "text " * 50),)), Document("2")]])
    path = max((path for path in tmp_path.rglob(name)), key=lambda p: p.stat().st_size)
    size = path.stat().st_size
    if harm == "remove":
        path.unlink()
    elif harm == "cut":
        os.truncate(path, size // 2)
    else:
        path.write_bytes(b"\xff" * size)
    if harm == "garble" and name in {"keys.bin"}:
        return  # Another valid list of keys: only `verify` by hash can tell.

    with pytest.raises(ProductError, match="ragqa corpus build"):
        use_everything(tmp_path / "built")


def use_everything(folder: Path) -> None:
    with DocumentStore.open(folder) as store:
        store.get("1")
        list(store.scan())
        store.mask(Filter(has_abstract=True, mesh=("Humans",)))


def test_threads_may_share_a_store(tmp_path: Path) -> None:
    documents = [Document(str(i), (Section("abstract", f"text {i} " * 40),)) for i in range(1, 400)]
    files: list[list[Record]] = [list(documents[i::7]) for i in range(7)]
    store = build_from(tmp_path, files)
    wrong: list[str] = []

    def work(seed: int) -> None:
        ids = [str(1 + i * seed % 399) for i in range(300)]
        wrong.extend(i for i in ids if store.get(i).id != i)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 5, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
