"""The registry: every measure is declared, and a perfect system beats the worst one on each, everywhere."""

from dataclasses import replace

import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.compare.pairs import Pair, beaten_by
from ragqa.evaluate.measures.measure import mean_measure
from ragqa.evaluate.measures.registry import declarations, declared
from ragqa.evaluate.report.plots import Point, pareto
from ragqa.evaluate.stats.intervals import interval
from ragqa.evaluate.stats.tests import compare

RETRIEVAL = ("nDCG@10", "AP@100", "RR(rel=2)@10", "nDCG(judged_only=True)@10", "Judged@10", "RBP(p=0.8)", "Success@1")
NAMES = [*(name.replace("*", "some") for name in declarations()), *RETRIEVAL]


def of_quality(name: str, *, perfect: bool):
    """Twenty questions that all have the best, or the worst, value that the declaration allows."""
    declaration = declared(name)
    high = min(declaration.high, 10.0)
    best, worst = (high, declaration.low) if declaration.higher_is_better else (declaration.low, high)
    return mean_measure(name, {f"q{place}": best if perfect else worst for place in range(20)})


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_system_beats_the_worst_one_on_every_measure(name):
    good, bad = of_quality(name, perfect=True), of_quality(name, perfect=False)

    comparison = compare(bad, good, n_resamples=200)

    assert (comparison.wins, comparison.losses) == (0, 20)
    assert comparison.better == "b"
    assert beaten_by("good", ["bad", "good"], [Pair("bad", "good", comparison, comparison.p_value)]) == "a"
    assert beaten_by("bad", ["bad", "good"], [Pair("bad", "good", comparison, comparison.p_value)]) == ""


def test_the_front_of_a_plot_is_that_of_the_better_system_where_lower_is_better():
    points = [
        Point("good", 1.0, interval(of_quality("brier", perfect=True)), (0.9, 1.1)),
        Point("bad", 2.0, interval(of_quality("brier", perfect=False)), (1.9, 2.1)),
    ]
    with_good_first = pareto(points, "brier", "ms", beats={(0, 1)})
    points = [replace(points[0], x=2.0, spread=(1.9, 2.1)), replace(points[1], x=1.0, spread=(0.9, 1.1))]

    assert "#999999" in with_good_first, "the worse and slower system is not on the front"
    assert "#999999" not in pareto(points, "brier", "ms", beats={(0, 1)}), "each is better in one"


def test_families_sets_and_retrieval_measures_are_found_by_their_names():
    assert declared("alce_recall[some-model@0.7]").name == "alce_recall[some-model@0.7]"
    assert declared("mean_nDCG@10").cutoff == 10
    assert declared("official_document_map").high > 1
    assert declared("AP").needs_all_hits
    assert not declared("AP@100").needs_all_hits


@pytest.mark.parametrize("name", ["acuracy", "nDCG@0", "P", "mean_", "nDCG(oops=1)@10", "nDCG@10)"])
def test_an_unknown_measure_is_refused_with_the_nearest(name):
    with pytest.raises(UsageError, match="no measure"):
        declared(name)
