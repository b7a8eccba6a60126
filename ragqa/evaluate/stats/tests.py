"""Whether two systems differ: paired tests on the same questions, adjusted for how many were made.

Paired randomisation tests (Smucker, Allan & Carterette, CIKM 2007), McNemar's exact test for right-or-wrong
outcomes, and Holm's adjustment (1979).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Floats, Measure, figure
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.stats.intervals import (
    N_RESAMPLES,
    SEED,
    TOLERANCE,
    Interval,
    check_resamples,
    chunks,
    interval_of,
    is_share,
)
from ragqa.evaluate.stats.power import detectable_difference, standard_error


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems, A and B, on the same questions.

    Attributes
    ----------
    measure
        Name of the measure.
    a, b
        The figures of both systems.
    difference
        ``a − b`` with its bootstrap interval over questions; positive ones speak for A where higher is better, else
        for B.
    p_value
        Two-sided.
    test
        ``paired randomisation (exact)``, ``paired randomisation (10000 resamples)`` or ``exact McNemar``.
    effect_size
        Cohen's d_z: mean difference of the questions' values by its standard deviation; None where all
        differences are equal.
    wins, ties, losses
        Questions on which A's value is better than, equal to, worse than B's. Where a measure is of answered questions,
        one that either did not answer is a tie.
    detectable
        The smallest true difference that such a test on these questions finds four times in five; None where all
        differences are equal.
    changed
        Question id → A's value − B's value, for every question that is no tie, the largest difference first.
    """

    measure: str
    a: float
    b: float
    difference: Interval
    p_value: float
    test: str
    effect_size: float | None
    wins: int
    ties: int
    losses: int
    changed: Mapping[str, float]
    higher_is_better: bool = True
    detectable: float | None = None

    @property
    def n_needed(self) -> int | None:
        """How many questions like these a difference like the one found needs to be found four times in five."""
        if self.detectable is None or abs(self.difference.value) <= TOLERANCE:
            return None
        return math.ceil(self.difference.n_questions * (self.detectable / abs(self.difference.value)) ** 2)

    @property
    def better(self) -> str:
        """``a`` or ``b``, whichever has the better figure; "" where they are equal."""
        advantage = self.difference.value if self.higher_is_better else -self.difference.value
        return "a" if advantage > 0 else "b" if advantage < 0 else ""


def compare(a: Measure, b: Measure, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> Comparison:
    """Compare two systems by the paired randomisation test.

    Under the null hypothesis the two systems' outcomes on a question may be swapped. Every one of the 2^m
    swaps of the m questions that differ is tried where they are at most ``n_resamples``; else that many random
    ones, and the p-value is (1 + as extreme) / (1 + resamples), which is never 0. For a plain mean this is the
    sign-flip test; macro-F1 and other combined figures are computed anew from the swapped outcomes.

    Raises
    ------
    UsageError
        The question sets or the measures differ.
    """
    b = _aligned(a, b)
    p_value, exact = _randomisation(a, b, n_resamples, seed)
    test = "paired randomisation " + ("(exact)" if exact else f"({n_resamples} resamples)")
    return _comparison(a, b, p_value, test, n_resamples=n_resamples, seed=seed)


def compare_by_mcnemar(a: Measure, b: Measure, n_resamples: int = N_RESAMPLES, seed: int = SEED) -> Comparison:
    """Compare two systems on right-or-wrong outcomes by McNemar's exact test (binomial, two-sided).

    Raises
    ------
    UsageError
        The question sets or measures differ, or the measure is no share of questions that are right.
    """
    b = _aligned(a, b)
    if not is_share(a) or not is_share(b):
        raise UsageError(
            f"McNemar's test is for shares of right answers, such as accuracy; {a.name} is none: "
            "use paired randomisation"
        )
    wins, losses = int((a.values > b.values).sum()), int((a.values < b.values).sum())
    return _comparison(a, b, mcnemar_p_value(wins, losses), "exact McNemar", n_resamples=n_resamples, seed=seed)


def mcnemar_p_value(only_a: int, only_b: int) -> float:
    """The two-sided exact p-value for the numbers of questions that only A, and only B, got right.

    >>> mcnemar_p_value(8, 2)
    0.109375
    """
    from scipy.stats import binomtest

    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted for the whole family by Holm's step-down method (1979), in the order given.

    >>> holm({"x": 0.01, "y": 0.04, "z": 0.03})
    {'x': 0.03, 'y': 0.06, 'z': 0.06}
    """
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    adjusted: dict[str, float] = {}
    highest = 0.0
    for place, (name, p_value) in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - place) * p_value))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def cohens_dz(differences: Floats) -> float | None:
    """Mean of the paired differences by their standard deviation; None where that is 0 or n is below 2."""
    if len(differences) < 2:
        return None
    deviation = float(differences.std(ddof=1))
    return float(differences.mean()) / deviation if deviation > TOLERANCE else None


def _comparison(a: Measure, b: Measure, p_value: float, test: str, *, n_resamples: int, seed: int) -> Comparison:
    both = np.hstack([a.features, b.features])
    n_features = a.features.shape[1]

    def difference(means: Floats) -> Floats:
        return a.combine(means[..., :n_features]) - b.combine(means[..., n_features:])

    value_a, value_b = figure(a), figure(b)
    declaration = declared(a.name)
    deltas = a.values - b.values
    changed = [
        (question, delta) for question, delta in zip(a.question_ids, deltas.tolist(), strict=True) if _moved(delta)
    ]
    return Comparison(
        measure=a.name,
        a=value_a,
        b=value_b,
        difference=interval_of(value_a - value_b, both, difference, level=0.95, n_resamples=n_resamples, seed=seed),
        p_value=p_value,
        test=test,
        effect_size=cohens_dz(deltas[~np.isnan(deltas)]),
        wins=sum(declaration.sign * delta > 0 for _, delta in changed),
        ties=len(deltas) - len(changed),
        losses=sum(declaration.sign * delta < 0 for _, delta in changed),
        changed=dict(sorted(changed, key=lambda item: (-abs(item[1]), item[0]))),
        higher_is_better=declaration.higher_is_better,
        detectable=detectable_difference(standard_error(both, difference)),
    )


def _moved(delta: float) -> bool:
    return abs(delta) > TOLERANCE


def _aligned(a: Measure, b: Measure) -> Measure:
    """``b`` with its questions in the order of ``a``'s."""
    if a.name != b.name:
        raise UsageError(f"cannot compare {a.name!r} with {b.name!r}; compare the same measure of two runs")
    only_a, only_b = set(a.question_ids) - set(b.question_ids), set(b.question_ids) - set(a.question_ids)
    if only_a or only_b:
        example = min(only_a | only_b)
        raise UsageError(
            f"the runs answer different questions ({len(only_a)} only in the first, {len(only_b)} only in the second,"
            f" for example {example!r}); run both on the same question set"
        )
    if a.question_ids == b.question_ids:
        return b
    place = {question: row for row, question in enumerate(b.question_ids)}
    rows = np.array([place[question] for question in a.question_ids], dtype=np.int64)
    return Measure(b.name, a.question_ids, b.values[rows], b.features[rows], b.combine, b.is_mean)


def _randomisation(a: Measure, b: Measure, n_resamples: int, seed: int) -> tuple[float, bool]:
    """Two-sided p-value, and whether every swap was tried."""
    check_resamples(n_resamples)
    swap = b.features - a.features
    swap = swap[(np.abs(swap) > TOLERANCE).any(axis=1)] / len(a.question_ids)
    n_differing = len(swap)
    if n_differing == 0:
        return 1.0, True
    mean_a, mean_b = a.features.mean(axis=0), b.features.mean(axis=0)
    observed = abs(float(a.combine(mean_a) - b.combine(mean_b))) - TOLERANCE
    exact = n_differing <= 30 and 2**n_differing <= n_resamples
    n_swaps = 2**n_differing if exact else n_resamples
    generator = np.random.default_rng(seed)
    n_extreme = 0
    for begin, end in chunks(n_swaps, n_differing):
        if exact:
            swapped = (np.arange(begin, end)[:, None] >> np.arange(n_differing)) & 1
        else:
            swapped = generator.integers(0, 2, size=(end - begin, n_differing), dtype=np.int8)
        moved = swapped.astype(np.float64) @ swap
        differences = a.combine(mean_a + moved) - b.combine(mean_b - moved)
        n_extreme += int((np.abs(differences) >= observed).sum())
    return (n_extreme / n_swaps if exact else (1 + n_extreme) / (1 + n_swaps)), exact
