"""Exact answers: the phrases that the model marks, or values, mentions of one thing joined and ranked together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ragqa.answer.extractive.decisions import decisions
from ragqa.answer.extractive.evidence import DocumentEvidence, Evidence, Phrase
from ragqa.answer.extractive.values import values
from ragqa.answer.numbers import numbers
from ragqa.answer.question import AskedFor, ValueKind, value_asked
from ragqa.corpus.abbreviations import explained
from ragqa.corpus.words import content_stems
from ragqa.types import ExactAnswer, Span

MOST_FACTOID, MOST_LIST, MOST_SPANS = 5, 12, 3
_LEAST_CHANCE = 1e-4
_ASKS_FOR_SHORT = frozenset(content_stems("abbreviation acronym symbol"))
_FITTING = 0.25  # nothing is read in a document that is less than a quarter as relevant as the best


@dataclass(slots=True)
class Candidate:
    """A phrase with all its mentions."""

    text: str
    mentions: list[Phrase] = field(default_factory=list)
    spellings: set[str] = field(default_factory=set)
    probability: float = 0.0
    """Probability that it is an answer."""


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
    if (kind := asked_kind(asked)) is not None:
        return valued(kind, asked, evidence)
    found = mentioned(asked, evidence)
    for candidate, features in zip(found, candidate_features(found, evidence), strict=True):
        candidate.probability = decisions().exact_probability(features)
    return found


def asked_kind(asked: AskedFor) -> ValueKind | None:
    """The kind of value that answers the question; None where a name does."""
    return value_asked(asked.text) if asked.type == "factoid" else None


def valued(kind: ValueKind, asked: AskedFor, evidence: Evidence) -> list[Candidate]:
    """The values of a kind that evidence tells.

    A value is as likely as its sentence is evidence, shared with others of its kind there; several documents that
    tell it count as if each were right or wrong by itself. A short form may be explained in any sentence.
    """
    found: dict[str, Candidate] = {}
    least = _FITTING * evidence.relevance
    weights = _worth_of_documents(evidence) if kind == "long form" else evidence.weight
    for place in np.argsort(-weights, kind="stable"):
        passage, weight = evidence.passages[place], float(weights[place])
        if weight == 0 or not _fits(evidence.documents[passage.document], least):
            continue
        for value in values(kind, asked.text, passage.text):
            text = passage.text[value.begin : value.end]
            candidate = found.setdefault(_value_key(kind, text), Candidate(text))
            begin = passage.begin + value.begin
            candidate.mentions.append(Phrase(int(place), begin, begin + len(text), weight * value.share))
            candidate.spellings.add(text)
    for candidate in found.values():
        candidate.mentions.sort(key=lambda phrase: -phrase.probability)
        candidate.probability = _in_any(candidate.mentions, evidence)
    return list(found.values())


def _worth_of_documents(evidence: Evidence) -> np.ndarray:
    """For each passage the relevance of its document, float64 [n_passages]."""
    worth = np.array([document.relevance for document in evidence.documents])
    return worth[[passage.document for passage in evidence.passages]]


def _value_key(kind: ValueKind, text: str) -> str:
    """The same for "3%" and "3 percent", for "five" and "5", but not for "5" and "5 million"."""
    if kind == "long form":
        return " ".join(content_stems(text))
    told = sorted(numbers(text)) if kind in {"share", "count"} else []
    return " ".join([*told, *(word for word in text.split() if word.endswith("illion"))]) if told else text.lower()


def _in_any(mentions: Sequence[Phrase], evidence: Evidence) -> float:
    best: dict[int, float] = {}
    for phrase in mentions:
        document = evidence.passages[phrase.passage].document
        best[document] = max(best.get(document, 0.0), phrase.probability)
    return 1 - math.prod(1 - chance for chance in best.values())


def mentioned(asked: AskedFor, evidence: Evidence) -> list[Candidate]:
    """The candidates with their mentions, before they are judged."""
    least = _FITTING * evidence.relevance
    found: dict[str, Candidate] = {}
    long_forms: dict[str, str] = {}
    wanted, own = set(asked.stems), _own_abbreviations(asked, evidence)
    for phrase in sorted(evidence.phrases, key=lambda p: -p.probability):
        passage = evidence.passages[phrase.passage]
        document = evidence.documents[passage.document]
        text = passage.section.text[phrase.begin : phrase.end]
        stems = content_stems(text)
        if not _fits(document, least) or (stems and wanted.issuperset(stems)):
            continue
        if " ".join(stems) in own:
            continue
        long_forms.update(explained(passage.text))
        candidate = found.setdefault(" ".join(stems) or text.lower(), Candidate(text))
        candidate.mentions.append(phrase)
        candidate.spellings.add(text)
    return _joined(found, long_forms)


def _fits(document: DocumentEvidence, least: float) -> bool:
    return document.usable and document.relevance >= least


def _own_abbreviations(asked: AskedFor, evidence: Evidence) -> set[str]:
    """Abbreviations that documents use for what the question is about, as stems: they name it and answer nothing."""
    wanted = set(asked.stems)
    if wanted & _ASKS_FOR_SHORT:
        return set()
    pairs = [pair for passage in evidence.passages for pair in explained(passage.text).items()]
    return {
        " ".join(content_stems(short))
        for short, long_form in pairs
        if (stems := content_stems(long_form)) and wanted.issuperset(stems)
    }


def candidate_features(found: Sequence[Candidate], evidence: Evidence) -> list[dict[str, float]]:
    """What each candidate is judged by: its mentions, how many articles make them, and in what sentences."""
    texts = [passage.text.lower() for passage in evidence.passages]
    n_documents = len({evidence.passages[p.passage].document for c in found for p in c.mentions})
    return [_features(candidate, evidence, texts, n_documents) for candidate in found]


def _features(candidate: Candidate, evidence: Evidence, texts: Sequence[str], n_documents: int) -> dict[str, float]:
    chances = [phrase.probability for phrase in candidate.mentions]
    places = {phrase.passage for phrase in candidate.mentions}
    documents = {evidence.passages[place].document for place in places}
    spellings = [spelling.lower() for spelling in candidate.spellings]
    n_sentences = sum(any(spelling in text for spelling in spellings) for text in texts)
    return {
        "best": _logit(max(chances)),
        "mean": _logit(sum(chances) / len(chances)),
        "mentions": math.log(len(chances)),
        "documents": math.log(len(documents)),
        "share_of_documents": len(documents) / n_documents,
        "relevance": max(evidence.documents[place].relevance for place in documents),
        "within": float(evidence.within[list(places)].max()),
        "weight": float(evidence.weight[list(places)].max()),
        "share_of_sentences": len(places) / max(n_sentences, 1),
        "words": float(len(candidate.text.split())),
    }


def _logit(chance: float) -> float:
    chance = min(max(chance, _LEAST_CHANCE), 1 - _LEAST_CHANCE)
    return math.log(chance / (1 - chance))


def _joined(found: dict[str, Candidate], long_forms: dict[str, str]) -> list[Candidate]:
    """Abbreviations joined with their long forms."""
    for short, long_form in long_forms.items():
        short_key, long_key = (" ".join(content_stems(text)) for text in (short, long_form))
        if short_key != long_key and short_key in found and long_key in found:
            other, full = found.pop(short_key), found[long_key]
            full.mentions += other.mentions
            full.spellings |= other.spellings
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
