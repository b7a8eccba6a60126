import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.recipe import RetrieveSettings
from ragqa.retrieve.fuse import fuse
from ragqa.types import Ranked


def ranked(*lists: dict[int, float]) -> Ranked:
    """Lists of row → score, padded to one width."""
    width = max(map(len, lists))
    rows = np.full((len(lists), width), -1, dtype=np.int64)
    scores = np.full((len(lists), width), -np.inf, dtype=np.float32)
    for place, found in enumerate(lists):
        best_first = sorted(found.items(), key=lambda item: -item[1])
        rows[place, : len(found)] = [row for row, _ in best_first]
        scores[place, : len(found)] = [score for _, score in best_first]
    return Ranked(rows, scores)


def test_convex_fusion_adds_weighted_normalised_scores() -> None:
    bm25 = ranked({1: 10.0, 2: 5.0, 3: 0.0})
    dense = ranked({2: 0.9, 4: 0.1})

    fused = fuse({"bm25": bm25, "dense": dense}, RetrieveSettings(dense_weight=0.25))

    assert fused.rows[0].tolist() == [1, 2, 3, 4]
    assert fused.scores[0].tolist() == pytest.approx([0.75, 0.75 * 0.5 + 0.25, 0.0, 0.0])
    assert np.isnan(fused.stages["dense"][0]).tolist() == [True, False, True, False]
    assert fused.stages["bm25"][0, 1] == 5.0


def test_reciprocal_rank_fusion_follows_its_formula() -> None:
    fused = fuse(
        {"bm25": ranked({1: 9.0, 2: 8.0}), "dense": ranked({2: 0.5, 1: 0.4})},
        RetrieveSettings(fusion="rrf", rrf_k=60),
    )

    assert fused.rows[0].tolist() == [1, 2]
    assert fused.scores[0].tolist() == pytest.approx([1 / 61 + 1 / 62] * 2)


def test_a_question_that_one_index_cannot_answer_keeps_the_other() -> None:
    bm25 = ranked({}, {7: 2.0})
    dense = ranked({3: 0.8, 4: 0.2}, {7: 0.5})

    fused = fuse({"bm25": bm25, "dense": dense}, RetrieveSettings())

    assert fused.rows.tolist() == [[3, 4], [7, -1]]
    assert fused.scores[1, 1] == -np.inf


def test_a_single_list_keeps_its_own_scores() -> None:
    fused = fuse({"bm25": ranked({5: 3.0, 6: 7.0})}, RetrieveSettings(retrievers=("bm25",)))

    assert fused.rows.tolist() == [[6, 5]]
    assert fused.scores.tolist() == [[7.0, 3.0]]
    assert set(fused.stages) == {"bm25"}


_found = st.dictionaries(st.integers(0, 30), st.floats(-100, 100, width=32), max_size=15)


@given(_found, _found, st.sampled_from(["convex", "rrf"]), st.floats(0, 1))
def test_fusion_keeps_every_document_once_in_falling_order(
    bm25: dict[int, float], dense: dict[int, float], fusion: str, weight: float
) -> None:
    settings = RetrieveSettings(fusion=fusion, dense_weight=weight)  # type: ignore[arg-type]

    fused = fuse({"bm25": ranked(bm25), "dense": ranked(dense)}, settings)

    rows = [row for row in fused.rows[0].tolist() if row >= 0]
    assert sorted(rows) == sorted({*bm25, *dense})
    assert np.all(np.diff(fused.scores[0, : len(rows)]) <= 0)
