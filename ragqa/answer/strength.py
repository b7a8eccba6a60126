"""How well documents fit a question, and so whether there is enough evidence to answer.

A logistic regression over what the words and the encoder say; ``eval/training/train_strength.py`` fits it to
questions put to their own source article and to other ones, and writes ``strength.json``.
"""

import functools
import importlib.resources
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ragqa.answer import terms
from ragqa.answer.passages import Passage
from ragqa.answer.question import AskedFor

LEXICAL_FEATURES = ("document_coverage", "best_coverage", "rarest_found", "both_rarest_found")
ENCODED_FEATURES = (*LEXICAL_FEATURES, "best_similarity", "second_similarity")


@dataclass(frozen=True, slots=True)
class StrengthFile:
    """What ``strength.json`` holds: how it was made, its figures, and the weights of both models."""

    made_from: Mapping[str, Any]
    figures: Mapping[str, Any]
    lexical: Mapping[str, float]
    encoded: Mapping[str, float]


def features(asked: AskedFor, passages: Sequence[Passage]) -> dict[str, float]:
    """What tells whether one document, given as all its passages, deals with the question.

    Titles are left out where there is an abstract: a title alone promises more than it tells.
    """
    read = [passage for passage in passages if passage.part != "title"] or passages
    found: set[str] = set().union(*(passage.stems for passage in read))
    rarest = sorted(dict.fromkeys(asked.stems), key=terms.weight, reverse=True)[:2]  # of equals the first asked for
    similarities = [*sorted((passage.similarity for passage in read), reverse=True), 0.0, 0.0]
    return {
        "document_coverage": terms.coverage(asked.stems, found),
        "best_coverage": max((passage.coverage for passage in read), default=0.0),
        "rarest_found": sum(stem in found for stem in rarest) / max(len(rarest), 1),
        "both_rarest_found": float(bool(rarest) and all(stem in found for stem in rarest)),
        "best_similarity": similarities[0],
        "second_similarity": similarities[1],
    }


def strength(values: Mapping[str, float], *, encoded: bool) -> float:
    """The probability, 0 to 1, that a document with these features deals with the question."""
    weights = load().encoded if encoded else load().lexical
    logit = weights["intercept"] + sum(weights[name] * values[name] for name in weights if name != "intercept")
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, logit))))


def strengths(asked: AskedFor, passages: Iterable[Passage], n_documents: int, *, encoded: bool) -> list[float]:
    """:func:`strength` of each document, by its place."""
    groups: list[list[Passage]] = [[] for _ in range(n_documents)]
    for passage in passages:
        groups[passage.document].append(passage)
    return [strength(features(asked, group), encoded=encoded) if group else 0.0 for group in groups]


@functools.cache
def load() -> StrengthFile:
    """The weights that come with ragqa."""
    text = importlib.resources.files("ragqa.answer").joinpath("strength.json").read_bytes()
    return msgspec.json.decode(text, type=StrengthFile)
