"""The marks by which a text refers to its sources: "[3, 5–7]", "(Smith et al., 2019)", "PMID 123", a DOI.

A DOI is read by Crossref's pattern (https://www.crossref.org/blog/dois-and-matching-regular-expressions).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ragqa.corpus.words import word_set

MarkKind = Literal["number", "author-year", "pmid", "doi"]
_MOST_IN_RANGE = 50
_REACH = 400
"""Characters before a mark in which the words are looked for that it refers to; several marks may stand between."""
_BETWEEN = " ([;,:.!?)]\"'”’"

_NUMBERS = re.compile(r"\[(?P<list>\d{1,3}(?:\s?[-–,;]\s?\d{1,3})*)\]")
_NAME = r"[A-ZÀ-ÖØ-ÞČĐŁŚŞŠŻŽ][\w'’-]+(?:\s(?:[A-Z]{1,3}\b|[A-Z]\.))?"
_NAMES = rf"{_NAME}(?:,?\s(?:and|&)\s{_NAME}|\s(?:et al\.?|and (?:colleagues|others)))?"
_AUTHOR_YEAR = re.compile(
    rf"(?P<author>{_NAMES})(?:'s)?,?\s"
    r"(?:\((?P<inner>(?:19|20)\d\d)(?P<first>[a-z]?)\)|(?P<year>(?:19|20)\d\d)(?P<second>[a-z]?)(?!\d))"
)
_IN_BRACKETS = re.compile(rf"\((?:see |e\.g\.,? |cf\. )?(?:{_NAMES},?\s(?:19|20)\d\d[a-z]?(?:;\s?)?)+\)")
_PMID = re.compile(
    r"\b(?:(?:PMID|PubMed ID)s?[:\s#]*|PubMed(?:[:\s#]*(?=\d{5})|:\s?))(?P<id>\d{1,8})(?!\d)"
    r"|pubmed\.ncbi\.nlm\.nih\.gov/(?P<path>\d{1,8})"
)
_DOI = re.compile(r"\b(?P<doi>10\.\d{4,9}/[-._;()/:A-Za-z0-9<>]+)", re.IGNORECASE)
_DOI_ADDRESS = re.compile(r"(?:https?://)?(?:dx\.)?doi\.org/|\bdoi:\s?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mark:
    """A reference in a text.

    Attributes
    ----------
    kind
        How it refers.
    begin, end
        Where it stands.
    numbers
        The numbers of a ``number`` mark.
    value
        The PMID, the DOI in lower case, or the first author's name.
    year, letter
        Of an ``author-year`` mark: 2019 and "a" of "2019a"; "" for no letter.
    """

    kind: MarkKind
    begin: int
    end: int
    value: str = ""
    numbers: tuple[int, ...] = ()
    year: int = 0
    letter: str = ""


def marks_of(text: str) -> list[Mark]:
    """The marks of a text in order; a number in brackets that is no list of sources ("(18-65)") is none.

    >>> [(mark.kind, mark.value or mark.numbers) for mark in marks_of("It helps [1-3] (Smith et al., 2019; PMID: 12).")]
    [('number', (1, 2, 3)), ('author-year', 'Smith'), ('pmid', '12')]
    """
    found = [*_numbered(text), *_by_author(text), *_by_id(text)]
    return sorted(found, key=lambda mark: mark.begin)


def without_marks(text: str) -> str:
    """The text without its marks, for reading.

    >>> without_marks("Aspirin helps [1, 2] (Smith et al., 2019).")
    'Aspirin helps.'
    """
    for pattern in (_IN_BRACKETS, _NUMBERS, _PMID, _DOI_ADDRESS, _DOI):
        text = pattern.sub(lambda found: found[0][len(_trimmed(found[0])) :] if found[0][:3] == "10." else "", text)
    bare = re.sub(r"\(\W*\)|\[\W*\]", "", text)
    return re.sub(r"\s+(?=[.,;:\s])", "", bare).strip()


def blanked(text: str) -> str:
    """The text with blanks in the place of its marks, so that every other sign keeps its place.

    >>> blanked("It helps [1].")
    'It helps    .'
    """
    for pattern in (_IN_BRACKETS, _NUMBERS, _PMID, _DOI):
        text = pattern.sub(lambda found: " " * len(found[0]), text)
    return text


def end_of_cited(blank: str, mark: Mark) -> int:
    """Where the words end that a mark of a text refers to: before it, also where they are a sentence with its stop.

    ``blank`` is the text as :func:`blanked` gives it. A mark that is a word of its sentence ("Smith (2019) found") is
    at its own place.

    >>> text = "Aspirin helps. (Smith, 2019) It harms."
    >>> text[: end_of_cited(blanked(text), *marks_of(text))]
    'Aspirin helps'
    """
    if not blank[mark.begin].isspace():
        return mark.begin
    begin = max(0, mark.begin - _REACH)
    words = blank[begin : mark.begin].rstrip(_BETWEEN)
    return begin + len(words) if words else mark.begin


def _numbered(text: str) -> Iterator[Mark]:
    for found in _NUMBERS.finditer(text):
        numbers: list[int] = []
        for part in re.split(r"\s?[,;]\s?", found["list"]):
            first, _, last = re.sub(r"\s", "", part).replace("–", "-").partition("-")
            begin, end = int(first), int(last or first)
            if not begin <= end <= begin + _MOST_IN_RANGE or begin == 0:
                numbers = []
                break
            numbers += range(begin, end + 1)
        if numbers:
            yield Mark("number", found.start(), found.end(), numbers=tuple(numbers))


def _by_author(text: str) -> Iterator[Mark]:
    for found in _AUTHOR_YEAR.finditer(text):
        name = re.split(r",| and | & | et al", found["author"])[0].split()[0]
        is_cited = "(" in text[max(0, found.start() - 80) : found.end()] and (
            ")" in text[found.end() - 1 : found.end() + 80]
        )
        if is_cited and name not in _MONTHS:
            year, letter = int(found["year"] or found["inner"]), found["first"] or found["second"] or ""
            yield Mark("author-year", found.start(), found.end(), name, year=year, letter=letter)


_MONTHS = word_set(
    """January February March April May June July August September October November December In Since From Until By Of
    The During Before After"""
)


def _by_id(text: str) -> Iterator[Mark]:
    for found in _PMID.finditer(text):
        yield Mark("pmid", found.start(), found.end(), found["id"] or found["path"])
    for found in _DOI.finditer(text):
        doi = _trimmed(found["doi"])
        yield Mark("doi", found.start(), found.start() + len(doi), doi.lower())


def _trimmed(doi: str) -> str:
    """A DOI without the stops and the closing bracket that follow it in a text."""
    doi = doi.rstrip(".,;:")
    while doi.endswith(")") and doi.count(")") > doi.count("("):
        doi = doi[:-1].rstrip(".,;:")
    return doi
