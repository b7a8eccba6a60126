"""Articles as PubMed's own format (MEDLINE/PubMed display format, files ``.nbib``)."""

import textwrap
from collections.abc import Iterable, Iterator

from ragqa.corpus.text import abstract_of, title_of
from ragqa.render.escape import plain
from ragqa.render.names import parted
from ragqa.types import Document

MEDIA_TYPE = "application/nbib"
_WIDTH = 88
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def text(documents: Iterable[Document]) -> str:
    """The articles, one record each, an empty line between them; long values go on in lines that begin with spaces.

    An id that is no PMID stands in a field ``AID``.
    """
    return "\r\n".join("".join(f"{line}\r\n" for line in _record(document)) for document in documents)


def _record(document: Document) -> Iterator[str]:
    for tag, value in _fields(document):
        # Text is broken at spaces only: taken apart elsewhere it could not be put together again.
        lines = textwrap.wrap(plain(value), _WIDTH, break_long_words=False, break_on_hyphens=False)
        for place, line in enumerate(lines):
            yield f"      {line}" if place else f"{tag:<4}- {line}"


def _fields(document: Document) -> Iterator[tuple[str, str]]:
    is_pmid = document.id.isascii() and document.id.isdecimal()
    yield "PMID", document.id if is_pmid else ""
    yield "AID", "" if is_pmid else f"{document.id} [id]"
    yield "DP", _date(document)
    yield "TI", title_of(document)
    yield "LID", f"{document.doi} [doi]" if document.doi else ""
    yield "PG", document.pages
    yield "AB", abstract_of(document)
    for author in document.authors:
        name = parted(plain(author))
        yield from [("FAU", name.inverted), ("AU", name.initials)] if name.given else [("CN", name.family)]
    for language in document.languages:
        yield "LA", language
    for kind in document.publication_types:
        yield "PT", kind.name
    yield "PT", "" if not document.retracted or _says_so(document) else "Retracted Publication"
    yield "JT", document.journal
    yield "VI", document.volume
    yield "IP", document.issue
    for heading in document.mesh:
        yield "MH", "/".join([f"{'*' if heading.major else ''}{heading.name}", *heading.qualifiers])
    for word in document.keywords:
        yield "OT", word
    yield "PMC", document.pmcid


def _says_so(document: Document) -> bool:
    return any(kind.name == "Retracted Publication" for kind in document.publication_types)


def _date(document: Document) -> str:
    """The date as PubMed writes it, ``2011 Aug 5``."""
    year, _, rest = (document.date or str(document.year or "")).partition("-")
    month, _, day = rest.partition("-")
    named = _MONTHS[int(month) - 1] if month.isdecimal() and 1 <= int(month) <= 12 else ""
    return " ".join(part for part in (year, named, day.lstrip("0")) if part)
