"""The list of references of a text, entry by entry: number, first author, year, PMID, DOI."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragqa.check.text.blocks import Block
from ragqa.check.text.marks import marks_of

_HEADING = re.compile(
    r"\A\W*(?:\d+\.?\s+)?(?:references?|bibliography|literature(?: cited)?|works cited|sources|further reading)\W*\Z",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\A\s*(?:\[(?P<bracket>\d{1,3})\]|(?P<plain>\d{1,3})[.)])\s+")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_AUTHOR = re.compile(
    r"\A(?P<name>(?:(?:van|von|de|der|den|del|la|le|di|da|dos|el|al|ter)\s)*[^\W\d_][\w'’-]+)", re.IGNORECASE
)
_SOURCE = re.compile(
    r"(?:\b(?:PMID|PMCID|[Dd][Oo][Ii]\s?:|https?:|Available (?:from|at|online)|Accessed|Retrieved|Epub)|\bdoi\.org).*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list of references.

    Attributes
    ----------
    block, text
        Where it stands, and its words.
    number
        As it is numbered, or its place in the list from 1.
    author, year, letter
        Its first author's name, its year and the letter behind that ("2019a"), by which a text may refer to it; "" and
        0 for none.
    described
        Its words without its number, PMID, DOI and addresses.
    pmid, doi
        "" for none.
    """

    block: int
    text: str
    number: int
    author: str = ""
    year: int = 0
    letter: str = ""
    described: str = ""
    pmid: str = ""
    doi: str = ""


def entries_of(blocks: Sequence[Block]) -> tuple[Entry, ...]:
    """The entries below the last heading "References" (or the like), up to the next heading.

    >>> listed = Block("1. Poli A, Re B. Statins and stroke in men. BMJ. 2003;12:1-4.")
    >>> (entry,) = entries_of([Block("References", "heading"), listed])
    >>> entry.author, entry.year, entry.described
    ('Poli', 2003, 'Poli A, Re B. Statins and stroke in men. BMJ. 2003;12:1-4.')
    """
    entries: list[Entry] = []
    for place in range(_list_begin(blocks) + 1, _list_end(blocks)):
        entries += [entry_of(place, part, len(entries) + 1) for part in _divided(blocks[place].text)]
    return tuple(entries)


def without_list(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The text itself: the blocks with nothing in those of its list of references, so that each keeps its place."""
    begin, end = _list_begin(blocks), _list_end(blocks)
    return tuple(Block("") if begin <= place < end else block for place, block in enumerate(blocks))


def _list_begin(blocks: Sequence[Block]) -> int:
    """The place of the last heading "References" (or the like) of a text; without one, its end."""
    begins = [place for place, block in enumerate(blocks) if _HEADING.match(block.text)]
    return begins[-1] if begins else len(blocks)


def _list_end(blocks: Sequence[Block]) -> int:
    """The place of the heading that ends the list of references."""
    begin = _list_begin(blocks)
    return next((n for n in range(begin + 1, len(blocks)) if _ends_list(blocks[n], n - begin)), len(blocks))


def _ends_list(block: Block, place: int) -> bool:
    """Whether a block is a heading; a short entry, told by its year or its number in the list, looks like one."""
    numbered = _NUMBER.match(block.text)
    is_next = numbered is not None and int(numbered["bracket"] or numbered["plain"]) == place
    return block.kind == "heading" and not is_next and not _YEAR.search(block.text)


def _divided(text: str) -> list[str]:
    """A paragraph that holds several numbered entries, divided: lists lose their line ends in PDF files."""
    starts, wanted = [], None
    for found in re.finditer(r"(?:\A|(?<=[.\s]))(?:\[(\d{1,3})\]|(\d{1,3})[.)])\s+(?=[A-Z])", text):
        number = int(found[1] or found[2])
        if wanted is None or number == wanted:
            starts.append(found.start())
            wanted = number + 1
    if len(starts) < 2 or text[: starts[0]].strip():
        return [text]
    return [text[begin:end].strip() for begin, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def entry_of(block: int, text: str, place: int) -> Entry:
    """One entry."""
    numbered = _NUMBER.match(text)
    body = text[numbered.end() :] if numbered else text
    number = int(numbered["bracket"] or numbered["plain"]) if numbered else place
    # The first of each kind is its own: those of errata and comments follow.
    by_id = {mark.kind: mark.value for mark in reversed(marks_of(body)) if mark.kind in ("pmid", "doi")}
    bare = _SOURCE.sub("", body).strip()
    author, year = _AUTHOR.match(body), _year(bare)
    lettered = re.search(rf"(?<!\d){year}([a-z])(?![a-z])", bare) if year else None
    return Entry(
        block,
        text,
        number,
        author["name"] if author else "",
        year,
        lettered[1] if lettered else "",
        bare,
        by_id.get("pmid", ""),
        by_id.get("doi", ""),
    )


def _year(text: str) -> int:
    """The year of publication: in brackets (APA), else the first that a semicolon or stop follows, else the last."""
    in_brackets = re.search(r"\(((?:19|20)\d\d)[a-z]?[^)]{0,20}\)", text)
    if in_brackets:
        return int(in_brackets[1])
    after_journal = re.search(r"(?<!\d)((?:19|20)\d\d)[a-z]?(?:\s\w{3,9}(?:\s\d{1,2})?)?\s?[;:.,]", text)
    if after_journal:
        return int(after_journal[1])
    found = _YEAR.findall(text)
    return int(found[-1]) if found else 0
