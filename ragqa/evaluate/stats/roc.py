"""The interval of an area under the ROC curve: how surely a judge ranks what is true above what is not.

DeLong, DeLong and Clarke-Pearson (1988) give the variance without assuming a distribution; the bounds are taken on the
logit scale, so that they stay between 0 and 1. Where every pair is ranked right (or wrong), or a class has one member,
that variance is 0 or undefined, and Newcombe's method 5 (2006) takes its place.
"""

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Floats


def area_under_curve(positives: Floats, negatives: Floats) -> float:
    """The share of (positive, negative) pairs in which the positive has the higher value, ties counting half.

    Parameters
    ----------
    positives, negatives
        What the judge gave to those that are true and to those that are not: float64 [n].

    Raises
    ------
    UsageError
        One of them is empty.

    >>> area_under_curve(np.array([0.9, 0.4]), np.array([0.4, 0.1]))
    0.875
    """
    above_negatives, _ = _placements(positives, negatives)
    return float(above_negatives.mean())


def auc_interval(positives: Floats, negatives: Floats, level: float = 0.95) -> tuple[float, float]:
    """Lower and upper bound of :func:`area_under_curve`, whose arguments it takes.

    Raises
    ------
    UsageError
        A class is empty, or ``level`` is not between 0 and 1.

    >>> low, high = auc_interval(np.linspace(0.4, 1, 50), np.linspace(0, 0.6, 50))
    >>> round(low, 3), round(high, 3)
    (0.883, 0.969)
    """
    from scipy.special import expit, logit, ndtri

    if not 0 < level < 1:
        raise UsageError(f"the confidence level is {level}; give a number between 0 and 1, for example 0.95")
    of_positives, of_negatives = _placements(positives, negatives)
    area = float(of_positives.mean())
    z = float(ndtri((1 + level) / 2))
    if min(len(positives), len(negatives)) < 2 or not 0 < area < 1:
        return _newcombe(area, len(positives), len(negatives), z)
    variance = of_positives.var(ddof=1) / len(positives) + of_negatives.var(ddof=1) / len(negatives)
    # The delta method: the derivative of the logit is 1 / (area (1 - area)).
    margin = z * np.sqrt(variance) / (area * (1 - area))
    low, high = expit(logit(area) + np.array([-margin, margin])).tolist()
    return low, high


def _placements(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """For each positive the share of negatives below it, for each negative the share of positives above it."""
    from scipy.stats import rankdata

    if not len(positives) or not len(negatives):
        raise UsageError(
            f"there are {len(positives)} true and {len(negatives)} untrue statements; the area under the ROC curve "
            "needs both kinds, so give more of them"
        )
    n_positives, n_negatives = len(positives), len(negatives)
    together = rankdata(np.concatenate([positives, negatives]))
    of_positives = (together[:n_positives] - rankdata(positives)) / n_negatives
    of_negatives = 1 - (together[n_positives:] - rankdata(negatives)) / n_positives
    return of_positives, of_negatives


def _newcombe(area: float, n_positives: int, n_negatives: int, z: float) -> tuple[float, float]:
    """The areas that lie z standard errors of their own away from the one found: method 5 of Newcombe (2006)."""
    from scipy.optimize import brentq

    size = (n_positives + n_negatives) / 2 - 1

    def distance(true: float) -> float:
        inflated = 1 + size * (1 - true) / (2 - true) + size * true / (1 + true)
        variance = true * (1 - true) * inflated / (n_positives * n_negatives)
        return float(abs(area - true) - z * np.sqrt(variance))

    low = 0.0 if area == 0 else float(brentq(distance, 0.0, area - 1e-12))
    high = 1.0 if area == 1 else float(brentq(distance, area + 1e-12, 1.0))
    return low, high
