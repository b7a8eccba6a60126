"""Corpora of a part of what their sources hold; nothing is served that is of it no more, and no notice is lost."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragqa.corpus.build import build_corpus
from ragqa.corpus.mesh import Heading, Mesh
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.subset import Subset
from ragqa.errors import UsageError
from ragqa.manifest import Manifest

Version = tuple[str, int, int] | str
"""PMID, version and year of a record; or a PMID that is withdrawn."""
RECORD = (
    '<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID><Article><Journal><JournalIssue><PubDate>'
    "<Year>{year}</Year></PubDate></JournalIssue></Journal><ArticleTitle>Title.</ArticleTitle></Article>{more}</MedlineCitation>"
    "</PubmedArticle>"
)
ROWS = [
    {"_id": "1", "title": "one", "text": "Text.", "year": 2010, "journal": "Lancet", "language": ["eng"],
     "mesh": ["Stroke"], "publication_types": ["Review"]},
    {"_id": "2", "title": "two", "text": "", "year": 2015, "journal": "BMJ", "language": ["ger"],
     "mesh": ["Heart Diseases"], "publication_types": ["Case Reports"]},
    {"_id": "3", "title": "three", "text": "Text.", "journal": "BMJ", "mesh": ["Arrhythmias, Cardiac"]},
]  # fmt: skip


def build(tmp_path: Path, only: Subset, later: tuple[object, ...] = ()) -> Manifest:
    (tmp_path / "a").mkdir(exist_ok=True)
    (tmp_path / "a" / "1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    if later:
        (tmp_path / "a" / "2.jsonl").write_text("".join(json.dumps(row) + "\n" for row in later))
    (tmp_path / "mtrees.bin").write_text("Heart Diseases;C14.280\nArrhythmias, Cardiac;C14.280.067\nStroke;C10.228\n")
    settings = CorpusSettings(("a",), "jsonl", mesh="mtrees.bin", only=only)
    return build_corpus("demo", settings, tmp_path, tmp_path / "demo")


def live(tmp_path: Path) -> list[str]:
    with DocumentStore.open(tmp_path / "demo") as store:
        return sorted(name for name in ("1", "2", "3", "9") if store.find([name])[0] >= 0)


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        (Subset(), ["1", "2", "3"]),
        (Subset(year_from=2010), ["1", "2"]),
        (Subset(year_from=2011, year_to=2015), ["2"]),
        (Subset(journals=("bmj",)), ["2", "3"]),
        (Subset(mesh=("heart diseases",)), ["2", "3"]),
        (Subset(mesh=("Arrhythmias, Cardiac", "Stroke")), ["1", "3"]),
        (Subset(publication_types=("review",)), ["1"]),
        (Subset(with_abstract=True), ["1", "3"]),
        (Subset(journals=("BMJ",), with_abstract=True), ["3"]),
        (Subset(journals=("Nature",)), []),
    ],
)
def test_only_documents_of_the_subset_are_taken_and_the_others_are_counted(
    tmp_path: Path, only: Subset, wanted: list[str]
) -> None:
    counts = build(tmp_path, only).counts["total"]

    assert live(tmp_path) == wanted
    assert counts["skipped"] == ({"not of the subset": 3 - len(wanted)} if len(wanted) < 3 else {})
    assert counts["live"] == len(wanted)


def test_a_document_that_is_revised_out_of_the_subset_leaves_it_and_may_come_back(tmp_path: Path) -> None:
    only = Subset(year_from=2010)
    build(tmp_path, only, later=({**ROWS[0], "year": 2001},))
    assert live(tmp_path) == ["2"]

    build(tmp_path, only, later=({**ROWS[0], "year": 2001}, {**ROWS[0], "year": 2012}, {**ROWS[2], "year": 2012}))
    assert live(tmp_path) == ["1", "2", "3"]


def pubmed(folder: Path, files: list[list[Version]], only: Subset) -> DocumentStore:
    """A corpus of PubMed files: a tuple is a record, a text deletes a PMID."""
    sources = folder / "sources"
    sources.mkdir(parents=True)
    for number, records in enumerate(files, start=1):
        articles = "".join(
            f"<DeleteCitation><PMID>{record}</PMID></DeleteCitation>"
            if isinstance(record, str)
            else RECORD.format(pmid=record[0], version=record[1], year=record[2], more="")
            for record in records
        )
        (sources / f"pubmed26n{number:04d}.xml").write_text(f"<PubmedArticleSet>{articles}</PubmedArticleSet>")
    build_corpus("demo", CorpusSettings(("sources",), "pubmed-xml", only=only), folder, folder / "demo")
    return DocumentStore.open(folder / "demo")


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ([[("1", 2, 2012)], [("1", 1, 2001)]], 2012),  # an old version, read later, of a document that stays
        ([[("1", 2, 2001)], [("1", 1, 2012)]], None),  # the newer version is not of the subset
        ([[("1", 1, 2012)], [("1", 1, 2001)]], None),
        ([[("1", 2, 2001)], ["1"], [("1", 1, 2012)]], 2012),  # withdrawn: what comes later stands by itself
        ([["1", ("1", 2, 2001)], [("1", 1, 2012)]], None),
        ([[("1", 1, 2012), ("1", 2, 2001), ("1", 2, 2012)]], 2012),
    ],
)
def test_the_newest_version_decides_whether_a_document_is_of_the_subset(
    tmp_path: Path, files: list[list[Version]], wanted: int | None
) -> None:
    with pubmed(tmp_path, files, Subset(year_from=2010)) as store:
        assert [document.year for batch in store.scan() for _, document in batch] == ([wanted] if wanted else [])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.tuples(st.sampled_from("123"), st.integers(1, 3), st.integers(2008, 2011)), st.sampled_from("123")
            ),
            max_size=6,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_subset_is_what_the_whole_corpus_has_of_it(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[Version]]
) -> None:
    only = Subset(year_from=2010)
    folder = tmp_path_factory.mktemp("demo")
    with pubmed(folder / "all", files, Subset()) as whole, pubmed(folder / "only", files, only) as part:
        everything = {document.id: document for batch in whole.scan() for _, document in batch}
        assert {document.id: document for batch in part.scan() for _, document in batch} == {
            key: document for key, document in everything.items() if only.has(document)
        }


@pytest.mark.parametrize("folder", ["baseline", "elsewhere"])
def test_versions_of_one_baseline_file_end_each_other(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    records = RECORD.format(pmid=1, version=1, year=2012, more="") + RECORD.format(
        pmid=1, version=2, year=2001, more=""
    )
    text = f"<PubmedArticleSet>{records}</PubmedArticleSet>"
    (tmp_path / folder / "pubmed26n0001.xml.gz").write_bytes(gzip.compress(text.encode()))
    settings = CorpusSettings((folder,), "pubmed-xml", only=Subset(year_from=2010))
    total = build_corpus("demo", settings, tmp_path, tmp_path / "demo").counts["total"]

    assert live(tmp_path) == []
    assert (total["read"], total["superseded"], total["deletions"]) == (2, 1, 0)


def test_another_subset_reads_the_same_files_anew(tmp_path: Path) -> None:
    build(tmp_path, Subset(year_from=2015))
    assert live(tmp_path) == ["2"]
    build(tmp_path, Subset(year_to=2014))
    assert live(tmp_path) == ["1"]


NOTICE = (
    '<CommentsCorrectionsList><CommentsCorrections RefType="RetractionOf"><RefSource>x</RefSource>'
    '<PMID Version="1">1</PMID></CommentsCorrections></CommentsCorrectionsList>'
)


@pytest.mark.parametrize("folder", ["baseline", "elsewhere"])
def test_a_notice_of_retraction_is_kept_whatever_its_year(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    records = (
        RECORD.format(pmid=1, version=1, year=2005, more=""),
        RECORD.format(pmid=2, version=1, year=2020, more=""),
        RECORD.format(pmid=9, version=1, year=2020, more=NOTICE),
    )
    text = f"<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>"
    (tmp_path / folder / "pubmed26n0001.xml.gz").write_bytes(gzip.compress(text.encode()))
    settings = CorpusSettings((folder,), "pubmed-xml", only=Subset(year_to=2010))
    total = build_corpus("demo", settings, tmp_path, tmp_path / "demo").counts["total"]

    assert live(tmp_path) == ["1", "9"]
    with DocumentStore.open(tmp_path / "demo") as store:
        assert store.get("1").retracted
    assert total["skipped"] == {"not of the subset": 1}
    assert not_taken(tmp_path) == [0 if folder == "baseline" else 1]

    (tmp_path / folder).rename(tmp_path / "moved")
    settings = CorpusSettings(("moved",), "pubmed-xml", only=Subset(year_to=2010))
    build_corpus("demo", settings, tmp_path, tmp_path / "demo")
    assert not_taken(tmp_path) == [1]


def not_taken(tmp_path: Path) -> list[int]:
    """How many versions each part remembers that it did not take."""
    return [len(np.load(path)) for path in (tmp_path / "demo").rglob("deletions.npy")]


def test_an_entry_term_stands_for_its_heading_and_those_below() -> None:
    mesh = Mesh(
        [Heading("Heart Diseases", "D1", ("C14.280",), ("Cardiac Diseases",)), Heading("Asthma", "D2", ("C08",))]
    )

    assert set(Subset(mesh=("cardiac diseases",)).resolved(mesh).mesh) == {"heart diseases", "d1"}
    assert Subset(mesh=("Anything",)).resolved(None).mesh == ("anything",)


def test_years_the_wrong_way_round_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"only.year_from is 2012 and only.year_to 2010"):
        build(tmp_path, Subset(year_from=2012, year_to=2010))
