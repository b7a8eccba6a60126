"""Reads PubMed XML as a stream: baseline and update files, search results, ``.xml`` and ``.xml.gz``.

Whatever the root element is called, its articles, books and deletions are read in order, some megabytes at a time.
The parser loads no DTD, reaches no network and expands no entities.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ragqa.corpus import pubmed_record
from ragqa.corpus.records import Deletion, Record, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.sources import damage_reported, open_source
from ragqa.corpus.xml_records import RecordFile
from ragqa.errors import SourceError
from ragqa.types import Document

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_RECORD_TAGS = ("PubmedArticle", "PubmedBookArticle", "MedlineCitation", "DeleteCitation", "DeleteDocument")
_LEFT_OUT = ("History", "ReferenceList")
_SETS = ("PubmedArticleSet", "PubmedBookArticleSet", "MedlineCitationSet")


def read_pubmed_xml(path: Path, settings: CorpusSettings) -> Iterator[Record]:  # noqa: ARG001 (a Reader)
    """Stream the records of a PubMed XML file.

    A record without PMID is skipped, and so is an element among the records that is none. ``DeleteCitation`` and
    ``DeleteDocument`` end all versions of their PMIDs.

    Raises
    ------
    SourceError
        The file is missing, empty, truncated, not well-formed, or holds no PubMed records; the message says where.
    """
    last = ""
    with open_source(path) as file, damage_reported(path, lambda: f"after PMID {last}" if last else "at its start"):
        records = RecordFile(file, str(path), _RECORD_TAGS, _LEFT_OUT, _SETS)
        n_records = 0
        for batch in records.batches():
            n_records += len(batch)
            for element in batch:
                for record in _records(element, path.name):
                    yield record
                    if isinstance(record, Document):
                        last = record.id
        yield from (Skipped("unknown element") for _ in records.others)
    if not n_records and records.root_tag not in _SETS:
        raise SourceError(
            f"{path} holds no PubMed records (its root element is {records.root_tag!r}); is it of another format?"
        )


def _records(element: "Element", source: str) -> Iterator[Record]:
    if element.tag == "PubmedArticle":
        yield pubmed_record.article(element, source)
    elif element.tag == "PubmedBookArticle":
        yield pubmed_record.book(element, source)
    elif element.tag in {"DeleteCitation", "DeleteDocument"}:
        for child in element.iterchildren("PMID"):
            document_id = pubmed_record.pmid_of(child)
            yield Deletion(document_id) if document_id else Skipped("deletion without PMID")
    else:
        yield pubmed_record.article(element, source)
