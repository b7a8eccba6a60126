"""What changed between what was last told of a finding and what is found now; nothing where it does not matter."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ragqa.corpus.evidence import LEVELS
from ragqa.render.verdict import kind_of_article
from ragqa.watch.types import Change, Cited, Finding

_LOWEST = len(LEVELS)


def compare(told: Finding, now: Finding, articles: Sequence[Cited], noise: float) -> tuple[Change, ...]:
    """What must be told.

    Parameters
    ----------
    told
        The finding as it was last told.
    now
        The finding of today; the same where it was not asked again.
    articles
        The articles that ``told`` cites, in its order, as they stand today.
    noise
        A probability must change by more than this, and a new verdict lead the one told by more.
    """
    return (*_of_articles(told, articles), *_of_verdict(told, now, noise), *_of_evidence(told, now))


def settled(told: Finding, now: Finding, articles: Sequence[Cited], changes: Sequence[Change]) -> Finding:
    """What to keep: all of today's where something was told of verdict or evidence, else what was told before.

    What the articles became is kept in any case, and so is what was read today.
    """
    if {change.kind for change in changes} & {"verdict", "probability", "evidence", "conflict"}:
        return now
    if now.conflict != told.conflict and not now.conflict:
        told = replace(told, conflict=False)
    now_cited = {cited.document_id for cited in now.cited}
    # An article that is gone was told once; it stays only where it is still cited.
    kept = tuple(one for one in articles if not one.deleted or one.document_id in now_cited or now.kind == "references")
    return replace(told, cited=kept, read=now.read, floor_dense=now.floor_dense, floor_words=now.floor_words)


def _of_articles(told: Finding, articles: Sequence[Cited]) -> Iterator[Change]:
    for before, after in zip(told.cited, articles, strict=True):

        def change(kind: str, message: str, article: Cited = after) -> Change:
            return Change(kind, told.subject, message, article.document_id, article.title)  # type: ignore[arg-type]

        if after.deleted and not before.deleted:
            yield change("deleted", "A cited article was deleted from the corpus.")
        if after.retracted and not before.retracted:
            yield change("retracted", "A cited article was retracted.")
        if after.partly_retracted and not before.partly_retracted:
            yield change("retracted", "A part of a cited article was retracted.")
        if before.retracted and not after.retracted and not after.deleted:
            yield change("reinstated", "A cited article is no longer marked as retracted.")
        if after.concern and not before.concern:
            yield change("concern", "An expression of concern about a cited article was published.")
        new = sorted(set(after.corrections) - set(before.corrections))
        if new := [one for one in new if not one.startswith("PartialRetractionIn")]:
            yield change("corrected", f"A cited article was corrected: {', '.join(new)}.")


def _of_verdict(told: Finding, now: Finding, noise: float) -> Iterator[Change]:
    before, after = told.options.get(told.verdict, 0.0), now.options.get(now.verdict, 0.0)
    if told.verdict != now.verdict:
        if not now.options or _beyond(told, now) > noise:
            message = f"The verdict was {_named(told.verdict, before)} and is now {_named(now.verdict, after)}."
            yield Change("verdict", now.subject, message)
    elif abs(after - before) > noise:
        message = f"The verdict is still {_named(now.verdict)}; its probability went from {before:.0%} to {after:.0%}."
        yield Change("probability", now.subject, message)


def _beyond(told: Finding, now: Finding) -> float:
    """How far a verdict has left the one before it; where there is none on one side, how far the other's has moved."""
    if told.verdict and now.verdict:
        return now.options.get(now.verdict, 0.0) - now.options.get(told.verdict, 0.0)
    label = told.verdict or now.verdict
    return abs(now.options.get(label, 0.0) - told.options.get(label, 0.0))


def _of_evidence(told: Finding, now: Finding) -> Iterator[Change]:
    known = {cited.document_id for cited in told.cited}
    best = min((_rank(cited) for cited in told.cited if not (cited.retracted or cited.deleted)), default=_LOWEST)
    for cited in now.cited:
        if cited.document_id not in known and not cited.retracted and _rank(cited) < best:
            message = f"New evidence of a higher level: {kind_of_article(cited.evidence_level)}."
            yield Change("evidence", now.subject, message, cited.document_id, cited.title)
    if now.conflict and not told.conflict:
        yield Change("conflict", now.subject, "Articles now disagree: some say so and some say the opposite.")


def _rank(cited: Cited) -> int:
    return LEVELS.index(cited.evidence_level) if cited.evidence_level in LEVELS else _LOWEST


def _named(verdict: str, probability: float = 0.0) -> str:
    name = verdict.replace("_", " ") or "open"
    return f"“{name}” ({probability:.0%})" if probability else f"“{name}”"
