"""What answering costs: milliseconds of each stage, tokens read and written."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class CostSummary:
    """The distribution of one cost over the questions that have it; quantiles by linear interpolation."""

    n_questions: int
    total: float
    mean: float
    median: float
    p95: float
    highest: float


def summarise_costs(costs: Mapping[str, Mapping[str, float]]) -> dict[str, CostSummary]:
    """Summarise costs by kind.

    Parameters
    ----------
    costs
        Question id → kind of cost (a stage in milliseconds, or a number of tokens) → amount. A question that
        lacks a kind (a stage that it did not pass) does not count for it.

    >>> summarise_costs({"q1": {"bm25": 4.0}, "q2": {"bm25": 6.0, "rerank": 50.0}})["bm25"].mean
    5.0
    """
    kinds = dict.fromkeys(kind for amounts in costs.values() for kind in amounts)
    return {kind: _summary([amounts[kind] for amounts in costs.values() if kind in amounts]) for kind in kinds}


def _summary(amounts: list[float]) -> CostSummary:
    values = np.array(amounts, dtype=np.float64)
    median, p95 = np.quantile(values, [0.5, 0.95]).tolist()
    return CostSummary(len(values), float(values.sum()), float(values.mean()), median, p95, float(values.max()))
