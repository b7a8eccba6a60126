"""Candidates of a claim and of its opposite in one order."""

import numpy as np

from ragqa.retrieve.fuse import Candidates
from ragqa.retrieve.pool import pooled

NONE = -1


def candidates(*lists: dict[int, float]) -> Candidates:
    """Rows with scores, best first; the stage "bm25" gives ten times the score."""
    width = max(map(len, lists))
    rows, scores = np.full((len(lists), width), NONE), np.full((len(lists), width), -np.inf, dtype=np.float32)
    for query, found in enumerate(lists):
        rows[query, : len(found)], scores[query, : len(found)] = list(found), list(found.values())
    return Candidates(rows, scores, {"bm25": np.where(rows >= 0, scores * 10, np.nan)})


def told(found: Candidates, group: int) -> dict[int, float]:
    return {
        int(row): round(float(score), 6)
        for row, score in zip(found.rows[group], found.scores[group], strict=True)
        if row >= 0
    }


def test_a_document_counts_by_the_side_that_finds_it_better() -> None:
    found = pooled(candidates({7: 4.0, 8: 2.0, 9: 0.0}, {9: 0.8, 5: 0.6, 7: 0.4}), [2])

    assert told(found, 0) == {7: 1.0, 9: 1.0, 5: 0.5, 8: 0.5}
    assert list(told(found, 0)) == [7, 9, 5, 8], "ties by row"
    stage = dict(zip(found.rows[0].tolist(), found.stages["bm25"][0].tolist(), strict=True))
    assert (stage[9], stage[5]) == (0.0, 6.0), "what the first query that found it says"


def test_a_claim_without_an_opposite_keeps_its_order_and_scores() -> None:
    found = pooled(candidates({1: 3.0, 2: 1.0}, {3: 9.0, 4: 8.0}, {4: 5.0}), [1, 2])

    assert told(found, 0) == {1: 3.0, 2: 1.0}
    assert list(told(found, 1)) == [3, 4]


def test_nothing_found_stays_nothing() -> None:
    found = pooled(candidates({}, {1: 1.0}), [1, 1])
    assert told(found, 0) == {}
    assert told(found, 1) == {1: 1.0}
