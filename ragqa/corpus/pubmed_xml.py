"""Reads PubMed XML as a stream: baseline and update files, search results, ``.xml`` and ``.xml.gz``.

Whatever the root element is called, its articles, books and deletions are read in order. One record at a time is
in memory. The parser loads no DTD, reaches no network and expands no entities.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ragqa.corpus import pubmed_record
from ragqa.corpus.records import Deletion, Record, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.sources import damage_reported, open_source
from ragqa.errors import SourceError
from ragqa.types import Document

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_RECORD_TAGS = ("PubmedArticle", "PubmedBookArticle", "MedlineCitation", "DeleteCitation", "DeleteDocument")
_SETS = {"PubmedArticleSet", "PubmedBookArticleSet", "MedlineCitationSet"}


def read_pubmed_xml(path: Path, settings: CorpusSettings) -> Iterator[Record]:  # noqa: ARG001 (a Reader)
    """Stream the records of a PubMed XML file.

    A record without PMID is skipped. ``DeleteCitation`` and ``DeleteDocument`` end all versions of their PMIDs.

    Raises
    ------
    SourceError
        The file is missing, empty, truncated, not well-formed, or holds no PubMed records; the message says where.
    """
    from lxml import etree

    last = "at its start"
    n_records = 0
    with open_source(path) as file, damage_reported(path, lambda: last):
        try:
            events = etree.iterparse(
                file,
                events=("end",),
                tag=_RECORD_TAGS,
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
            for _, element in events:
                for record in _records(element, path.name):
                    n_records += 1
                    if isinstance(record, Document):
                        last = f"after PMID {record.id} (record {n_records})"
                    yield record
                _forget(element)
        except etree.XMLSyntaxError as error:
            raise SourceError(
                f"{path} is truncated or not well-formed XML {last}: {error.msg}; fetch it again"
            ) from error
    root = None if events.root is None else events.root.tag
    if not n_records and root not in _SETS:
        raise SourceError(f"{path} holds no PubMed records (its root element is {root!r}); is it of another format?")


def _records(element: "Element", source: str) -> Iterator[Record]:
    if element.tag == "PubmedArticle":
        yield pubmed_record.article(element, source)
    elif element.tag == "PubmedBookArticle":
        yield pubmed_record.book(element, source)
    elif element.tag in {"DeleteCitation", "DeleteDocument"}:
        for child in element.iterchildren("PMID"):
            document_id = pubmed_record.pmid_of(child)
            yield Deletion(document_id) if document_id else Skipped("deletion without PMID")
    elif not _inside_article(element):
        yield pubmed_record.article(element, source)


def _inside_article(element: "Element") -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag == "PubmedArticle"


def _forget(element: "Element") -> None:
    """Free a record that was read, and what stands before it."""
    if _inside_article(element):
        return
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]
