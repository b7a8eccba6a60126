"""Exact answers: ranked candidates for factoid questions, items for list questions.

Candidates are phrases of the evidence sentences. A small logistic regression ranks them by what is known about each:
how good its sentences are, how near it stands to the question's words, whether it looks like the kind of thing asked
for, and how telling its words are. ``eval/training/train_candidates.py`` fits it and writes ``candidates.json``.
"""

import functools
import importlib.resources
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from ragqa.answer import phrases, terms
from ragqa.answer.kinds import looks_like
from ragqa.answer.passages import Passage
from ragqa.answer.phrases import Phrase
from ragqa.answer.question import AskedFor
from ragqa.corpus import words
from ragqa.types import ExactAnswer, Span

MOST_FACTOID, MOST_LIST, MOST_SPANS = 5, 12, 3
_N_PASSAGES = 40
_CLAMP = 30.0
_TIE_BEFORE = re.compile(r"(?:,|\b(?:and|or)) \Z")
_TIE_AFTER = re.compile(r",? (?:and|or)\b|, ")
_EDGES = re.compile(r"\A(?:the|an?)\s+|['’]s?\Z|[.,;:]+\Z", re.IGNORECASE)


@dataclass(slots=True)
class Candidate:
    """A phrase with all its mentions: ``(passage, begin, end)``, offsets in the passage's section."""

    text: str
    mentions: list[tuple[int, int, int]] = field(default_factory=list)
    synonyms: set[str] = field(default_factory=set)
    nearness: float = 0.0
    bracketed: bool = False
    first: bool = False
    beside_focus: bool = False
    enumerated: float = 0.0


@dataclass(frozen=True, slots=True)
class CandidateFile:
    """What ``candidates.json`` holds: how it was made, its figures, the weights, and the share of the best
    candidate's score that an item of a list needs.
    """

    made_from: Mapping[str, Any]
    figures: Mapping[str, Any]
    weights: Mapping[str, float]
    list_share: float


def exact_answers(asked: AskedFor, passages: Sequence[Passage], scores: np.ndarray) -> tuple[ExactAnswer, ...]:
    """Candidate answers, best first.

    Parameters
    ----------
    asked
        A factoid or list question.
    passages, scores
        Passages that may be evidence, and how well each serves (higher is better; −inf = must not be used).
    """
    found = candidates(asked, passages, scores)
    rows = [features(asked, candidate, passages, scores) for candidate in found]
    ranked = sorted(zip(map(probability, rows), found, strict=True), key=lambda pair: (-pair[0], pair[1].text))
    if asked.type == "list":
        least = ranked[0][0] * load().list_share if ranked else 0.0
        ranked = [pair for pair in ranked[:MOST_LIST] if pair[0] >= least]
    else:
        ranked = ranked[:MOST_FACTOID]
    return tuple(_answer(score, candidate, passages) for score, candidate in ranked)


def _answer(score: float, candidate: Candidate, passages: Sequence[Passage]) -> ExactAnswer:
    spans = []
    for place, begin, end in candidate.mentions[:MOST_SPANS]:
        section = passages[place].section
        spans.append(Span(passages[place].document_id, section.name, begin, end, section.text[begin:end]))
    synonyms = sorted(candidate.synonyms - {candidate.text})
    return ExactAnswer(candidate.text, round(score, 4), tuple(synonyms), tuple(spans))


def candidates(asked: AskedFor, passages: Sequence[Passage], scores: np.ndarray) -> list[Candidate]:
    """All candidates of the best passages, mentions of the same thing joined."""
    found: dict[str, Candidate] = {}
    long_forms: dict[str, str] = {}
    best = [place for place in np.argsort(-scores, kind="stable").tolist() if np.isfinite(scores[place])][:_N_PASSAGES]
    for place in best:
        passage = passages[place]
        long_forms.update(phrases.abbreviations(passage.text))
        for phrase in _phrases(asked, passage.text):
            _add(found, asked, passages, place, phrase)
    return _joined(found, long_forms)


def _phrases(asked: AskedFor, text: str) -> Iterable[Phrase]:
    if asked.kind == "number":
        return phrases.numbers(text)
    if asked.kind == "date":
        return phrases.dates(text)
    return phrases.noun_phrases(text)


def _add(found: dict[str, Candidate], asked: AskedFor, passages: Sequence[Passage], place: int, phrase: Phrase) -> None:
    passage, wanted = passages[place], set(asked.stems)
    text = passage.text
    begin, end = _without_focus(asked, text, phrase.begin, phrase.end)
    stems = words.content_stems(text[begin:end])
    if asked.kind not in {"number", "date"} and (not stems or wanted.issuperset(stems)):
        return
    key = " ".join(stems) or text[begin:end].lower()
    candidate = found.setdefault(key, Candidate(text[begin:end]))
    candidate.mentions.append((place, passage.begin + begin, passage.begin + end))
    if candidate.text != text[begin:end] and text[begin:end].lower() != candidate.text.lower():
        candidate.synonyms.add(text[begin:end])
    window = words.content_stems(text[max(0, begin - 60) : begin]) + words.content_stems(text[end : end + 60])
    candidate.nearness = max(candidate.nearness, terms.coverage(wanted, set(window)))
    candidate.enumerated = max(candidate.enumerated, _enumerated(text[max(0, begin - 6) : begin], text[end : end + 6]))
    candidate.bracketed |= text[max(0, begin - 1)] == "("
    candidate.first |= phrase.n_before <= 1
    beside = words.content_stems(text[max(0, begin - 20) : begin])[-1:] + words.content_stems(text[end : end + 20])[:1]
    candidate.beside_focus |= bool(set(asked.focus[-1:]) & set(beside)) or end < phrase.end


def _enumerated(before: str, after: str) -> float:
    """How many of its two sides (0, .5, 1) tie a phrase to other items by a comma, "and" or "or"."""
    return (_TIE_BEFORE.search(before) is not None) / 2 + (_TIE_AFTER.match(after) is not None) / 2


def _without_focus(asked: AskedFor, text: str, begin: int, end: int) -> tuple[int, int]:
    """Without the word that was asked for at the end ("PLA2G6 gene" → "PLA2G6") where enough is left."""
    edge = _EDGES.search(text[begin:end])
    while edge:
        begin, end = (begin + edge.end(), end) if edge.start() == 0 else (begin, begin + edge.start())
        edge = _EDGES.search(text[begin:end]) if end > begin else None
    head, _, last = text[begin:end].rpartition(" ")
    if head and asked.focus and words.stem(last.lower()) == asked.focus[-1] and _names_something(head):
        return begin, begin + len(head)
    return begin, end


def _names_something(head: str) -> bool:
    return any(sign.isupper() or sign.isdigit() for sign in head.rsplit(maxsplit=1)[-1][1:])


def _joined(found: dict[str, Candidate], long_forms: Mapping[str, str]) -> list[Candidate]:
    """Abbreviations joined with their long forms."""
    for short, long_form in long_forms.items():
        short_key, long_key = (" ".join(words.content_stems(text)) for text in (short, long_form))
        if short_key != long_key and short_key in found and long_key in found:
            abbreviated = found.pop(short_key)
            full = found[long_key]
            full.mentions += abbreviated.mentions
            full.synonyms |= abbreviated.synonyms | {abbreviated.text}
            full.nearness = max(full.nearness, abbreviated.nearness)
            full.beside_focus |= abbreviated.beside_focus
            full.first |= abbreviated.first
            full.enumerated = max(full.enumerated, abbreviated.enumerated)
    return list(found.values())


def features(
    asked: AskedFor, candidate: Candidate, passages: Sequence[Passage], scores: np.ndarray
) -> dict[str, float]:
    """What is known about a candidate, by the names that ``candidates.json`` weighs."""
    places = {place for place, _, _ in candidate.mentions}
    stems = words.content_stems(candidate.text)
    known = set(asked.stems)
    weights = [terms.weight(stem) for stem in stems] or [0.0]
    text = candidate.text
    return {
        "best_sentence": float(max(scores[place] for place in places)),
        "n_mentions": math.log1p(len(candidate.mentions)),
        "n_documents": math.log1p(len({passages[place].document for place in places})),
        "rarest_word": max(weights),
        "mean_word": sum(weights) / len(weights),
        "asked_words": sum(stem in known for stem in stems) / max(len(stems), 1),
        "nearness": candidate.nearness,
        "looks_right": looks_like(asked, text),
        "names_focus": float(bool(asked.focus) and asked.focus[-1] in stems),
        "beside_focus": float(candidate.beside_focus),
        "has_capital": float(any(sign.isupper() for sign in text[1:])),
        "has_digit": float(any(sign.isdigit() for sign in text)),
        "enumerated": candidate.enumerated if asked.type == "list" else 0.0,
        "bracketed": float(candidate.bracketed),
        "opens_sentence": float(candidate.first),
        "n_words": math.log1p(text.count(" ")),
        "explained": float(bool(candidate.synonyms)),
        "in_title": float(any(passages[place].part == "title" for place in places)),
        "in_conclusion": float(any(passages[place].part == "conclusion" for place in places)),
    }


def probability(row: Mapping[str, float]) -> float:
    """The score of a candidate with these features, 0 to 1."""
    weights = load().weights
    logit = weights["intercept"] + sum(weights[name] * value for name, value in row.items())
    return 1 / (1 + math.exp(-max(-_CLAMP, min(_CLAMP, logit))))


@functools.cache
def load() -> CandidateFile:
    """The weights that come with ragqa."""
    text = importlib.resources.files("ragqa.answer").joinpath("candidates.json").read_bytes()
    return msgspec.json.decode(text, type=CandidateFile)
