"""Rank aggregation across tasks."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, rankdata

from ragqa.errors import UsageError
from ragqa.evaluate.stats.agreement import benchmark_agreement, kendall, pairwise_agreement
from ragqa.evaluate.stats.ranking import borda, kemeny, mean_ranks, ranks_of

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


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=2, max_size=2))
def test_kendall_is_scipys(rows):
    a, b = (np.array(row, dtype=float) for row in rows)
    expected = kendalltau(a, b).statistic

    assert kendall(a, b) == pytest.approx(expected, nan_ok=True)


def test_ranks_are_scipys():
    table = np.array([[0.2, 0.2, 0.2], [0.5, 0.2, 0.1], [0.5, 0.9, 0.1]])

    np.testing.assert_allclose(ranks_of(table), rankdata(-table, axis=0))


def test_a_benchmark_that_orders_the_other_way_stands_out():
    good = np.array([[0.9, 0.8, 0.7, 0.1], [0.6, 0.5, 0.6, 0.5], [0.3, 0.2, 0.4, 0.9]])
    resampled = np.stack([good, good + 0.001])

    found = benchmark_agreement(good, resampled)

    assert [one.with_the_others.tau for one in found] == pytest.approx([1.0, 1.0, 1.0, -1.0])
    assert found[3].z == pytest.approx(-1.5)
    pairs = pairwise_agreement(good, resampled)
    assert pairs[0, 1].tau == 1.0
    assert pairs[2, 3].tau == -1.0
