"""Articles as a table for a spreadsheet: CSV (RFC 4180), in which no cell is run as a formula."""

import csv
import io
from collections.abc import Iterable

from ragqa.corpus.evidence import evidence_level
from ragqa.corpus.text import abstract_of, title_of
from ragqa.render import addresses
from ragqa.render.escape import plain
from ragqa.types import Document

MEDIA_TYPE = "text/csv; charset=utf-8"
COLUMNS = (
    "id", "title", "authors", "journal", "year", "volume", "issue", "pages", "doi", "pmcid", "publication_types",
    "evidence_level", "retracted", "mesh", "url", "abstract",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Signs that a spreadsheet may begin a formula with; some take the wide ones of Chinese and Japanese for the same."""


def text(documents: Iterable[Document]) -> str:
    """The articles, one row each, below the names of the columns.

    A byte order mark comes first: without it spreadsheets take the text for another encoding than UTF-8.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for document in documents:
        writer.writerow([cell(value) for value in _row(document)])
    return "\ufeff" + out.getvalue()


def cell(value: str) -> str:
    r"""The text of a cell; one that a spreadsheet would run gets an apostrophe before it.

    >>> cell('=HYPERLINK("http://example.org")')
    '\'=HYPERLINK("http://example.org")'
    """
    shown = plain(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _row(document: Document) -> tuple[str, ...]:
    return (
        document.id,
        title_of(document),
        "; ".join(document.authors),
        document.journal,
        str(document.year or ""),
        document.volume,
        document.issue,
        document.pages,
        document.doi,
        document.pmcid,
        "; ".join(kind.name for kind in document.publication_types),
        evidence_level(document),
        "yes" if document.retracted else "no",
        "; ".join(heading.name for heading in document.mesh),
        addresses.of_document(document),
        abstract_of(document),
    )
