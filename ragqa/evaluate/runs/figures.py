"""Scores → ``metrics.json``: figures with confidence intervals, counts and how they were made; no times in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.evaluate.measures.measure import Scores, figure
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.runs.folder import METRICS_FILE, TIMINGS_FILE
from ragqa.evaluate.runs.lines import QuestionLine, read_lines
from ragqa.evaluate.stats.intervals import N_RESAMPLES, SEED, bootstrap_interval
from ragqa.manifest import read_json, write_json

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
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)


def summarise(task: Mapping[str, Any], scores: Scores) -> Metrics:
    """Figures, their intervals and the counts of ``scores``; a measure without questions becomes a note."""
    for name in scores.measures:
        declared(name)  # what nobody declares has no direction, and could be read the wrong way round
    measures = {name: measure for name, measure in scores.measures.items() if measure.question_ids}
    empty = [name for name in scores.measures if name not in measures]
    told = [f"not scored, as no question has the gold for it: {', '.join(empty)}"] if empty else []
    intervals = {}
    for name, measure in measures.items():
        interval = bootstrap_interval(measure, LEVEL)
        intervals[name] = (interval.low, interval.high)
    return Metrics(
        task=dict(task),
        metrics={name: figure(measure) for name, measure in measures.items()},
        intervals=intervals,
        counts=dict(scores.counts),
        notes=[*scores.notes, *told],
        statistics={
            "interval": "percentile bootstrap over questions",
            "level": LEVEL,
            "n_resamples": N_RESAMPLES,
            "seed": SEED,
        },
    )


def write_metrics(folder: Path, metrics: Metrics) -> None:
    """Write ``metrics.json`` atomically."""
    write_json(folder / METRICS_FILE, metrics)


def read_metrics(folder: Path) -> Metrics:
    """The figures of a run.

    Raises
    ------
    ProductError
        There are none: the run is not finished, or the file is damaged.
    """
    remedy = "the run is not finished; run the same command again to go on with it"
    return read_json(folder / METRICS_FILE, Metrics, remedy)


@dataclass(frozen=True, slots=True)
class StageTiming:
    """Milliseconds a question of one stage: mean, median and 95th percentile over ``n`` questions."""

    mean: float
    p50: float
    p95: float
    n: int


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
        )
        for stage, values in table.items()
    }


def write_timings(folder: Path) -> dict[str, StageTiming]:
    """Write ``timings.json`` from the lines of a run, and return what it holds."""
    timings = stage_timings([line.timings_ms for line in read_lines(folder) if not line.error])
    write_json(folder / TIMINGS_FILE, timings)
    return timings


def read_timings(folder: Path) -> dict[str, StageTiming]:
    """The timings of a run; empty where it has none yet."""
    if not (folder / TIMINGS_FILE).exists():
        return {}
    return read_json(folder / TIMINGS_FILE, dict[str, StageTiming], "run the same command again")


def failures(lines: Sequence[QuestionLine]) -> dict[str, str]:
    """Question id → error of those lines that have one."""
    return {line.id: line.error for line in lines if line.error}
