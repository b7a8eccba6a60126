"""Systems ranked across tasks whose scales differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from ragqa.errors import UsageError
from ragqa.evaluate.compare.pairs import primary_of
from ragqa.evaluate.measures.measure import figure, named
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.runs.load import LoadedRun
from ragqa.evaluate.stats.ranking import borda, kemeny, mean_ranks


@dataclass(frozen=True, slots=True)
class RankedSystems:
    """Systems across tasks whose scales differ.

    ``figures`` maps a system to its primary figure on each task; ``kemeny_order`` is best first.
    """

    figures: dict[str, dict[str, float]]
    mean_ranks: dict[str, float]
    borda: dict[str, float]
    kemeny_order: list[str]


def rank_across(runs: Sequence[LoadedRun]) -> RankedSystems:
    """Rank systems over the tasks that all of them ran, by the primary measure of each.

    Raises
    ------
    UsageError
        A system lacks a task that another has, or has one twice.
    """
    figures: dict[str, dict[str, float]] = {}
    for run in runs:
        tasks = figures.setdefault(run.system, {})
        if run.label in tasks:
            raise UsageError(f"two runs of {run.system!r} on {run.label}; name one of them")
        tasks[run.label] = figure(named(run.scores, primary_of([run])))
    signs = {run.label: declared(primary_of([run])).sign for run in runs}
    # Rankings take the greater figure for the better one.
    better = {system: {task: signs[task] * value for task, value in row.items()} for system, row in figures.items()}
    return RankedSystems(figures, mean_ranks(better), borda(better), kemeny(better))
