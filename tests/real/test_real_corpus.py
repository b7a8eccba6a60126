"""Real PubMed files, BEIR folders and PubMedQA: counts add up and nothing of a record is lost."""

import gzip
import random
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from lxml import etree

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.mesh import Mesh
from ragqa.corpus.mesh_files import read_mesh
from ragqa.corpus.pubmed_xml import read_pubmed_xml
from ragqa.corpus.records import Deletion
from ragqa.corpus.scripts import on_the_line, subscript, superscript
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import abstract_sections, title_of
from ragqa.types import Document, Filter


@pytest.fixture(scope="module")
def pubmed(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DocumentStore, dict[str, dict[str, int]]]:
    folder = tmp_path_factory.mktemp("pubmed") / "corpora" / "pubmed"
    settings = CorpusSettings((str(real_data / "pubmed-xml"),), "pubmed-xml")
    manifest = build_corpus("pubmed", settings, real_data, folder)
    return DocumentStore.open(folder), manifest.counts


def content(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def test_every_record_of_all_files_is_accounted_for(
    real_data: Path, pubmed: tuple[DocumentStore, dict[str, dict[str, int]]]
) -> None:
    store, counts = pubmed
    files = sorted((real_data / "pubmed-xml").iterdir())
    assert set(counts["sources"]) == {path.name for path in files}
    for path in files:
        count: dict[str, int] = counts["sources"][path.name]  # type: ignore[assignment]
        n_records = len(re.findall(rb"<Pubmed(?:Book)?Article>", content(path)))
        skipped = sum(count["skipped"].values())  # type: ignore[attr-defined]
        assert count["read"] == n_records
        assert n_records == count["live"] + count["superseded"] + count["deleted"] + skipped
    assert len(store) == counts["total"]["live"]
    assert sum(1 for batch in store.scan() for _ in batch) == len(store)


def test_every_text_of_every_record_is_there(real_data: Path) -> None:
    """Against a plain reading of the whole tree, one file at a time."""
    for path in (real_data / "pubmed-xml").iterdir():
        records = list(read_pubmed_xml(path, CorpusSettings((), "pubmed-xml")))
        documents = [record for record in records if isinstance(record, Document)]
        root = etree.fromstring(content(path))
        articles = [element for element in root if element.tag in {"PubmedArticle", "PubmedBookArticle"}]
        assert len(documents) == len(articles)
        for document, article in zip(documents, articles, strict=True):
            check(document, article)
        deleted = [record.document_id for record in records if isinstance(record, Deletion)]
        assert deleted == root.xpath("//DeleteCitation/PMID/text()")


def signs(texts: Iterable[str]) -> list[str]:
    """Texts without white space and without what tells that a sign is raised, lowered or part of a fraction."""
    return [re.sub(r"[\s^_/()]", "", re.sub("[‐‑–−]", "-", on_the_line(text))) for text in texts]


def test_what_is_raised_or_lowered_stays_so(real_data: Path) -> None:
    marks = {"sup": superscript, "sub": subscript}
    n_marks = 0
    for path in (real_data / "pubmed-xml").iterdir():
        documents = {
            r.id: r for r in read_pubmed_xml(path, CorpusSettings((), "pubmed-xml")) if isinstance(r, Document)
        }
        for article in etree.fromstring(content(path)).iter("PubmedArticle"):
            document = documents[article.findtext("MedlineCitation/PMID")]
            written = " ".join(section.text for section in abstract_sections(document))
            for element in article.xpath("MedlineCitation/Article/Abstract/AbstractText/*[self::sup or self::sub]"):
                words = (element.text or "").split()
                assert marks[element.tag](" ".join(words)) in written
                n_marks += bool(words) and not len(element)
    assert n_marks > 50


def check(document: Document, article: "etree._Element") -> None:
    def texts(path: str) -> list[str]:
        found = (" ".join("".join(element.itertext()).split()) for element in article.xpath(path))
        return [text for text in found if text]

    body = "MedlineCitation/Article" if article.tag == "PubmedArticle" else "BookDocument"
    top = "MedlineCitation" if article.tag == "PubmedArticle" else "BookDocument"
    assert [document.id] == texts(f"{top}/PMID")
    abstract = texts(f"{body}/Abstract/AbstractText")
    assert signs(section.text for section in abstract_sections(document)) == signs(abstract)
    others = [s.text for s in document.sections if s.name.startswith("other")]
    assert signs(others) == signs(texts(f"{top}/OtherAbstract/AbstractText"))
    assert [heading.name for heading in document.mesh] == texts(f"{top}/MeshHeadingList/MeshHeading/DescriptorName")
    assert signs(document.keywords) == signs(texts(f"{top}/KeywordList/Keyword"))
    assert list(document.languages) == texts(f"{body}/Language")
    assert [kind.name for kind in document.publication_types] == texts(f"{body}//PublicationType")
    assert [document.journal] == texts(f"{body}/Journal/Title") or article.tag == "PubmedBookArticle"
    (title,) = texts(f"{body}/ArticleTitle") or texts(f"{body}/Book/BookTitle")
    shown, title = signs([title_of(document), title])
    assert shown == title or (document.title_translated and shown.rstrip(".") in title) or "NotAvailable" in title
    assert document.year is not None
    assert str(document.year) in "".join(
        texts(f"{body}//*[self::PubDate or self::ArticleDate or self::ContributionDate]")
    )


def test_filters_agree_with_the_documents(pubmed: tuple[DocumentStore, dict[str, dict[str, int]]]) -> None:
    store, _ = pubmed
    documents = {row: document for batch in store.scan() for row, document in batch}
    commonest = Counter(heading.name for document in documents.values() for heading in document.mesh).most_common(5)
    for name, n in commonest:
        rows = store.mask(Filter(mesh=(name.upper(),), has_abstract=True)).nonzero()[0].tolist()
        assert 0 < len(rows) <= n
        assert rows == [
            row
            for row, document in documents.items()
            if name in {heading.name for heading in document.mesh} and abstract_sections(document)
        ]


def test_random_access_by_id_gives_each_of_39_thousand_abstracts(real_data: Path, tmp_path: Path) -> None:
    settings = CorpusSettings((str(real_data / "bulk" / "abstracts.jsonl.gz"),), "jsonl")
    build_corpus("bulk", settings, tmp_path, tmp_path / "bulk")
    with DocumentStore.open(tmp_path / "bulk") as store:
        documents = [document for batch in store.scan() for _, document in batch]
        assert len(documents) == len(store) == 39_481
        for document in random.Random(0).sample(documents, 500):
            assert store.get(document.id) == document


@pytest.mark.parametrize(
    ("kind", "source", "n_documents"),
    [
        ("beir", "beir/scifact", 5183),
        ("beir", "beir/bioasq-passages", 22784),
        ("jsonl", "r2med/Biology-demo/corpus.jsonl", None),
        ("pubmedqa", "pubmedqa", 500),
    ],
)
def test_other_collections_are_read_in_full(
    real_data: Path, tmp_path: Path, kind: str, source: str, n_documents: int | None
) -> None:
    counts = build_corpus("other", CorpusSettings((source,), kind), real_data, tmp_path / "other").counts["total"]

    expected = n_documents or len((real_data / source).read_text().splitlines())
    assert counts["read"] == counts["live"] == expected
    assert counts["skipped"] == {}


@pytest.mark.parametrize("name", ["2017MeshTree.txt", "dhimmel_tree-numbers.tsv"])
def test_real_mesh_trees_are_read(real_data: Path, name: str) -> None:
    headings = read_mesh(real_data / "mesh" / name)

    narrower = Mesh(headings).narrower_headings(["Arrhythmias, Cardiac"])
    assert {"Atrial Fibrillation", "D001281", "Long QT Syndrome"} <= narrower
    assert "Heart Failure" not in narrower
    assert sum(len(heading.tree_numbers) for heading in headings) > 50_000
