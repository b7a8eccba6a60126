"""Bradley–Terry with ties: known strengths are found again, names do not matter, groups that never met are refused."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.evaluate.stats.bradley_terry import Contest, bradley_terry, fit

TRUE = {"a": 0.9, "b": 0.3, "c": -0.2, "d": -1.0}
TIES = 0.8


def simulated(seed, n_questions=60, systems=TRUE, ties=TIES):
    generator = np.random.default_rng(seed)
    contests = []
    for number in range(n_questions):
        for a, b in combinations(systems, 2):
            weights = np.exp([systems[a], systems[b], (systems[a] + systems[b]) / 2 + np.log(ties)])
            points = generator.choice([1.0, 0.0, 0.5], p=weights / weights.sum())
            contests.append(Contest(f"q{number}", a, b, float(points)))
    return contests


def values(found):
    return {one.system: one.strength.value for one in found.systems}


def test_known_strengths_are_recovered():
    found = bradley_terry(simulated(1, n_questions=4000), n_resamples=100)

    assert values(found) == pytest.approx(TRUE, abs=0.06)
    assert found.tie_parameter == pytest.approx(TIES, rel=0.05)
    assert [one.system for one in found.systems] == ["a", "b", "c", "d"]


def test_intervals_cover_the_true_strengths_about_as_often_as_they_say():
    covered = [
        one.strength.low <= TRUE[one.system] <= one.strength.high
        for seed in range(120)
        for one in bradley_terry(simulated(seed, n_questions=50), n_resamples=300).systems
    ]

    assert 0.91 < np.mean(covered) < 0.985  # 480 intervals of 95%


def test_two_systems_without_ties_have_the_log_odds_of_their_wins():
    contests = [Contest(str(number), "x", "y", float(number < 750)) for number in range(1000)]

    found = values(bradley_terry(contests, n_resamples=100))

    assert found["x"] - found["y"] == pytest.approx(np.log(3), abs=1e-3)


def test_ties_are_davidsons():
    """With equal strengths a share of ν / (2 + ν) are ties."""
    contests = [Contest(str(number), "x", "y", (1.0, 0.0, 0.5, 0.5)[number % 4]) for number in range(2000)]

    found = bradley_terry(contests, n_resamples=100)

    assert found.tie_parameter == pytest.approx(2.0, abs=0.01)
    assert values(found) == pytest.approx({"x": 0.0, "y": 0.0}, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.permutations(list(TRUE)), st.integers(0, 5), st.randoms(use_true_random=False))
def test_names_order_and_side_do_not_matter(names, seed, random):
    renamed = dict(zip(TRUE, names, strict=True))
    contests = simulated(seed, n_questions=15)
    other = [
        Contest(one.question, renamed[one.a], renamed[one.b], one.points)
        if random.random() < 0.5
        else Contest(one.question, renamed[one.b], renamed[one.a], 1 - one.points)
        for one in contests
    ]
    random.shuffle(other)

    before, after = bradley_terry(contests, n_resamples=100), bradley_terry(other, n_resamples=100)

    assert values(after) == pytest.approx({renamed[name]: value for name, value in values(before).items()}, abs=1e-6)
    assert after.tie_parameter == pytest.approx(before.tie_parameter)


def test_a_system_that_wins_everything_has_a_finite_strength():
    contests = [Contest(str(number), "best", "worst", 1.0) for number in range(40)]

    best, worst = bradley_terry(contests, n_resamples=100).systems

    assert best.system == "best"
    assert 1 < best.strength.value < 10
    assert (best.share_of_points, worst.share_of_points) == (1.0, 0.0)


def test_many_fits_at_once_are_those_one_by_one():
    pairs = np.array(list(combinations(range(3), 2)))
    totals = np.random.default_rng(3).integers(0, 30, size=(20, 3, 3)).astype(float)
    totals[0] = [[40, 0, 0]] * 3

    together = fit(pairs, totals, 3)

    for row, one in zip(together, totals, strict=True):
        assert row == pytest.approx(fit(pairs, one, 3), abs=1e-6)


def test_systems_that_never_met_are_refused_with_their_groups():
    contests = [Contest("q", "a", "b", 1.0), Contest("q", "c", "d", 0.5)]

    with pytest.raises(UsageError, match=r"2 groups that never met \(a, b; c, d\).*judge a pair across them"):
        bradley_terry(contests)


@pytest.mark.parametrize(
    ("contest", "told"),
    [
        (Contest("q", "a", "a", 1.0), "against itself"),
        (Contest("q", "a", "b", 0.7), "gives 'a' 0.7 points against 'b'; a win is 1"),
    ],
)
def test_what_is_no_contest_is_refused(contest, told):
    with pytest.raises(UsageError, match=told):
        bradley_terry([contest])
    with pytest.raises(UsageError, match="no contests"):
        bradley_terry([])
