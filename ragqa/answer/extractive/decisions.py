"""The few numbers by which the model's outputs become decisions, fitted on data that the model was not trained on.

``eval/training/reader/decide.py`` fits them and writes ``decisions.json`` with its figures.
"""

import functools
import importlib.resources
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ragqa.decoding import from_json
from ragqa.types import VerdictLabel

NAME = "decisions.json"


@dataclass(frozen=True, slots=True)
class Decisions:
    """What ``decisions.json`` holds.

    Attributes
    ----------
    made_from
        The data and the weights that it was fitted on.
    figures
        Cross-validated figures.
    gate
        Feature → weight, and ``intercept``: the logit that a document answers a question.
    verdict
        ``yes``: feature → weight, and ``intercept``, of the logit of yes rather than no, which turns round with the
        question; ``maybe``: the same of neither.
    exact
        Feature → weight, and ``intercept``: the logit that a marked phrase is an answer.
    list_share
        Share of the best phrase's probability that an item of a list needs.
    """

    made_from: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    gate: Mapping[str, float] = field(default_factory=dict)
    verdict: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    exact: Mapping[str, float] = field(default_factory=dict)
    list_share: float = 0.3

    def relevance(self, features: Mapping[str, float]) -> float:
        """The probability that a document with these features answers the question."""
        return logistic(self.gate, features)

    def exact_probability(self, features: Mapping[str, float]) -> float:
        """The probability that a phrase with these features is an answer."""
        return logistic(self.exact, features)

    def verdict_probabilities(self, features: Mapping[str, float]) -> dict[VerdictLabel, float]:
        """The probability of each label of a verdict with these features."""
        maybe, yes = logistic(self.verdict["maybe"], features), logistic(self.verdict["yes"], features)
        return {"yes": yes * (1 - maybe), "no": (1 - yes) * (1 - maybe), "maybe": maybe}


def logistic(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    """The probability, 0 to 1, by a logistic regression with named weights."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, _logit(weights, features)))))


def _logit(weights: Mapping[str, float], features: Mapping[str, float]) -> float:
    return weights["intercept"] + sum(
        weight * features[name] for name, weight in weights.items() if name != "intercept"
    )


@functools.cache
def decisions() -> Decisions:
    """The numbers that come with ragqa."""
    text = importlib.resources.files("ragqa.answer.extractive").joinpath(NAME).read_bytes()
    return from_json(text, Decisions)
