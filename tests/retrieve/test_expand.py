import numpy as np
import pytest

from ragqa.recipe import EndpointSettings, RetrieveSettings
from ragqa.retrieve.expand import Expansion, bm25_query, dense_vectors, open_expander

EXPANSION = Expansion("do statins help", "Statins lower LDL.")


class TwoTowers:
    """An encoder whose vectors tell which tower made them and from how many words."""

    def encode_queries(self, queries: object) -> np.ndarray:
        return np.array([[float(len(q.split())), 0.0] for q in queries], dtype=np.float32)  # type: ignore[attr-defined]

    def encode_passages(self, pairs: object) -> np.ndarray:
        return np.array([[0.0, float(len(text.split()))] for _, text in pairs], dtype=np.float32)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("hyde", "Statins lower LDL."),
        ("query2doc", "do statins help do statins help Statins lower LDL."),
        ("lamer", "do statins help Statins lower LDL."),
    ],
)
def test_bm25_searches_for_what_r2med_defines(method: str, wanted: str) -> None:
    assert bm25_query(method, EXPANSION) == wanted  # type: ignore[arg-type]
    assert bm25_query(method, Expansion("do statins help", "")) == "do statins help"  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["hyde", "lamer"])
def test_dense_search_takes_the_mean_of_both_vectors(method: str) -> None:
    (vector,) = dense_vectors(method, [EXPANSION], TwoTowers())  # type: ignore[arg-type]

    assert vector[0] == pytest.approx(vector[1])  # three words each: half way between the towers
    assert np.linalg.norm(vector) == pytest.approx(3.0)


def test_query2doc_is_encoded_as_one_query() -> None:
    (vector,) = dense_vectors("query2doc", [EXPANSION], TwoTowers())

    assert vector.tolist() == [7.0, 0.0]


def test_a_query_without_passage_keeps_its_vector() -> None:
    vectors = dense_vectors("hyde", [Expansion("one two", ""), EXPANSION], TwoTowers())

    assert vectors[0].tolist() == [2.0, 0.0]


def test_no_expansion_opens_nothing() -> None:
    assert open_expander(RetrieveSettings(), EndpointSettings()) is None
    expander = open_expander(RetrieveSettings(expansion="hyde", expansion_temperature=0.2), EndpointSettings())
    assert expander is not None
    assert (expander.method, expander.temperature) == ("hyde", 0.2)
