"""Exact answers: the phrases that the model marks, mentions of one thing joined and ranked together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ragqa.answer.question import AskedFor
from ragqa.answer.trained.decisions import decisions
from ragqa.answer.trained.evidence import Evidence, Phrase
from ragqa.corpus.abbreviations import explained
from ragqa.corpus.words import content_stems
from ragqa.types import ExactAnswer, Span

MOST_FACTOID, MOST_LIST, MOST_SPANS = 5, 12, 3
_FITTING = 0.25  # nothing is read in a document that is less than a quarter as relevant as the best


@dataclass(slots=True)
class Candidate:
    """A phrase with all its mentions."""

    text: str
    mentions: list[Phrase] = field(default_factory=list)
    spellings: set[str] = field(default_factory=set)
    doubt: float = 1.0
    """Probability that none of the mentions is an answer."""

    @property
    def probability(self) -> float:
        """Probability that it is an answer."""
        return 1 - self.doubt


def exact_answers(asked: AskedFor, evidence: Evidence) -> tuple[ExactAnswer, ...]:
    """Candidate answers to a factoid or list question, best first."""
    ranked = sorted(candidates(asked, evidence), key=lambda c: (-c.probability, c.text))
    if asked.type == "list":
        least = ranked[0].probability * decisions().list_share if ranked else 0.0
        ranked = [candidate for candidate in ranked[:MOST_LIST] if candidate.probability >= least]
    return tuple(
        _answer(candidate, evidence) for candidate in ranked[: MOST_LIST if asked.type == "list" else MOST_FACTOID]
    )


def candidates(asked: AskedFor, evidence: Evidence) -> list[Candidate]:
    """All candidates of documents that answer the question, mentions of the same thing joined."""
    least = _FITTING * evidence.relevance
    found: dict[str, Candidate] = {}
    long_forms: dict[str, str] = {}
    wanted = set(asked.stems)
    for phrase in sorted(evidence.phrases, key=lambda p: -p.probability):
        passage = evidence.passages[phrase.passage]
        document = evidence.documents[passage.document]
        text = passage.section.text[phrase.begin : phrase.end]
        stems = content_stems(text)
        if not document.usable or document.relevance < least or (stems and wanted.issuperset(stems)):
            continue
        long_forms.update(explained(passage.text))
        candidate = found.setdefault(" ".join(stems) or text.lower(), Candidate(text))
        candidate.mentions.append(phrase)
        candidate.spellings.add(text)
        candidate.doubt *= 1 - phrase.probability * document.relevance
    return _joined(found, long_forms)


def _joined(found: dict[str, Candidate], long_forms: dict[str, str]) -> list[Candidate]:
    """Abbreviations joined with their long forms."""
    for short, long_form in long_forms.items():
        short_key, long_key = (" ".join(content_stems(text)) for text in (short, long_form))
        if short_key != long_key and short_key in found and long_key in found:
            other, full = found.pop(short_key), found[long_key]
            full.mentions += other.mentions
            full.spellings |= other.spellings
            full.doubt *= other.doubt
    return list(found.values())


def _answer(candidate: Candidate, evidence: Evidence) -> ExactAnswer:
    spans = [_span(phrase, evidence) for phrase in candidate.mentions[:MOST_SPANS]]
    synonyms = sorted(spelling for spelling in candidate.spellings if spelling.lower() != candidate.text.lower())
    return ExactAnswer(candidate.text, round(candidate.probability, 4), tuple(synonyms), tuple(spans))


def _span(phrase: Phrase, evidence: Evidence) -> Span:
    passage = evidence.passages[phrase.passage]
    section = passage.section
    text = section.text[phrase.begin : phrase.end]
    return Span(passage.document_id, section.name, phrase.begin, phrase.end, text)


def answer_weights(evidence: Evidence, answers: Sequence[ExactAnswer]) -> np.ndarray:
    """For each passage the probability of the best answer that it mentions, float64 [n_passages]."""
    weights = np.zeros(len(evidence.passages))
    by_place = {(p.document_id, p.section.name): [] for p in evidence.passages}  # type: dict[tuple[str, str], list[int]]
    for place, passage in enumerate(evidence.passages):
        by_place[passage.document_id, passage.section.name].append(place)
    for answer in answers:
        for span in answer.spans:
            for place in by_place[span.document_id, span.section]:
                passage = evidence.passages[place]
                if passage.begin <= span.begin < passage.end:
                    weights[place] = max(weights[place], answer.score)
    return weights
