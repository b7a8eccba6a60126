"""What checking a text finds: a verdict on each claim with its citations, and the state of each reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ragqa.render.counted import counted
from ragqa.types import Span

Verdict = Literal["supported", "contradicted", "mixed", "not_found"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Status = Literal["found", "mismatch", "retracted", "concern", "missing", "unknown"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Citation:
    """The very words of an article that speak for or against a claim, and what kind of article it is.

    Attributes
    ----------
    document_id, section, begin, end, quote
        As :class:`ragqa.types.Span`: ``quote == section_text[begin:end]``.
    probability
        That the article says so, 0 to 1.
    title, journal, year, evidence_level, url
        As :class:`ragqa.types.Source`.
    retracted
        Whether the article has been retracted; such an article supports and contradicts nothing.
    more
        At most two other sentences of the article that say so, in reading order; ``quote`` is the best one.
    """

    document_id: str
    section: str
    begin: int
    end: int
    quote: str
    probability: float
    title: str = ""
    journal: str = ""
    year: int | None = None
    evidence_level: str = ""
    url: str = ""
    retracted: bool = False
    more: tuple[Span, ...] = ()

    @property
    def quotes(self) -> tuple[str, ...]:
        """All that is quoted, the best sentence first."""
        return (self.quote, *(span.quote for span in self.more))


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim and what the literature says to it.

    Attributes
    ----------
    block, begin, end, text, read
        As :class:`ragqa.check.text.claims.Claim`.
    verdict
        ``not_found`` where no article that deals with it says anything.
    probability
        That the verdict is right, 0 to 1.
    supporting, contradicting
        At most three each, best first.
    notes
        What else must be known: other numbers in the source, a retracted article, an expression of concern.
    """

    block: int
    begin: int
    end: int
    text: str
    read: str
    verdict: Verdict
    probability: float
    supporting: tuple[Citation, ...] = ()
    contradicting: tuple[Citation, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedReference:
    """A reference of the text, looked up in the corpus.

    Attributes
    ----------
    block, begin, end, text
        Where it stands, in its block, and the words there.
    status
        ``found``; ``mismatch``: the article exists, but title, author or year are others; ``retracted``; ``concern``;
        ``missing``: the corpus has no such article; ``unknown``: the text does not tell enough to look it up.
    document_id
        The article; "" for none.
    problems
        What does not match, and that a part of it has been retracted, in words.
    title
        Of the article that was found.
    supports
        For a claim that cites it: what the article says to it (``supports``, ``contradicts`` or ``neither``), by the
        claim's place in the list of claims.
    """

    block: int
    begin: int
    end: int
    text: str
    status: Status
    document_id: str = ""
    problems: tuple[str, ...] = ()
    title: str = ""
    supports: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """A sentence that was not checked, and why."""

    block: int
    begin: int
    end: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A text, checked.

    Attributes
    ----------
    blocks
        The text as it was read: ``(kind, text)``.
    claims, references, skipped
        In the order of the text.
    summary
        How many claims have each verdict, how many references each status, how many sentences were not checked.
    manifest_hash
        Of the index that was searched.
    schema_version
        Of this contract; ``services/checked.schema.json`` is its published JSON schema.
    """

    blocks: tuple[tuple[str, str], ...]
    claims: tuple[CheckedClaim, ...]
    references: tuple[CheckedReference, ...]
    skipped: tuple[Skip, ...]
    summary: dict[str, int]
    manifest_hash: str = ""
    schema_version: int = 1


def summary_of(
    claims: tuple[CheckedClaim, ...], references: tuple[CheckedReference, ...], n_skipped: int
) -> dict[str, int]:
    """The counts of a checked text.

    >>> summary_of((), (), 2)["not_checked"]
    2
    """
    counts = {f"claims_{verdict}": sum(one.verdict == verdict for one in claims) for verdict in VERDICTS}
    counts |= {f"references_{status}": sum(one.status == status for one in references) for status in STATUSES}
    return {**counts, "not_checked": n_skipped}


def counts_in_words(summary: Mapping[str, int]) -> list[str]:
    """What a summary counts, each of which there is one at least, as people say it.

    >>> counts_in_words({"claims_not_found": 1, "references_found": 2, "claims_mixed": 0, "not_checked": 1})
    ['1 claim not found', '2 references found', '1 sentence not checked']
    """
    told = []
    for name, number in summary.items():
        kind, _, judged = name.partition("s_")
        what, judged = (kind, judged) if judged else ("sentence", name)
        told += [f"{counted(number, what)} {judged.replace('_', ' ')}"] if number else []
    return told
