"""Rank aggregation across tasks."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.evaluate.stats.ranking import borda, kemeny, mean_ranks

FIGURES = {
    "bm25": {"bioasq": 0.77, "scifact": 0.68, "r2med": 0.15},
    "dense": {"bioasq": 0.69, "scifact": 0.64, "r2med": 0.17},
    "convex": {"bioasq": 0.82, "scifact": 0.73, "r2med": 0.16},
}


def test_the_three_ways_on_three_systems():
    assert mean_ranks(FIGURES) == pytest.approx({"bm25": 7 / 3, "dense": 7 / 3, "convex": 4 / 3})
    assert borda(FIGURES) == {"bm25": 2.0, "dense": 2.0, "convex": 5.0}
    assert kemeny(FIGURES) == ["convex", "bm25", "dense"]


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=5))
def test_kemeny_has_the_fewest_disagreements_of_all_orders(rows):
    figures = {f"s{i}": {f"t{j}": float(value) for j, value in enumerate(row)} for i, row in enumerate(rows)}

    def disagreements(order):
        return sum(
            figures[later][task] > figures[earlier][task]
            for earlier, later in itertools.combinations(order, 2)
            for task in figures[earlier]
        )

    assert disagreements(kemeny(figures)) == min(map(disagreements, itertools.permutations(figures)))


def test_systems_on_different_tasks_are_refused():
    with pytest.raises(UsageError, match="rank on common tasks"):
        mean_ranks({"a": {"t1": 1.0}, "b": {"t2": 1.0}})
    with pytest.raises(UsageError, match="nothing to rank"):
        borda({})
    with pytest.raises(UsageError, match="14 are the limit"):
        kemeny({f"s{i}": {"t": 0.0} for i in range(15)})
