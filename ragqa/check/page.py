"""A checked text as one HTML page that loads nothing: the text with marks, and beside it what articles say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ragqa.check.text.marks import without_marks
from ragqa.check.types import Checked, CheckedClaim, CheckedReference
from ragqa.render.counted import counted
from ragqa.render.page import page
from ragqa.render.verdict import kind_of_article

Found = TypeVar("Found", CheckedClaim, CheckedReference)
VERDICT_NAMES = {
    "supported": "Supported",
    "contradicted": "Contradicted",
    "mixed": "Articles disagree",
    "not_found": "Nothing found",
}
STATUS_NAMES = {
    "found": "Found",
    "mismatch": "Does not match",
    "retracted": "Retracted",
    "concern": "Expression of concern",
    "missing": "Not in the corpus",
    "unknown": "Cannot be looked up",
}


_WEAK = 0.5


def verdict_name(claim: CheckedClaim) -> str:
    """The verdict in words, and how sure it is; a weak one says so.

    >>> verdict_name(CheckedClaim(0, 0, 1, "A", "A", "contradicted", 0.4))
    'Possibly contradicted (40 %)'
    """
    name = VERDICT_NAMES[claim.verdict]
    if claim.verdict == "not_found":
        return name
    possibly = f"Possibly {name[0].lower()}{name[1:]}" if claim.probability < _WEAK else name
    return f"{possibly} ({100 * claim.probability:.0f} %)"


def read_otherwise(claim: CheckedClaim) -> bool:
    """Whether a claim was read in other words than it has: more than its marks of references is gone.

    >>> read_otherwise(CheckedClaim(0, 0, 1, "statins lower LDL [1].", "Statins lower LDL.", "mixed", 0.4))
    False
    >>> read_otherwise(CheckedClaim(0, 0, 1, "They lower LDL.", "Statins lower LDL.", "mixed", 0.4))
    True
    """
    return without_marks(claim.text).rstrip(" ;.").casefold() != claim.read.rstrip(".").casefold()


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a block's text; ``number`` is the place of the claim that it is, ``reference`` of the reference."""

    text: str
    number: int | None = None
    reference: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A block in pieces, with its claims and references beside it."""

    kind: str
    pieces: tuple[Piece, ...]
    claims: tuple[tuple[int, CheckedClaim], ...]
    references: tuple[tuple[int, CheckedReference], ...]


def as_html(checked: Checked, title: str = "Checked text") -> bytes:
    """The page in UTF-8."""
    claims, references = _by_block(checked.claims), _by_block(checked.references)
    rows = [
        _row(kind, text, claims.get(place, ()), references.get(place, ()))
        for place, (kind, text) in enumerate(checked.blocks)
    ]
    names = {
        "verdicts": VERDICT_NAMES,
        "statuses": STATUS_NAMES,
        "verdict_name": verdict_name,
        "read_otherwise": read_otherwise,
        "counted": counted,
        "kind_of_article": kind_of_article,
    }
    return page("ragqa.check", "checked.html", title=title, rows=rows, checked=checked, **names)


def _by_block(found: Sequence[Found]) -> dict[int, list[tuple[int, Found]]]:
    """Place of a block → the claims or references in it, each with its own place."""
    placed: dict[int, list[tuple[int, Found]]] = {}
    for number, one in enumerate(found):
        placed.setdefault(one.block, []).append((number, one))
    return placed


def _row(
    kind: str,
    text: str,
    claims: Sequence[tuple[int, CheckedClaim]],
    references: Sequence[tuple[int, CheckedReference]],
) -> Row:
    return Row(kind, tuple(_pieces(text, claims, references)), tuple(claims), tuple(references))


def _pieces(
    text: str, claims: Sequence[tuple[int, CheckedClaim]], references: Sequence[tuple[int, CheckedReference]]
) -> Iterator[Piece]:
    """The text cut at its claims; references are marked where they stand outside of claims."""
    marked: list[tuple[int, int, int | None, int | None]] = [(one.begin, one.end, n, None) for n, one in claims]
    marked += [
        (one.begin, one.end, None, number)
        for number, one in references
        if not any(claim.begin < one.end and one.begin < claim.end for _, claim in claims)
    ]
    at = 0
    for begin, end, number, reference in sorted(marked, key=lambda found: (found[0], found[1])):
        if begin < at:
            continue
        if begin > at:
            yield Piece(text[at:begin])
        yield Piece(text[begin:end], number, reference)
        at = end
    if at < len(text):
        yield Piece(text[at:])
