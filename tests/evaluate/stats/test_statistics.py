"""Intervals and tests: against scipy, against enumeration, and the same to the last digit each time."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ragqa.errors import UsageError
from ragqa.evaluate.compare.pairs import caption
from ragqa.evaluate.measures.measure import Measure, combined_measure, mean_measure
from ragqa.evaluate.stats.intervals import interval
from ragqa.evaluate.stats.tests import cohens_dz, compare, compare_by_mcnemar, holm, mcnemar_p_value


def measure(values, name="nDCG@10") -> Measure:
    return mean_measure(name, {f"q{i}": float(value) for i, value in enumerate(values)})


def test_the_interval_agrees_with_scipys_bca_bootstrap():
    values = np.random.default_rng(7).beta(0.5, 4, size=300)

    ours = interval(measure(values))
    theirs = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=10_000, rng=1).confidence_interval

    assert ours.value == pytest.approx(values.mean())
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.002)
    assert (ours.n_questions, ours.n_resamples, ours.level) == (300, 10_000, 0.95)


@pytest.mark.parametrize("n_questions", [20, 50, 100, 300])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_intervals_of_shares_cover_the_truth_at_least_93_times_in_100(share, n_questions):
    right = np.random.default_rng(11).binomial(n_questions, share, size=4000)
    by_count = {}
    for count in np.unique(right).tolist():
        found = interval(measure([1] * count + [0] * (n_questions - count), "accuracy"))
        assert found.method == "Wilson"
        by_count[count] = found.low <= share <= found.high

    assert np.mean([by_count[count] for count in right.tolist()]) >= 0.93


def test_twenty_right_of_twenty_leave_room_for_doubt():
    found = interval(measure([1] * 20, "accuracy"))
    assert found.low < 0.85
    assert found.high == 1


def test_the_same_seed_gives_the_same_bytes():
    a, b = measure(np.random.default_rng(1).random(200)), measure(np.random.default_rng(2).random(200))
    assert repr(interval(a)) == repr(interval(a))
    assert repr(compare(a, b)) == repr(compare(a, b))
    assert interval(a, seed=1) != interval(a, seed=2)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(3)
    intervals = [interval(measure(generator.random(80)), n_resamples=400) for _ in range(200)]
    covered = sum(interval.low <= 0.5 <= interval.high for interval in intervals)
    assert 178 <= covered <= 200


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 0.25, 0.5, 1]), st.sampled_from([0, 0.25, 0.5, 1])), min_size=1, max_size=9)
)
def test_few_questions_are_tested_by_enumeration(pairs):
    differences = np.array([first - second for first, second in pairs])
    flips = np.array(list(itertools.product([1, -1], repeat=len(pairs))))
    expected = (np.abs(flips @ differences) >= abs(differences.sum()) - 1e-9).mean()

    result = compare(measure([first for first, _ in pairs]), measure([second for _, second in pairs]))

    assert result.p_value == pytest.approx(expected)
    assert result.test == "paired randomisation (exact)"


def test_many_questions_agree_with_scipys_permutation_test():
    generator = np.random.default_rng(5)
    a = generator.random(150)
    b = a - generator.normal(0.015, 0.1, size=150)
    theirs = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1).pvalue

    result = compare(measure(a), measure(b))

    assert result.p_value == pytest.approx(theirs, abs=0.012)
    assert result.test == "paired randomisation (10000 resamples)"
    assert result.difference.value == pytest.approx((a - b).mean())
    assert result.difference.low < result.difference.value < result.difference.high
    assert result.effect_size == pytest.approx((a - b).mean() / (a - b).std(ddof=1))


def test_no_p_value_of_drawn_swaps_is_zero():
    result = compare(measure([1.0] * 60), measure([0.0] * 60))
    assert result.p_value == 1 / 10_001
    assert result.effect_size is None


def test_equal_runs_do_not_differ():
    result = compare(measure([0.1, 0.9]), measure([0.1, 0.9]))
    assert (result.p_value, result.wins, result.ties, result.losses, dict(result.changed)) == (1.0, 0, 2, 0, {})


def test_wins_losses_and_changed_questions_are_told_largest_first():
    result = compare(measure([1.0, 0.5, 0.2, 0.3]), measure([0.0, 0.5, 0.9, 0.2]))
    assert (result.wins, result.ties, result.losses) == (2, 1, 1)
    assert list(result.changed) == ["q0", "q2", "q3"]
    assert result.changed["q2"] == pytest.approx(-0.7)


def test_the_order_of_questions_does_not_matter():
    a = measure([0.0, 0.5, 1.0])
    b = mean_measure("nDCG@10", {"q2": 1.0, "q1": 0.5, "q0": 0.0})
    assert compare(a, b).ties == 3


def test_a_ratio_is_swapped_as_a_whole():
    """Right answers by answers given: the swapped outcomes are combined anew, not the per-question values."""

    def ratio(right: list[int], given_: list[int]) -> Measure:
        features = np.array([right, given_], dtype=float).T
        return combined_measure(
            "selective_accuracy",
            ["q0", "q1", "q2"],
            right,
            features,
            lambda m: m[..., 0] / np.where(m[..., 1] > 0, m[..., 1], np.nan),
        )

    a, b = ratio([1, 1, 0], [1, 1, 1]), ratio([1, 0, 0], [1, 0, 1])
    result = compare(a, b)
    # Only q1 differs: swapping it turns 2/3 against 1/2 round, so both swaps are as extreme.
    assert (result.a, result.b, result.p_value) == (pytest.approx(2 / 3), 0.5, 1.0)


def test_different_question_sets_are_refused():
    with pytest.raises(UsageError, match="1 only in the first, 0 only in the second, for example 'q2'"):
        compare(measure([1, 0, 1]), measure([1, 0]))
    with pytest.raises(UsageError, match="compare the same measure"):
        compare(measure([1]), measure([1], name="AP"))


def test_mcnemar_is_the_binomial_test_on_discordant_questions():
    a, b = [1] * 9 + [0] * 2 + [1] * 30, [0] * 9 + [1] * 2 + [1] * 30
    result = compare_by_mcnemar(measure(a, "accuracy"), measure(b, "accuracy"))
    assert result.p_value == pytest.approx(2 * sum(stats.binom.pmf(k, 11, 0.5) for k in range(3)))
    assert (result.test, result.wins, result.losses, result.ties) == ("exact McNemar", 9, 2, 30)
    assert mcnemar_p_value(0, 0) == 1.0


def test_mcnemar_refuses_graded_values():
    with pytest.raises(UsageError, match="paired randomisation"):
        compare_by_mcnemar(measure([0.5], "accuracy"), measure([1.0], "accuracy"))


def test_mcnemar_is_refused_for_what_is_no_share_of_right_answers():
    right = [1.0, 0.0, 1.0]
    features = np.repeat(np.array(right)[:, None], 3, axis=1)
    a = combined_measure("macro_f1", ["q1", "q2", "q3"], right, features, lambda means: means[..., 0])
    with pytest.raises(UsageError, match="shares of right answers, such as accuracy; macro_f1 is none"):
        compare_by_mcnemar(a, a)


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values):
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    for name, p_value in p_values.items():
        assert p_value <= adjusted[name] <= min(1.0, len(p_values) * p_value)
    for x, y in itertools.combinations(p_values, 2):
        if p_values[x] < p_values[y]:
            assert adjusted[x] <= adjusted[y]


def test_effect_size_needs_spread():
    assert cohens_dz(np.array([0.5])) is None
    assert cohens_dz(np.array([0.5, 0.5])) is None


@pytest.mark.parametrize(("level", "n_resamples"), [(1.5, 1000), (0.95, 5)])
def test_settings_out_of_range_are_refused(level, n_resamples):
    with pytest.raises(UsageError):
        interval(measure([0, 1]), level=level, n_resamples=n_resamples)


def test_no_questions_have_no_interval():
    with pytest.raises(UsageError, match="no questions"):
        interval(measure([]))


def test_the_caption_tells_which_tests_were_exact():
    few, many = ({str(n): float(n % 2) for n in range(size)} for size in (4, 40))
    exact, sampled = (
        compare(mean_measure("accuracy", values), mean_measure("accuracy", {q: 1 - v for q, v in values.items()}))
        for values in (few, many)
    )
    assert "Two-sided tests: paired randomisation (exact); seed" in caption([exact], 4)
    told = caption([exact, sampled], 40)
    assert "(exact) in 1 of 2, paired randomisation (10000 resamples) in 1 of 2; seed" in told
    assert "over 2 comparisons" in told
