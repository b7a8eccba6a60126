"""Scores → ``metrics.json``: figures with confidence intervals, counts and how they were made; no times in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Scores, figure
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.stats.intervals import N_RESAMPLES, SEED, interval, n_averaged

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Metrics:
    """What ``metrics.json`` holds.

    Attributes
    ----------
    task
        As in the run's manifest.
    metrics
        Measure → figure.
    n
        Measure → number of questions it is over; fewer than there are where only answered ones count.
    intervals
        Measure → lower and upper bound of the confidence interval.
    counts
        ``n_questions``, ``n_failed`` (ended in an error; scored as wrong), and what the task's metrics count.
    notes
        Sentences for people.
    statistics
        How the intervals were made.
    """

    task: dict[str, Any]
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    n: dict[str, int]
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)


def summarise(task: Mapping[str, Any], scores: Scores) -> Metrics:
    """Figures, their intervals and the counts of ``scores``; a measure without questions becomes a note."""
    for name, measure in scores.measures.items():
        if declared(name).combine is not measure.combine:
            raise UsageError(f"the measure {name!r} is computed and declared with different formulas; mend either")
    measures = {name: measure for name, measure in scores.measures.items() if measure.question_ids}
    empty = [name for name in scores.measures if name not in measures]
    told = [f"not scored, as no question has the gold for it: {', '.join(empty)}"] if empty else []
    intervals = {}
    for name, measure in measures.items():
        found = interval(measure, LEVEL)
        intervals[name] = (found.low, found.high)
    return Metrics(
        task=dict(task),
        metrics={name: figure(measure) for name, measure in measures.items()},
        intervals=intervals,
        n={name: n_averaged(measure) for name, measure in measures.items()},
        counts=dict(scores.counts),
        notes=[*scores.notes, *told],
        statistics={
            "interval": "Wilson for shares of right answers, else BCa bootstrap over questions",
            "level": LEVEL,
            "n_resamples": N_RESAMPLES,
            "seed": SEED,
        },
    )


@dataclass(frozen=True, slots=True)
class StageTiming:
    """Milliseconds a question of one stage: mean, median and 95th percentile over ``n`` questions.

    ``low`` and ``high`` bound the mean with 95 % confidence; None where all questions went through in one batch.
    """

    mean: float
    p50: float
    p95: float
    n: int
    low: float | None = None
    high: float | None = None


def stage_timings(lines: Sequence[Mapping[str, float]]) -> dict[str, StageTiming]:
    """Timings of each stage, and of all together (``total``), from the timings of the questions' lines."""
    stages = sorted({stage for timings in lines for stage in timings})
    table = {stage: np.array([t[stage] for t in lines if stage in t]) for stage in stages}
    if stages:
        table["total"] = np.array([sum(timings.values()) for timings in lines])
    return {
        stage: StageTiming(
            round(float(values.mean()), 4),
            round(float(np.percentile(values, 50)), 4),
            round(float(np.percentile(values, 95)), 4),
            len(values),
            *_mean_bounds(values),
        )
        for stage, values in table.items()
    }


def _mean_bounds(milliseconds: np.ndarray) -> tuple[float | None, float | None]:
    """The 95 % interval of the mean, float64 [n]; questions of a batch have one time between them, and count as one.

    The batch is the cluster of a cluster-robust standard error (Cameron and Miller, 2015, J. Hum. Resour. 50:317).
    """
    batches = np.concatenate([[0], np.cumsum(milliseconds[1:] != milliseconds[:-1])])
    n_batches = int(batches[-1]) + 1
    if n_batches < 2:
        return None, None
    mean = milliseconds.mean()
    sums = np.bincount(batches, weights=milliseconds - mean)
    error = float(np.sqrt(n_batches / (n_batches - 1) * np.square(sums).sum())) / len(milliseconds)
    half = float(stats.t.ppf(0.975, n_batches - 1)) * error
    return round(float(mean) - half, 4), round(float(mean) + half, 4)
