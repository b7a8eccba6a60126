"""Which sentences of an article are quoted for a claim: by the claim's words in them, their place, the model's reading.

``eval/training/check/fit.py`` fits the weights on SciFact's evidence sentences and writes ``sentences.json`` with its
figures.
"""

import functools
import importlib.resources
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ragqa.answer import terms
from ragqa.answer.assertion import assertions
from ragqa.answer.extractive.decisions import logistic
from ragqa.answer.passages import Passage
from ragqa.answer.support import states_aim
from ragqa.corpus import words
from ragqa.decoding import from_json

WORDS = (
    "coverage",
    "lead",
    "rank",
    "titled_lead",
    "neighbour",
    "aim",
    "finding",
    "figures",
    "words",
    "position",
    "last",
    "sentences",
)
FEATURES = (*WORDS, "evidence")
"""What a sentence is judged by: the claim's words in it and its place (:data:`WORDS`), and the model's reading."""
N_QUOTED = 3
_LEAST = 0.15
"""Probability that an article says so, in this sentence, from which a further sentence is quoted."""
_MOST_EVIDENCE = 10.0
_FIGURES = re.compile(r"\d\s?%|\bp ?[<=]|\bCI\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SentenceWeights:
    """What ``sentences.json`` holds.

    Attributes
    ----------
    made_from
        The data that it was fitted on.
    figures
        How well evidence sentences are told from the others of their abstracts.
    weights
        Feature → weight, and ``intercept``: the logit that a sentence is evidence, where its article says something.
    """

    made_from: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)


def chances(read: Sequence[Mapping[str, float]]) -> np.ndarray:
    """Probability that each sentence is evidence by its :data:`FEATURES`, float64 [n_sentences]."""
    return np.array([logistic(sentence_weights().weights, one) for one in read])


def also_quoted(probabilities: np.ndarray, best: int, says: float) -> list[int]:
    """Numbers of the sentences that are quoted beside the best one, two at most, in reading order.

    Parameters
    ----------
    probabilities
        That each sentence is evidence, float64 [n_sentences].
    best
        The number of the one that is quoted first.
    says
        The probability that the article says so.

    Examples
    --------
    >>> also_quoted(np.array([0.1, 0.9, 0.8, 0.7, 0.75]), 2, 0.5)
    [1, 4]
    >>> also_quoted(np.array([0.1, 0.9, 0.8]), 1, 0.1)
    []
    """
    ordered = [number for number in np.argsort(-probabilities, kind="stable").tolist() if number != best]
    return sorted(number for number in ordered[: N_QUOTED - 1] if says * probabilities[number] >= _LEAST)


def sentence_features(claim: str, title: str, own: Sequence[Passage], within: np.ndarray) -> list[dict[str, float]]:
    """The :data:`FEATURES` of each sentence of an abstract.

    ``lead`` is how much more of the claim's words the sentence has than the best of the abstract, ``titled_lead`` the
    same where the title lends its words, ``neighbour`` how much the better of the two beside it has.

    Parameters
    ----------
    claim, title
        The claim, and the title of the article.
    own
        The sentences of its abstract, in order.
    within
        For each the probability that it is evidence within its article, as the model read it, float64 [n_sentences].
    """
    stems, titled = words.content_stems(claim), frozenset(words.content_stems(title))
    shares = [terms.coverage(stems, one.stems) for one in own]
    with_title = [terms.coverage(stems, one.stems | titled) for one in own]
    ordered = sorted(shares, reverse=True)
    n = len(own)
    return [
        {
            "coverage": shares[place],
            "lead": shares[place] - ordered[0],
            "rank": float(ordered.index(shares[place])),
            "titled_lead": with_title[place] - max(with_title),
            "neighbour": max((shares[beside] for beside in (place - 1, place + 1) if 0 <= beside < n), default=0.0),
            "aim": float(states_aim(one.text)),
            "finding": float(bool(assertions(one.text))),
            "figures": float(_FIGURES.search(one.text) is not None),
            "words": math.log1p(one.text.count(" ") + 1),
            "position": place / max(n - 1, 1),
            "last": float(place == n - 1),
            "sentences": math.log(n),
            "evidence": _logit(float(within[place])),
        }
        for place, one in enumerate(own)
    ]


def _logit(probability: float) -> float:
    odds = math.log(max(probability, 1e-9) / max(1 - probability, 1e-9))
    return max(-_MOST_EVIDENCE, min(_MOST_EVIDENCE, odds))


@functools.cache
def sentence_weights() -> SentenceWeights:
    """The weights that come with ragqa."""
    text = importlib.resources.files("ragqa.check").joinpath("sentences.json").read_bytes()
    return from_json(text, SentenceWeights)
