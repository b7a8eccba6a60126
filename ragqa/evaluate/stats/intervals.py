"""How far a figure can be trusted: percentile bootstrap intervals over questions (Efron & Tibshirani 1993, ch. 13).

Everything is seeded and repeats to the last digit on one machine.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Floats, Measure, figure

N_RESAMPLES = 10_000
SEED = 20250101
_CHUNK_VALUES = 4_000_000
# Differences that rounding alone can make count as none.
TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its confidence interval: percentile bootstrap over ``n_questions`` questions."""

    value: float
    low: float
    high: float
    level: float
    n_questions: int
    n_resamples: int
    seed: int


def bootstrap_interval(
    measure: Measure, level: float = 0.95, n_resamples: int = N_RESAMPLES, seed: int = SEED
) -> Interval:
    """The percentile bootstrap interval of a figure: questions are drawn with replacement.

    Raises
    ------
    UsageError
        There are no questions, or ``level`` or ``n_resamples`` is out of range.
    """
    value = figure(measure)
    return interval_of(value, measure.features, measure.combine, level=level, n_resamples=n_resamples, seed=seed)


def interval_of(
    value: float,
    features: Floats,
    combine: Callable[[Floats], Floats],
    *,
    level: float,
    n_resamples: int,
    seed: int,
) -> Interval:
    """The percentile bootstrap interval of ``combine(mean over rows of features)``, whose value is ``value``."""
    if not 0 < level < 1:
        raise UsageError(f"the confidence level is {level}; give a number between 0 and 1, for example 0.95")
    check_resamples(n_resamples)
    n_questions = len(features)
    generator = np.random.default_rng(seed)
    resampled = np.empty(n_resamples)
    for begin, end in chunks(n_resamples, n_questions):
        drawn = generator.integers(0, n_questions, size=(end - begin, n_questions), dtype=np.int32)
        # A column at a time: [chunk, n_questions] values are held, never times the number of features.
        means = np.stack([column[drawn].mean(axis=1) for column in features.T], axis=1)
        resampled[begin:end] = combine(means)
    tail = (1 - level) / 2
    # A ratio can be undefined in a resample (nothing answered in it); the interval is over the others.
    defined = resampled[~np.isnan(resampled)]
    low, high = np.quantile(defined, [tail, 1 - tail]).tolist() if len(defined) else (value, value)
    return Interval(value, low, high, level, n_questions, n_resamples, seed)


def chunks(n_rows: int, n_columns: int) -> list[tuple[int, int]]:
    """Begins and ends of parts of ``n_rows`` rows that are small enough to be held in memory."""
    size = max(1, _CHUNK_VALUES // max(1, n_columns))
    return [(begin, min(begin + size, n_rows)) for begin in range(0, n_rows, size)]


def check_resamples(n_resamples: int) -> None:
    """Raise :class:`UsageError` for too few resamples."""
    if n_resamples < 100:
        raise UsageError(f"{n_resamples} resamples are too few; take at least 100, usually {N_RESAMPLES}")
