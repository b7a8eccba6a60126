"""What the reader of an answer must be told about the articles behind it."""

import datetime
import math
from collections.abc import Mapping, Sequence

from ragqa.answer.language import NAMES
from ragqa.types import Document, Notice

OUTDATED_YEARS = 20

_OF_LINKS = {
    "ExpressionOfConcernIn": ("expression_of_concern", "An expression of concern about this article was published"),
    "PartialRetractionIn": ("partly_retracted", "A part of this article has been retracted"),
    "ErratumIn": ("erratum", "A correction of this article was published"),
    "RetractedandRepublishedIn": ("republished", "This article was retracted and published again"),
    "CorrectedandRepublishedIn": ("republished", "This article was corrected and published again"),
}
"""Kind of a link → kind of the notice and what it says."""


def about_documents(
    relevant: Sequence[Document], cited: Sequence[Document], *, retracted_allowed: bool
) -> list[Notice]:
    """Notices on retracted and corrected articles, expressions of concern, and answers from old articles alone.

    Parameters
    ----------
    relevant
        The documents that deal with the question, cited or not.
    cited
        The documents that the answer cites.
    retracted_allowed
        Whether retracted articles were allowed to support the answer.
    """
    told_of = {document.id: document for document in (*relevant, *cited)}.values()
    notices = [_retracted(document, cited=retracted_allowed) for document in told_of if document.retracted]
    notices += [notice for document in cited for notice in _linked(document)]
    years = [document.year for document in cited if document.year is not None]
    limit = datetime.datetime.now(tz=datetime.UTC).year - OUTDATED_YEARS
    if years and len(years) == len(cited) and max(years) < limit:
        message = f"Every article cited is older than {OUTDATED_YEARS} years; the newest is from {max(years)}."
        notices.append(Notice("outdated", message))
    return notices


def _retracted(document: Document, *, cited: bool) -> Notice:
    how = "and may support this answer because retracted articles were allowed" if cited else "and was not used"
    return Notice("retracted", f"This article deals with the question but has been retracted {how}.", document.id)


def _linked(document: Document) -> list[Notice]:
    """What was published about an article later, one notice of each kind, with where to read it."""
    places: dict[str, list[str]] = {}
    for link in document.links:
        if link.kind in _OF_LINKS:
            places.setdefault(link.kind, []).append(f"PMID {link.document_id}" if link.document_id else link.citation)
    notices = []
    for kind, where in places.items():
        name, message = _OF_LINKS[kind]
        known = "; ".join(dict.fromkeys(filter(None, where)))
        notices.append(Notice(name, f"{message} ({known})." if known else f"{message}.", document.id))
    return notices


def conflicting() -> Notice:
    """The documents contradict each other."""
    return Notice("conflicting", "The articles found disagree: some say yes and some say no. Read both sides.")


def denied(premise: str) -> Notice:
    """The articles deny what the question takes for granted."""
    message = f"The question takes for granted what the articles read deny: to “{premise}” they say no."
    return Notice("false_presupposition", message)


def undecided(probabilities: Mapping[str, float], least: float) -> Notice:
    """No verdict reaches the probability ``least``."""
    shares = ", ".join(f"{label} {share:.0%}" for label, share in sorted(probabilities.items(), key=lambda p: -p[1]))
    return Notice(
        "verdict_withheld", f"No verdict is likely enough ({shares}; {least:.0%} is needed). Read both sides."
    )


def uncovered(share: float, least: float) -> Notice:
    """The articles name less than the share ``least`` of what the question asks about."""
    return Notice(
        "verdict_withheld",
        f"No verdict: the articles that fit best have {math.floor(100 * share)}% of what the question names "
        f"({least:.0%} is needed); they may be about something near. Read what they say.",
    )


def partly_read(n_read: int, n_documents: int, budget_ms: int) -> Notice:
    """The time for reading was over before all documents found were read."""
    message = f"Of the {n_documents} articles found, the first {n_read} were read in the {budget_ms} ms allowed."
    return Notice("partly_read", f"{message} The answer may be another with the others.")


def language(code: str) -> Notice:
    """The question is in a language that is not read."""
    message = (
        f"The question seems to be in {NAMES[code]}; only English is read, so there is no verdict and little fits."
    )
    return Notice("language", f"{message} Ask in English.")


def normalised(changes: Sequence[tuple[str, str]]) -> Notice:
    """The question was read in other words than it was written."""
    read = "; ".join(f"{written} = {understood}" for written, understood in changes)
    return Notice("normalised", f"The question was read with these words of the documents: {read}.")


def unknown(words: Sequence[str], *, answered: bool = False) -> Notice:
    """No document of the index has some words of the question, which is ``answered`` or not."""
    named = ", ".join(f"“{word}”" for word in words)
    why = "what was found may be about something else" if answered else "nothing found is about that"
    return Notice("unknown_words", f"No article of this index has {named}; {why}.")


def unmentioned(names: Sequence[str], n_documents: int) -> Notice:
    """No document that was found for it has some names of the question."""
    named = ", ".join(f"“{name}”" for name in names)
    found = f"None of the {n_documents} articles found names" if n_documents > 1 else "The article found does not name"
    return Notice("unmentioned_names", f"{found} {named}. What is said here may be about something else.")


def partly_searched(unsearched: Sequence[tuple[int, int]], n_rows: int) -> Notice:
    """Machines that hold some rows (begin, end) of the index did not answer in time."""
    ranges = sorted(set(unsearched))
    n_missing = sum(end - begin for begin, end in ranges)
    which = ", ".join(f"{begin + 1:,} to {end:,}" for begin, end in ranges)
    message = f"{n_missing / n_rows:.0%} of the index was not searched: no machine answered for its records {which}."
    return Notice("partly_searched", f"{message} The answer may be another with them; ask again in a moment.")
