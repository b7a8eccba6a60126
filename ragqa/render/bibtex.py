"""Articles as BibTeX, in UTF-8, with every sign that TeX would obey written as text."""

import re
from collections.abc import Iterable, Iterator

from ragqa.corpus.text import abstract_of, title_of
from ragqa.render import addresses
from ragqa.render.escape import plain
from ragqa.render.names import parted
from ragqa.types import Document

MEDIA_TYPE = "application/x-bibtex"
# BibTeX counts braces even behind a backslash, therefore they are named.
_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "$": r"\$", "&": r"\&",
    "%": r"\%", "#": r"\#", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
}  # fmt: skip
_TABLE = str.maketrans(_SIGNS)
_VERBATIM = re.compile(r"[A-Za-z0-9./:;()<>_+-]*")


def text(documents: Iterable[Document]) -> str:
    """The articles, one entry each; two of one id get one key, which BibTeX tells."""
    return "\n".join("".join(f"{line}\n" for line in _entry(document)) for document in documents)


def escaped(value: str) -> str:
    r"""The text in one line as TeX shows it.

    >>> escaped("5% of {all} & more")
    '5\\% of \\textbraceleft{}all\\textbraceright{} \\& more'
    """
    return plain(value).translate(_TABLE)


def _entry(document: Document) -> Iterator[str]:
    key = re.sub(r"[^A-Za-z0-9]+", "-", document.id)
    yield f"@article{{pmid{key}," if document.id.isdecimal() else f"@article{{{key or 'article'},"
    for name, value in _fields(document):
        if value:
            yield f"  {name} = {{{value}}},"
    yield "}"


def _fields(document: Document) -> Iterator[tuple[str, str]]:
    # Double braces keep the capitals of a title.
    title = escaped(title_of(document))
    yield "title", f"{{{title}}}" if title else ""
    yield "author", " and ".join(_author(author) for author in document.authors if plain(author))
    yield "journal", escaped(document.journal)
    yield "year", str(document.year or "")
    yield "volume", escaped(document.volume)
    yield "number", escaped(document.issue)
    yield "pages", escaped("--".join(page for page in addresses.page_range(document.pages) if page))
    yield "doi", document.doi if _VERBATIM.fullmatch(document.doi) else escaped(document.doi)
    yield "pmid", document.id if addresses.pubmed(document.id) else ""
    yield "pmcid", escaped(document.pmcid)
    yield "url", addresses.of_document(document).replace("%", r"\%")
    yield "keywords", ", ".join(escaped(word) for word in document.keywords)
    yield "note", "Retracted publication" if document.retracted else ""
    yield "abstract", escaped(abstract_of(document))


def _author(author: str) -> str:
    name = parted(plain(author))
    if not name.given:
        return f"{{{escaped(name.family)}}}"
    # The suffix stands between, and a part that holds "and" or a comma is kept whole.
    return ", ".join(_whole(part) for part in (name.family, name.suffix, name.given) if part)


def _whole(part: str) -> str:
    return f"{{{escaped(part)}}}" if re.search(r"(?i),|\band\b", part) else escaped(part)
