"""Ranking systems across tasks whose scales differ: mean rank, Borda count and the Kemeny order."""

from collections.abc import Mapping

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Floats

_KEMENY_LIMIT = 14


def mean_ranks(figures: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean rank of each system over the tasks, 1 for the best; equal figures share the mean of their ranks.

    Parameters
    ----------
    figures
        System → task → figure, higher is better.

    >>> mean_ranks({"a": {"t1": 0.9, "t2": 0.5}, "b": {"t1": 0.8, "t2": 0.5}})
    {'a': 1.25, 'b': 1.75}
    """
    systems, table = _table(figures)
    return dict(zip(systems, ranks_of(table).mean(axis=1).tolist(), strict=True))


def borda(figures: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Borda points of each system: one for every system beaten on a task, half for every tie, over all tasks.

    >>> borda({"a": {"t1": 0.9, "t2": 0.5}, "b": {"t1": 0.8, "t2": 0.5}})
    {'a': 1.5, 'b': 0.5}
    """
    systems, table = _table(figures)
    return dict(zip(systems, points_of(table).sum(axis=1).tolist(), strict=True))


def points_of(table: Floats) -> Floats:
    """For each system and task one point for every system beaten, half for every tie: of the shape of ``table``.

    Parameters
    ----------
    table
        Figures, higher is better: float64 [..., n_systems, n_tasks].
    """
    one, other = table[..., :, None, :], table[..., None, :, :]
    ties = (one == other).sum(axis=-2) - 1
    return np.asarray((one > other).sum(axis=-2) + ties / 2)


def ranks_of(table: Floats) -> Floats:
    """Ranks on each task, 1 for the best, equal figures sharing their mean: of the shape of ``table``."""
    return np.asarray(table.shape[-2] - points_of(table))


def kemeny(figures: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The order of the systems, best first, with the fewest disagreements with the tasks' orders (exact).

    Among equally good orders, the one that comes first in the order of the systems given is taken. Exact by
    dynamic programming over sets of systems (Betzler et al. 2009).

    Raises
    ------
    UsageError
        There are more than 14 systems, or a figure is missing.
    """
    systems, table = _table(figures)
    n_systems = len(systems)
    if n_systems > _KEMENY_LIMIT:
        raise UsageError(f"an exact Kemeny order of {n_systems} systems takes too long; {_KEMENY_LIMIT} are the limit")
    # cost[i, j]: tasks on which j is better than i, paid where i is placed before j.
    cost = (table[None, :, :] > table[:, None, :]).sum(axis=2)
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for members in range(1, 1 << n_systems):
        inside = [system for system in range(n_systems) if members >> system & 1]
        options = []
        for last in inside:
            disagreements, order = best[members ^ (1 << last)]
            options.append((disagreements + int(sum(cost[before, last] for before in order)), (*order, last)))
        best[members] = min(options)
    return [systems[system] for system in best[(1 << n_systems) - 1][1]]


def _table(figures: Mapping[str, Mapping[str, float]]) -> tuple[list[str], Floats]:
    """Systems in order, and float64 [n_systems, n_tasks]."""
    systems = list(figures)
    tasks = list(figures[systems[0]]) if systems else []
    if not tasks:
        raise UsageError("there is nothing to rank; give at least one system with one task")
    for system in systems:
        if set(figures[system]) != set(tasks):
            differing = min(set(figures[system]) ^ set(tasks))
            raise UsageError(
                f"{system!r} and {systems[0]!r} have different tasks ({differing!r}); rank on common tasks"
            )
    return systems, np.array([[figures[system][task] for task in tasks] for system in systems], dtype=np.float64)
