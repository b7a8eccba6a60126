"""Precision, recall and F1 over all items of all questions, each item counting once."""

from collections.abc import Mapping, Sequence

import numpy as np

from ragqa.evaluate.measures.measure import Combine, Floats, Measure, combined_measure


def precision_recall_f1(name: str, counts: Mapping[str, Sequence[int]]) -> dict[str, Measure]:
    """``NAME_precision``, ``NAME_recall`` and ``NAME_f1``.

    Parameters
    ----------
    counts
        Question id → numbers of right items, of items given and of items wanted. A figure without a denominator is 0.
    """
    table = np.array(list(counts.values()), dtype=np.float64)
    ratios: dict[str, Combine] = {
        f"{name}_precision": lambda means: _ratio(means[..., 0], means[..., 1]),
        f"{name}_recall": lambda means: _ratio(means[..., 0], means[..., 2]),
        f"{name}_f1": lambda means: _ratio(2 * means[..., 0], means[..., 1] + means[..., 2]),
    }
    return {
        measure: combined_measure(measure, tuple(counts), combine(table), table, combine)
        for measure, combine in ratios.items()
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0))
