"""What a set of articles says to a claim: supported, contradicted, mixed, or nothing."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragqa.answer.compose import source_of
from ragqa.answer.extractive.evidence import TOLD_OF
from ragqa.answer.support import Conflict
from ragqa.check.stance import Stance, read_for, stances
from ragqa.check.types import Citation, Verdict
from ragqa.corpus.marks import partly_retracted, under_concern
from ragqa.reader.model import ReaderModel
from ragqa.types import Document

N_CITED = 3
_LONGEST_QUOTE = 300
"""Characters of a sentence that a note quotes."""
SAYS = 0.4
"""Probability that an article supports or contradicts a claim from which it is cited; chosen with the weights."""
_MIXED = 0.25
"""Share of the weaker side from which a verdict is mixed."""
_NOT_FOR: frozenset[Conflict | None] = frozenset({"number", "name", "aim"})
_NOT_AGAINST: frozenset[Conflict | None] = frozenset({"name", "aim"})


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on a claim."""

    verdict: Verdict
    probability: float
    supporting: tuple[Citation, ...]
    contradicting: tuple[Citation, ...]
    notes: tuple[str, ...]


def find(model: ReaderModel, claim: str, documents: Sequence[Document]) -> Finding:
    """Judge a claim by articles; retracted ones are read, and only told of.

    Parameters
    ----------
    model
        The reader's model.
    claim
        A sentence that stands for itself.
    documents
        Articles that were found for it.
    """
    if not documents:
        return Finding("not_found", 1.0, (), (), ())
    evidence = read_for(model, claim, documents, allow_retracted=False)
    found = stances(claim, documents, evidence)
    verdict, probability = weigh(found)
    supporting = _cited([one for one in found if supports(one)], documents)
    contradicting = _cited([one for one in found if contradicts(one)], documents)
    told_of = {one.document_id for one in (*supporting, *contradicting)}
    told_of |= {one.id for one, told in zip(documents, evidence.documents, strict=True) if told.relevance >= TOLD_OF}
    standing = _standing([document for document in documents if document.id in told_of])
    notes = (*_other_numbers(found, documents), *standing)
    return Finding(verdict, round(probability, 4), supporting, contradicting, notes)


def supports(stance: Stance) -> bool:
    """Whether an article is cited for the claim; directions and denials are weighed with what the model read."""
    return (
        stance.yes + stance.no >= SAYS
        and stance.yes >= stance.no
        and stance.passage is not None
        and stance.objection not in _NOT_FOR
    )


def contradicts(stance: Stance) -> bool:
    """Whether an article is cited against the claim; another number speaks against it, another name does not."""
    return (
        stance.yes + stance.no >= SAYS
        and stance.no > stance.yes
        and stance.passage is not None
        and stance.objection not in _NOT_AGAINST
    )


def weigh(found: Sequence[Stance]) -> tuple[Verdict, float]:
    """The verdict over all stances, and the probability that it is right.

    Each article that may be cited counts by its probability and its evidence level. Nothing is found where none is
    likely enough; the verdict is mixed where the weaker side has a quarter of the weight.
    """
    for_it, against = [one for one in found if supports(one)], [one for one in found if contradicts(one)]
    if not for_it and not against:
        return "not_found", 1.0 - max((one.yes + one.no for one in found), default=0.0)
    yes, no = sum(one.yes * one.level for one in for_it), sum(one.no * one.level for one in against)
    share = min(yes, no) / (yes + no)
    if share >= _MIXED:
        return "mixed", min(max(one.yes for one in for_it), max(one.no for one in against))
    best = max(one.yes for one in for_it) if yes > no else max(one.no for one in against)
    return ("supported" if yes > no else "contradicted"), best * (1 - share)


def _cited(found: Sequence[Stance], documents: Sequence[Document]) -> tuple[Citation, ...]:
    ordered = sorted(found, key=lambda one: -max(one.yes, one.no) * one.level)
    return tuple(_citation(one, documents[one.document]) for one in ordered[:N_CITED])


def _citation(stance: Stance, document: Document) -> Citation:
    assert stance.passage is not None  # noqa: S101 - what is cited has one
    span, source = stance.passage.span, source_of(document, cited=True)
    return Citation(
        span.document_id,
        span.section,
        span.begin,
        span.end,
        span.quote,
        round(max(stance.yes, stance.no), 4),
        source.title,
        source.journal,
        source.year,
        source.evidence_level,
        source.url,
        source.retracted,
        tuple(one.span for one in stance.more),
    )


def _other_numbers(found: Sequence[Stance], documents: Sequence[Document]) -> list[str]:
    return [
        f"{documents[one.document].id} deals with this but has other numbers: “{_shortened(one.passage.text)}”"
        for one in found
        if one.objection == "number" and one.passage is not None and one.yes + one.no >= SAYS
    ]


def _shortened(quote: str) -> str:
    """A quote for a note, cut between words: half a number would be another number."""
    return textwrap.shorten(quote, _LONGEST_QUOTE, placeholder=" …")


def _standing(documents: Sequence[Document]) -> Iterator[str]:
    """What must be known of the articles that deal with the claim, or are cited."""
    for document in documents:
        if document.retracted:
            yield f"{document.id} deals with this but has been retracted, and was not counted"
            continue
        if partly_retracted(document):
            yield f"A part of {document.id} has been retracted"
        if under_concern(document):
            yield f"An expression of concern about {document.id} has been published"
