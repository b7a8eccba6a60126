"""Articles as RIS, the tagged format that reference managers read (Research Information Systems, 2001)."""

from collections.abc import Iterable, Iterator

from ragqa.corpus.text import abstract_of, title_of
from ragqa.render import addresses
from ragqa.render.escape import plain
from ragqa.render.names import parted
from ragqa.types import Document

MEDIA_TYPE = "application/x-research-info-systems"


def text(documents: Iterable[Document]) -> str:
    """The articles, one record each; every value is one line, so that no text can begin a field of its own."""
    return "".join(f"{line}\r\n" for document in documents for line in _record(document))


def _record(document: Document) -> Iterator[str]:
    yield "TY  - JOUR"
    for tag, value in _fields(document):
        if shown := plain(value):
            yield f"{tag}  - {shown}"
    yield "ER  - "
    yield ""


def _fields(document: Document) -> Iterator[tuple[str, str]]:
    begin, end = addresses.page_range(document.pages)
    yield "TI", title_of(document)
    for author in document.authors:
        yield "AU", parted(plain(author)).inverted
    yield "T2", document.journal
    yield "PY", str(document.year or "")
    yield "DA", document.date.replace("-", "/")
    yield "VL", document.volume
    yield "IS", document.issue
    yield "SP", begin
    yield "EP", end
    yield "DO", document.doi
    yield "AN", document.id
    yield "C2", document.pmcid
    yield "UR", addresses.of_document(document)
    for language in document.languages:
        yield "LA", language
    for kind in document.publication_types:
        yield "M3", kind.name
    for word in [*(heading.name for heading in document.mesh), *document.keywords]:
        yield "KW", word
    yield "N1", "Retracted publication" if document.retracted else ""
    yield "AB", abstract_of(document)
