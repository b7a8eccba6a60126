"""What a question set can tell apart: standard errors over questions, and the smallest difference that is found.

Power as in Cohen (1988, chapter 2) and, for evaluations of language, Card et al. (EMNLP 2020): a difference is found
with the wanted probability where it is z(1 − α/2) + z(power) standard errors.
"""

from collections.abc import Callable

import numpy as np

from ragqa.evaluate.measures.measure import Floats
from ragqa.evaluate.stats.intervals import TOLERANCE, left_out

ALPHA, POWER = 0.05, 0.8


def standard_error(features: Floats, combine: Callable[[Floats], Floats]) -> float:
    """The jackknife's standard error over questions (Efron & Tibshirani 1993, chapter 11) of a figure.

    For a plain mean it is the standard deviation by the square root of the number of questions. 0 for fewer than two.

    Parameters
    ----------
    features
        float64 [n_questions, n_features].
    combine
        The figure of the features' means.

    >>> values = np.array([[0.0], [1.0], [1.0], [0.0]])
    >>> round(standard_error(values, lambda means: means[..., 0]), 6), round(float(values.std(ddof=1)) / 2, 6)
    (0.288675, 0.288675)
    """
    without_one = left_out(features, combine)
    n = len(without_one)
    return float(np.sqrt((n - 1) / n * ((without_one - without_one.mean()) ** 2).sum())) if n > 1 else 0.0


def detectable_difference(standard_error: float, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """The smallest true difference that a two-sided test finds with probability ``power``; None for no error at all.

    Parameters
    ----------
    standard_error
        Of the difference.

    >>> round(detectable_difference(0.01), 4)
    0.028
    """
    from scipy.special import ndtri

    if standard_error <= TOLERANCE:
        return None
    return float(ndtri(1 - alpha / 2) + ndtri(power)) * standard_error
