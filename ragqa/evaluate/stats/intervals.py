"""How far a figure can be trusted: intervals over questions.

Shares of right answers get Wilson's score interval with continuity correction (1927; Newcombe 1998), everything else
the bias-corrected and accelerated bootstrap (BCa; Efron 1987). Percentile bootstrap intervals would be too short: for
20 right of 20 they are [1, 1]. Everything is seeded and repeats to the last digit on one machine.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Floats, Measure, figure
from ragqa.evaluate.measures.registry import declared

WILSON, BCA = "Wilson", "BCa bootstrap"
N_RESAMPLES = 10_000
SEED = 20250101
_CHUNK_VALUES = 4_000_000
# Differences that rounding alone can make count as none.
TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its confidence interval over ``n_questions`` questions, and how it was made (Wilson or BCa)."""

    value: float
    low: float
    high: float
    level: float
    n_questions: int
    n_resamples: int
    seed: int
    method: str = BCA


def interval(measure: Measure, level: float = 0.95, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> Interval:
    """The confidence interval of a figure: Wilson's for a share of right answers, else BCa over questions.

    Raises
    ------
    UsageError
        There are no questions, or ``level`` or ``n_resamples`` is out of range.

    >>> from ragqa.evaluate.measures.measure import mean_measure
    >>> twenty = interval(mean_measure("accuracy", {str(place): 1.0 for place in range(20)}))
    >>> round(twenty.low, 3), twenty.high
    (0.8, 1.0)
    """
    value = figure(measure)
    _check_level(level)
    if not is_share(measure):
        found = interval_of(value, measure.features, measure.combine, level=level, n_resamples=n_resamples, seed=seed)
        return replace(found, n_questions=n_averaged(measure))
    n_questions = len(measure.question_ids)
    low, high = wilson(int(measure.values.sum()), n_questions, level)
    return Interval(value, low, high, level, n_questions, n_resamples, seed, WILSON)


def wilson(n_true: int, n_all: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval, with continuity correction, of a share of ``n_all``."""
    from scipy.stats import binomtest

    bounds = binomtest(n_true, n_all).proportion_ci(level, method="wilsoncc")
    return float(bounds.low), float(bounds.high)


def n_averaged(measure: Measure) -> int:
    """How many questions the figure is over: all, or those that count where the measure is of answered ones."""
    if declared(measure.name).is_conditional:
        return int(np.rint(measure.features[:, -1].sum()))
    return len(measure.question_ids)


def is_share(measure: Measure) -> bool:
    """Whether the figure is the share of questions that are right, each being right or wrong."""
    return declared(measure.name).is_proportion and measure.is_mean and bool(np.isin(measure.values, (0.0, 1.0)).all())


def interval_of(
    value: float,
    features: Floats,
    combine: Callable[[Floats], Floats],
    *,
    level: float,
    n_resamples: int,
    seed: int,
) -> Interval:
    """The BCa bootstrap interval of ``combine(mean over rows of features)``, whose value is ``value``."""
    _check_level(level)
    check_resamples(n_resamples)
    n_questions = len(features)
    resampled = np.empty(n_resamples)
    for begin, end in chunks(n_resamples, n_questions):
        drawn = _times_drawn(n_questions, n_resamples, seed)[begin:end].astype(np.float64)
        resampled[begin:end] = combine(drawn @ features / n_questions)
    # A ratio can be undefined in a resample (nothing answered in it); the interval is over the others.
    defined = resampled[~np.isnan(resampled)]
    low, high = _bca(value, defined, left_out(features, combine), level)
    return Interval(value, low, high, level, n_questions, n_resamples, seed)


@functools.lru_cache(maxsize=2)
def _times_drawn(n_questions: int, n_resamples: int, seed: int) -> npt.NDArray[np.uint8]:
    """How often each resample has each question: uint8 [n_resamples, n_questions]. (255 times: p < 1e-500.)

    All measures of a run are resampled alike, so that it is drawn once for all of them.
    """
    generator = np.random.default_rng(seed)
    times = np.empty((n_resamples, n_questions), dtype=np.uint8)
    for begin, end in chunks(n_resamples, n_questions):
        drawn = generator.integers(0, n_questions, size=(end - begin, n_questions), dtype=np.int32)
        places = drawn + np.arange(end - begin)[:, None] * n_questions
        times[begin:end] = np.bincount(places.ravel(), minlength=places.size).reshape(places.shape)
    return times


def left_out(features: Floats, combine: Callable[[Floats], Floats]) -> Floats:
    """The figure without each question in turn, where it is defined: float64 [n_questions]."""
    n_questions = len(features)
    if n_questions < 2:
        return np.empty(0)
    figures = np.asarray(combine((features.sum(axis=0) - features) / (n_questions - 1)))
    return figures[~np.isnan(figures)]


def _bca(value: float, resampled: Floats, without_one: Floats, level: float) -> tuple[float, float]:
    """Bias-corrected and accelerated bounds; the value itself where nothing varies."""
    from scipy.special import ndtr, ndtri

    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    # As scipy has it: ties count half, so that a figure of few possible values is not taken for biased.
    below = (
        ((resampled < value - TOLERANCE).sum() + (resampled <= value + TOLERANCE).sum()) / 2 / max(len(resampled), 1)
    )
    if not len(resampled) or float(np.ptp(resampled)) <= TOLERANCE:
        return value, value
    spread = without_one.mean() - without_one
    squares = float((spread**2).sum())
    acceleration = float((spread**3).sum()) / (6 * squares**1.5) if squares > TOLERANCE**2 else 0.0
    shift = float(np.clip(ndtri(below), -4.0, 4.0))
    moved = shift + ndtri(tails)
    places = ndtr(shift + moved / (1 - acceleration * moved))
    low, high = np.quantile(resampled, np.clip(places, 0, 1)).tolist()
    return low, high


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise UsageError(f"the confidence level is {level}; give a number between 0 and 1, for example 0.95")


def chunks(n_rows: int, n_columns: int) -> list[tuple[int, int]]:
    """Begins and ends of parts of ``n_rows`` rows that are small enough to be held in memory."""
    size = max(1, _CHUNK_VALUES // max(1, n_columns))
    return [(begin, min(begin + size, n_rows)) for begin in range(0, n_rows, size)]


def check_resamples(n_resamples: int) -> None:
    """Raise :class:`UsageError` for too few resamples."""
    if n_resamples < 100:
        raise UsageError(f"{n_resamples} resamples are too few; take at least 100, usually {N_RESAMPLES}")
