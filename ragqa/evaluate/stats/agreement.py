"""Whether benchmarks agree on the order of systems, after Perlitz et al., "Do These LLM Benchmarks Agree?" (2024).

Agreement is Kendall's τ-b of two orders. A benchmark is judged by its agreement with the aggregate of all others, and
by how many standard deviations that is above or below the mean of the benchmarks (z).
"""

from dataclasses import dataclass

import numpy as np

from ragqa.evaluate.measures.measure import Floats
from ragqa.evaluate.stats.ranking import ranks_of


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kendall's τ-b with its bootstrap interval over questions; None where an order has nothing but ties."""

    tau: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class BenchmarkAgreement:
    """How a benchmark agrees with the mean ranks over all others; ``z`` is None for fewer than three benchmarks."""

    with_the_others: Agreement
    z: float | None


def kendall(a: Floats, b: Floats) -> Floats:
    """Kendall's τ-b of two figures of the same systems; NaN where one of them is the same for all.

    Parameters
    ----------
    a, b
        float64 [..., n_systems], higher is better.

    >>> float(kendall(np.array([0.1, 0.2, 0.3]), np.array([1.0, 3.0, 2.0])).round(4))
    0.3333
    """
    first, second = np.triu_indices(a.shape[-1], k=1)
    x, y = np.sign(a[..., first] - a[..., second]), np.sign(b[..., first] - b[..., second])
    size = np.sqrt((x != 0).sum(axis=-1) * (y != 0).sum(axis=-1).astype(np.float64))
    return np.asarray(np.divide((x * y).sum(axis=-1), size, out=np.full_like(size, np.nan), where=size > 0))


def pairwise_agreement(table: Floats, resampled: Floats) -> dict[tuple[int, int], Agreement]:
    """Agreement of each pair of benchmarks.

    Parameters
    ----------
    table
        float64 [n_systems, n_benchmarks], higher is better.
    resampled
        The same on resampled questions, float64 [n_resamples, n_systems, n_benchmarks].
    """
    n = table.shape[1]
    return {
        (i, j): _interval(kendall(table[:, i], table[:, j]), kendall(resampled[..., i], resampled[..., j]))
        for i in range(n)
        for j in range(i + 1, n)
    }


def benchmark_agreement(table: Floats, resampled: Floats) -> list[BenchmarkAgreement]:
    """Agreement of each benchmark with the mean ranks over all others; arguments as of :func:`pairwise_agreement`.

    A single benchmark has nothing to agree with: the list is empty.
    """
    n = table.shape[1]
    if n < 2:
        return []
    found = [_interval(_with_others(table, place), _with_others(resampled, place)) for place in range(n)]
    taus = np.array([np.nan if one.tau is None else one.tau for one in found])
    spread = float(np.nanstd(taus, ddof=1)) if n > 2 and np.isfinite(taus).sum() > 1 else 0.0
    mean = float(np.nanmean(taus)) if np.isfinite(taus).any() else 0.0
    return [
        BenchmarkAgreement(one, None if one.tau is None or not spread else (one.tau - mean) / spread) for one in found
    ]


def _with_others(table: Floats, place: int) -> Floats:
    others = np.delete(ranks_of(table), place, axis=-1).mean(axis=-1)
    return kendall(table[..., place], -others)


def _interval(value: Floats, resampled: Floats) -> Agreement:
    defined = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(defined):
        return Agreement(None, None, None)
    low, high = np.quantile(defined, [0.025, 0.975]).tolist()
    return Agreement(float(value), low, high)
