"""Systems ranked across tasks whose scales differ, with intervals over questions, and whether the tasks agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.compare.pairs import primary_of
from ragqa.evaluate.measures.measure import Floats, Measure, figure, named
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.runs.load import LoadedRun
from ragqa.evaluate.stats.agreement import Agreement, BenchmarkAgreement, benchmark_agreement, pairwise_agreement
from ragqa.evaluate.stats.intervals import SEED, chunks
from ragqa.evaluate.stats.ranking import borda, kemeny, mean_ranks, points_of, ranks_of

N_RESAMPLES = 2000
_N_KEMENY, _KEMENY_SYSTEMS = 300, 8


@dataclass(frozen=True, slots=True)
class RankedSystems:
    """Systems across tasks whose scales differ.

    Attributes
    ----------
    figures
        System → task → primary figure.
    mean_ranks, borda
        System → mean rank, Borda points.
    kemeny_order
        Best first.
    rank_intervals, borda_intervals
        System → 95 % percentile interval; the questions of each task are drawn anew for all systems alike.
    kemeny_places
        System → the best and the worst place of the middle 95 % of resampled orders; empty for more than 8 systems.
    task_agreement
        ``TASK | TASK`` → Kendall's τ-b of their orders.
    benchmarks
        Task → its agreement with the others.
    """

    figures: dict[str, dict[str, float]]
    mean_ranks: dict[str, float]
    borda: dict[str, float]
    kemeny_order: list[str]
    rank_intervals: dict[str, tuple[float, float]]
    borda_intervals: dict[str, tuple[float, float]]
    kemeny_places: dict[str, tuple[int, int]]
    task_agreement: dict[str, Agreement]
    benchmarks: dict[str, BenchmarkAgreement]


def rank_across(runs: Sequence[LoadedRun], n_resamples: int = N_RESAMPLES, seed: int = SEED) -> RankedSystems:
    """Rank systems over the tasks that all of them ran, by the primary measure of each.

    Raises
    ------
    UsageError
        A system lacks a task that another has, or has one twice, or two ran other questions of one task.
    """
    measures: dict[str, dict[str, Measure]] = {}
    for run in runs:
        tasks = measures.setdefault(run.system, {})
        if run.label in tasks:
            raise UsageError(f"two runs of {run.system!r} on {run.label}; name one of them")
        tasks[run.label] = named(run.scores, primary_of([run]))
    figures = {system: {task: figure(measure) for task, measure in row.items()} for system, row in measures.items()}
    signs = {run.label: declared(primary_of([run])).sign for run in runs}
    # Rankings take the greater figure for the better one.
    better = {system: {task: signs[task] * value for task, value in row.items()} for system, row in figures.items()}
    means = mean_ranks(better)
    systems, tasks_ = list(better), list(next(iter(better.values())))
    table = np.array([[better[system][task] for task in tasks_] for system in systems])
    resampled = _resampled(measures, tasks_, signs, n_resamples, seed)
    return RankedSystems(
        figures,
        means,
        borda(better),
        kemeny(better),
        rank_intervals=_intervals(systems, ranks_of(resampled).mean(axis=-1)),
        borda_intervals=_intervals(systems, points_of(resampled).sum(axis=-1)),
        kemeny_places=_kemeny_places(systems, tasks_, resampled),
        task_agreement={
            f"{tasks_[i]} | {tasks_[j]}": found for (i, j), found in pairwise_agreement(table, resampled).items()
        },
        benchmarks=dict(zip(tasks_, benchmark_agreement(table, resampled), strict=False)),
    )


def _resampled(
    measures: Mapping[str, Mapping[str, Measure]],
    tasks: Sequence[str],
    signs: Mapping[str, int],
    n_resamples: int,
    seed: int,
) -> Floats:
    """Figures on drawn questions, the same for all systems: float64 [n_resamples, n_systems, n_tasks]."""
    generator = np.random.default_rng(seed)
    table = np.empty((n_resamples, len(measures), len(tasks)))
    for column, task in enumerate(tasks):
        ids = next(iter(measures.values()))[task].question_ids
        features = [_ordered(row[task], ids, task) for row in measures.values()]
        for begin, end in chunks(n_resamples, len(ids)):
            drawn = generator.integers(0, len(ids), size=(end - begin, len(ids)), dtype=np.int32)
            for place, (measure, values) in enumerate(features):
                means = np.stack([feature[drawn].mean(axis=1) for feature in values.T], axis=1)
                table[begin:end, place, column] = signs[task] * np.nan_to_num(measure.combine(means), nan=-np.inf)
    return table


def _ordered(measure: Measure, ids: Sequence[str], task: str) -> tuple[Measure, Floats]:
    if set(measure.question_ids) != set(ids):
        raise UsageError(f"the runs on {task} are of different questions; rank systems on the same ones")
    place = {question_id: row for row, question_id in enumerate(measure.question_ids)}
    return measure, measure.features[[place[question_id] for question_id in ids]]


def _intervals(systems: Sequence[str], values: Floats) -> dict[str, tuple[float, float]]:
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    return {system: (float(low[place]), float(high[place])) for place, system in enumerate(systems)}


def _kemeny_places(systems: Sequence[str], tasks: Sequence[str], resampled: Floats) -> dict[str, tuple[int, int]]:
    if len(systems) > _KEMENY_SYSTEMS:
        return {}
    places: dict[str, list[int]] = {system: [] for system in systems}
    for table in resampled[:_N_KEMENY]:
        order = kemeny({s: dict(zip(tasks, row, strict=True)) for s, row in zip(systems, table.tolist(), strict=True)})
        for place, system in enumerate(order, start=1):
            places[system].append(place)
    return {
        system: (int(np.quantile(p, 0.025, method="lower")), int(np.quantile(p, 0.975, method="higher")))
        for system, p in places.items()
    }
