"""Fusion: the ranked lists of several indexes → one ranked list with the scores of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.errors import ClusterError
from ragqa.recipe import RetrieveSettings
from ragqa.types import PartlyRanked, Ranked


@dataclass(frozen=True, slots=True)
class Candidates:
    """Documents found for a batch of queries, best first, with the score that each stage gave.

    Attributes
    ----------
    rows
        int64 [n_queries, n]: rows in the store, −1 as padding at the end.
    scores
        float32 [n_queries, n]: score of the last stage, −inf beside row −1.
    stages
        Stage name → float32 [n_queries, n]: its raw score, NaN where the stage did not find the document.
    unsearched
        Ranges of rows, begin and end, that one of the indexes did not search.
    """

    rows: np.ndarray
    scores: np.ndarray
    stages: dict[str, np.ndarray]
    unsearched: tuple[tuple[int, int], ...] = ()


def fuse(lists: Mapping[str, Ranked], settings: RetrieveSettings) -> Candidates:
    """Fuse the lists of ``bm25`` and ``dense`` (either may be missing) into one.

    ``convex``: the weighted sum of min–max-normalised scores, weight ``dense_weight`` for dense and the rest
    for BM25; a document that one list lacks gets 0 from it (Bruch et al., "An analysis of fusion functions
    for hybrid retrieval", 2023). ``rrf``: Σ 1 / (rrf_k + rank) (Cormack et al., 2009). Ties are broken by row,
    so that the result does not depend on the order of the lists. A single list keeps its own scores.
    """
    names = list(lists)
    n_queries = next(iter(lists.values())).rows.shape[0]
    fused = [_fuse_one({name: _found(lists[name], query) for name in names}, settings) for query in range(n_queries)]
    width = max((len(rows) for rows, _, _ in fused), default=0)
    rows = np.full((n_queries, width), -1, dtype=np.int64)
    scores = np.full((n_queries, width), -np.inf, dtype=np.float32)
    stages = {name: np.full((n_queries, width), np.nan, dtype=np.float32) for name in names}
    for query, (query_rows, query_scores, query_stages) in enumerate(fused):
        rows[query, : len(query_rows)] = query_rows
        scores[query, : len(query_rows)] = query_scores
        for name in names:
            stages[name][query, : len(query_rows)] = query_stages[name]
    partly = [found for found in lists.values() if isinstance(found, PartlyRanked)]
    unsearched = tuple(sorted({part for found in partly for part in found.unsearched}))
    return Candidates(rows, scores, {**stages, "fusion": scores.copy()} if len(names) > 1 else stages, unsearched)


def refuse_partly(unsearched: Sequence[tuple[int, int]]) -> None:
    """Refuse results that lack a part of the index, where nothing could tell of it.

    Raises
    ------
    ClusterError
        Some ranges of rows (begin, end) were not searched.
    """
    if unsearched:
        which = ", ".join(f"{begin + 1:,} to {end:,}" for begin, end in unsearched)
        raise ClusterError(
            f"no machine of the cluster searched the records {which} of the index; ask again in a moment, and look at "
            "the cluster with: ray status"
        )


def min_max(scores: np.ndarray) -> np.ndarray:
    """Scores moved and scaled to [0, 1] along the last axis, in float64; all equal scores become 1.

    >>> min_max(np.array([3.0, 1.0, 2.0])).tolist()
    [1.0, 0.0, 0.5]
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.size == 0:
        return values
    low, high = values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)
    spread = np.where(high > low, high - low, 1.0)
    return np.where(high > low, (values - low) / spread, 1.0)


def _found(ranked: Ranked, query: int) -> tuple[np.ndarray, np.ndarray]:
    present = ranked.rows[query] >= 0
    return ranked.rows[query][present], ranked.scores[query][present]


def _fuse_one(
    found: dict[str, tuple[np.ndarray, np.ndarray]], settings: RetrieveSettings
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    rows = np.unique(np.concatenate([rows for rows, _ in found.values()]))
    total = np.zeros(len(rows), dtype=np.float64)
    stages = {}
    for name, (list_rows, list_scores) in found.items():
        places = np.searchsorted(rows, list_rows)
        stages[name] = np.full(len(rows), np.nan, dtype=np.float32)
        stages[name][places] = list_scores
        if len(found) == 1:
            total[places] = list_scores
        elif settings.fusion == "rrf":
            total[places] += 1.0 / (settings.rrf_k + np.arange(1, len(list_rows) + 1))
        else:
            weight = settings.dense_weight if name == "dense" else 1.0 - settings.dense_weight
            total[places] += weight * min_max(list_scores)
    order = np.lexsort((rows, -total))
    return rows[order], total[order].astype(np.float32), {name: values[order] for name, values in stages.items()}
