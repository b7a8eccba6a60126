"""The area under the ROC curve and its interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ragqa.errors import UsageError
from ragqa.evaluate.stats.roc import area_under_curve, auc_interval

VALUES = st.lists(st.integers(0, 6), min_size=1, max_size=20)


@given(VALUES, VALUES)
def test_the_area_is_that_of_scikit_learn_and_lies_in_its_interval(positives, negatives):
    a, b = np.array(positives, float), np.array(negatives, float)

    area = area_under_curve(a, b)
    low, high = auc_interval(a, b)

    assert area == pytest.approx(roc_auc_score([1] * len(a) + [0] * len(b), [*positives, *negatives]))
    assert -1e-9 <= low <= area + 1e-9
    assert area - 1e-9 <= high <= 1 + 1e-9


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_the_interval_covers_the_true_area(shift):
    from scipy.stats import norm

    generator = np.random.default_rng(7)
    true = norm.cdf(shift / np.sqrt(2))
    covered = []
    for _ in range(600):
        low, high = auc_interval(generator.normal(shift, 1, 40), generator.normal(0, 1, 60))
        covered.append(low <= true <= high)

    assert 0.92 < np.mean(covered) < 0.98


def test_a_perfect_order_of_few_is_not_taken_for_certain():
    few = auc_interval(np.array([0.8, 0.9, 1.0]), np.array([0.1, 0.2, 0.3]))
    many = auc_interval(np.linspace(0.6, 1, 100), np.linspace(0, 0.4, 100))

    assert few[1] == many[1] == 1.0
    assert few[0] < 0.8
    assert many[0] > 0.95


def test_one_class_alone_has_no_area():
    with pytest.raises(UsageError, match="there are 2 true and 0 untrue"):
        auc_interval(np.array([0.1, 0.2]), np.empty(0))
