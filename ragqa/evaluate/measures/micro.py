"""Precision, recall and F1 over all items of all questions, each item counting once."""

from collections.abc import Mapping, Sequence

import numpy as np

from ragqa.evaluate.measures.measure import Combine, Floats, Measure, combined_measure


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0))


def precision(means: Floats) -> Floats:
    """Right by given, from means of [right, given, wanted]."""
    return _ratio(means[..., 0], means[..., 1])


def recall(means: Floats) -> Floats:
    """Right by wanted."""
    return _ratio(means[..., 0], means[..., 2])


def f1(means: Floats) -> Floats:
    """The harmonic mean of both."""
    return _ratio(2 * means[..., 0], means[..., 1] + means[..., 2])


COMBINES: Mapping[str, Combine] = {"precision": precision, "recall": recall, "f1": f1}
"""What a measure ``NAME_KIND`` of :func:`precision_recall_f1` declares as its closing formula, by kind."""


def precision_recall_f1(name: str, counts: Mapping[str, Sequence[int]]) -> dict[str, Measure]:
    """``NAME_precision``, ``NAME_recall`` and ``NAME_f1``.

    Parameters
    ----------
    counts
        Question id → numbers of right items, of items given and of items wanted. A figure without a denominator is 0.
    """
    table = np.array(list(counts.values()), dtype=np.float64)
    return {
        f"{name}_{kind}": combined_measure(f"{name}_{kind}", tuple(counts), combine(table), table, combine)
        for kind, combine in COMBINES.items()
    }
