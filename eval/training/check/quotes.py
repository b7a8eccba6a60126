"""Fit which sentences of an abstract are evidence for a claim.

What words and place tell is learned from the evidence of SciFact's claims that the reader's model was trained on,
without the model, which knows those by heart. What its reading adds to that is learned from the claims held back.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pairs import Pair
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ragqa.check.sentences import FEATURES, WORDS

_READ = FEATURES[len(WORDS) :]


def by_words(pairs: Sequence[Pair]) -> dict[str, float]:
    """Weights of what words and place tell, and the intercept."""
    x, y = _sentences(pairs, WORDS)
    return _unscaled(x, y, WORDS, strength=0.3)


def with_reading(words: dict[str, float], pairs: Sequence[Pair]) -> dict[str, float]:
    """Those weights, made one with what the model's reading adds in these pairs' gold abstracts."""
    x, y = _sentences(pairs, WORDS)
    reading, _ = _sentences(pairs, _READ)
    found = _unscaled(np.column_stack([logits(words, x), reading]), y, ("words", *_READ), strength=0.1)
    share, intercept = found.pop("words"), found.pop("intercept")
    return {name: share * value for name, value in words.items()} | found | {
        "intercept": share * words["intercept"] + intercept
    }  # fmt: skip


def chances(weights: dict[str, float], pair: Pair) -> np.ndarray:
    """Probability that each sentence of the abstract is evidence, float64 [n_sentences]."""
    return 1 / (1 + np.exp(-logits(weights, _matrix(pair, FEATURES))))


def figures(weights_of: Sequence[dict[str, float]], pairs: Sequence[Pair]) -> dict[str, Any]:
    """How well evidence is told from the other sentences of its abstract, by weights fitted without each pair."""
    kept = [(chances(w, p), p) for w, p in zip(weights_of, pairs, strict=True) if p.gold]
    read = [(_matrix(p, _READ)[:, 0], p) for _, p in kept]
    return {
        "n_abstracts": len(kept),
        "n_sentences": sum(len(one) for one, _ in kept),
        **{f"{name}{end}": value for end, rows in (("", kept), ("_model_alone", read))
           for name, value in _told(rows).items()},
    }  # fmt: skip


def logits(weights: dict[str, float], x: np.ndarray) -> np.ndarray:
    """Of rows with the features that the weights name, in their order."""
    return x @ np.array([value for name, value in weights.items() if name != "intercept"]) + weights["intercept"]


def _told(rows: Sequence[tuple[np.ndarray, Pair]]) -> dict[str, float]:
    marks = np.concatenate([[n in pair.gold for n in range(len(one))] for one, pair in rows])
    first = [int(np.argmax(one)) in pair.gold for one, pair in rows]
    return {
        "auc": round(float(roc_auc_score(marks, np.concatenate([one for one, _ in rows]))), 4),
        "first_is_evidence": round(float(np.mean(first)), 4),
    }


def _sentences(pairs: Sequence[Pair], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    gold = [pair for pair in pairs if pair.gold and pair.sentences]
    x = np.concatenate([_matrix(pair, names) for pair in gold])
    return x, np.array([number in pair.gold for pair in gold for number in range(len(pair.sentences))])


def _matrix(pair: Pair, names: Sequence[str]) -> np.ndarray:
    return np.array([[one[name] for name in names] for one in pair.sentences])


def _unscaled(x: np.ndarray, y: np.ndarray, names: Sequence[str], strength: float) -> dict[str, float]:
    """A regression on features of one scale, its weights those of the features as they are."""
    scaler, regression = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=5000)).fit(x, y)
    weights = regression.coef_[0] / scaler.scale_
    intercept = float(regression.intercept_[0] - weights @ scaler.mean_)
    return {**dict(zip(names, map(float, weights), strict=True)), "intercept": intercept}
