"""Candidates of several queries for the same thing, such as a claim and its opposite, as those of one."""

from collections.abc import Sequence

import numpy as np

from ragqa.retrieve.fuse import Candidates, min_max


def pooled(candidates: Candidates, sizes: Sequence[int]) -> Candidates:
    """Put the candidates of neighbouring queries together: of the first ``sizes[0]``, of the next ``sizes[1]`` …

    A document scores as the best of its queries has it, each normalised to 0 to 1; where there is only one query its
    scores stay. What the stages said of it is what they said for the first query that found it.
    """
    width = candidates.rows.shape[1] * max(sizes, default=1)
    rows = np.full((len(sizes), width), -1, dtype=np.int64)
    scores = np.full((len(sizes), width), -np.inf, dtype=np.float32)
    stages = {name: np.full((len(sizes), width), np.nan, dtype=np.float32) for name in candidates.stages}
    for group, (begin, size) in enumerate(zip(np.cumsum([0, *sizes[:-1]]).tolist(), sizes, strict=True)):
        found = [(query, np.flatnonzero(candidates.rows[query] >= 0)) for query in range(begin, begin + size)]
        all_rows = np.concatenate([candidates.rows[query, places] for query, places in found])
        own = [candidates.scores[query, places] for query, places in found]
        all_scores = own[0] if size == 1 else np.concatenate([min_max(values) for values in own])
        distinct, first, owner = np.unique(all_rows, return_index=True, return_inverse=True)
        best = np.full(len(distinct), -np.inf)
        np.maximum.at(best, owner, all_scores)
        order = np.lexsort((distinct, -best))
        n = len(order)
        rows[group, :n], scores[group, :n] = distinct[order], best[order]
        for name, values in candidates.stages.items():
            told = np.concatenate([values[query, places] for query, places in found])
            stages[name][group, :n] = told[first][order]
    return Candidates(rows, scores, stages, candidates.unsearched)
