"""Yes, no or maybe: what one abstract says to a yes/no question, by a small multinomial logistic regression.

There are two sets of weights in ``verdict.json``: ``findings`` reads the sentences that report results, and
``conclusion`` reads the authors' conclusion as well. ``eval/training/train_verdict.py`` writes the file, with how
it was trained and how well it does in cross-validation. NumPy is all that judging needs.
"""

import functools
import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from ragqa.answer import verdict_features as features

LABELS = ("yes", "no", "maybe")


@dataclass(frozen=True, slots=True)
class FeatureWeight:
    """A feature's mean and scale in the training data, and what one standard deviation adds to each label's logit."""

    mean: float
    scale: float
    yes: float
    no: float
    maybe: float


@dataclass(frozen=True, slots=True)
class VerdictModel:
    """A multinomial logistic regression over named, standardised features."""

    intercept: Mapping[str, float]
    features: Mapping[str, FeatureWeight]
    strength: float = 0.0


@dataclass(frozen=True, slots=True)
class VerdictFile:
    """What ``verdict.json`` holds: how it was made, and the two models."""

    made_from: Mapping[str, Any]
    cross_validation: Mapping[str, Any]
    models: Mapping[str, VerdictModel] = field(default_factory=dict)


def findings_vector(question: str, findings: Sequence[str]) -> np.ndarray:
    """Features of a question and the sentences that report results, float64 [n_features]."""
    return np.concatenate([features.question_features(question), _mean(question, findings)])


def conclusion_vector(question: str, findings: Sequence[str], conclusion: Sequence[str]) -> np.ndarray:
    """:func:`findings_vector`, then features of the conclusion and of its first sentence, float64 [n_features]."""
    return np.concatenate(
        [findings_vector(question, findings), _mean(question, conclusion), _mean(question, conclusion[:1])]
    )


def feature_names(model: str) -> list[str]:
    """Names of the features of the model ``findings`` or ``conclusion``, in the order of its vector."""
    parts = ("results",) if model == "findings" else ("results", "conclusion", "first_conclusion")
    return [
        *features.QUESTION_FEATURES,
        *(f"{part}_{name}" for part in parts for name in features.SENTENCE_FEATURES),
    ]


def probabilities(question: str, findings: Sequence[str], conclusion: Sequence[str] = ()) -> np.ndarray:
    """Probabilities of :data:`LABELS` for one abstract, float64 [3], adding up to 1.

    Parameters
    ----------
    question
        A yes/no question.
    findings
        The sentences that report results.
    conclusion
        The sentences of the authors' conclusion, where there are any.
    """
    if conclusion:
        name, vector = "conclusion", conclusion_vector(question, findings, conclusion)
    else:
        name, vector = "findings", findings_vector(question, findings)
    mean, scale, weights, intercept = _arrays(name)
    logits = np.clip((vector - mean) / scale, -4, 4) @ weights + intercept
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())


def _mean(question: str, sentences: Sequence[str]) -> np.ndarray:
    if not sentences:
        return np.zeros(len(features.SENTENCE_FEATURES))
    return np.asarray(features.sentence_features(question, sentences).mean(axis=0))


@functools.cache
def load() -> VerdictFile:
    """The weights that come with ragqa."""
    text = importlib.resources.files("ragqa.answer").joinpath("verdict.json").read_bytes()
    return msgspec.json.decode(text, type=VerdictFile)


@functools.cache
def _arrays(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    model = load().models[name]
    rows = [model.features[feature] for feature in feature_names(name)]
    return (
        np.array([row.mean for row in rows]),
        np.array([row.scale for row in rows]),
        np.array([[row.yes, row.no, row.maybe] for row in rows]),
        np.array([model.intercept[label] for label in LABELS]),
    )
