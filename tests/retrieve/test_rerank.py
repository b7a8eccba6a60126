"""Rerankers put the document that answers first, and drop none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import BackendError, ProductError, RecipeError
from ragqa.index.dense import DenseIndex
from ragqa.recipe import DenseSettings, RerankSettings
from ragqa.retrieve.rerank import open_reranker
from ragqa.retrieve.rerank_cross import document_text, finite, open_cross_encoder
from ragqa.retrieve.rerank_export import export_reranker
from ragqa.types import Document, Section

TEXTS = [
    ("Diets of cattle", "Cows were fed hay. Fever was rare in the herd. Milk yield rose with more protein."),
    (
        "A trial in primary care",
        "We included 300 adults. Visits took place each month. Aspirin lowered fever within one hour. Costs were low.",
    ),
    ("", ""),
    ("Bridges of steel", "The load on a bridge was measured in winter."),
]
DOCUMENTS = [
    Document(str(i), (Section("title", title), Section("abstract", text))) for i, (title, text) in enumerate(TEXTS)
]
QUESTION = "Does aspirin lower fever?"


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory, dense_index_of: Callable[..., DenseIndex]) -> DenseIndex:
    return dense_index_of(tmp_path_factory.mktemp("dense"), [list(enumerate(DOCUMENTS))], DenseSettings())


def test_the_sentence_that_answers_lifts_its_document(dense: DenseIndex) -> None:
    reranker = open_reranker(RerankSettings("sentence"), dense)
    assert reranker is not None
    [scores] = reranker.rerank([QUESTION], [DOCUMENTS])
    assert scores.dtype == np.float32
    assert np.argsort(-scores).tolist() == [1, 0, 3, 2]


def test_the_reader_needs_no_dense_index_and_puts_the_document_that_answers_first() -> None:
    reranker = open_reranker(RerankSettings("reader"), None)
    assert reranker is not None
    [scores] = reranker.rerank([QUESTION], [DOCUMENTS])
    assert scores.dtype == np.float32
    assert (scores.argmax(), scores.argmin()) == (1, 2)


@pytest.mark.parametrize("claim", ["Aspirin lowers fever.", "Load on a bridge in winter"])
def test_the_reader_leaves_claims_to_sentences(claim: str, dense: DenseIndex) -> None:
    reader, sentence = (open_reranker(RerankSettings(name), dense) for name in ("reader", "sentence"))
    assert reader is not None
    assert sentence is not None
    assert np.array_equal(reader.rerank([claim], [DOCUMENTS])[0], sentence.rerank([claim], [DOCUMENTS])[0])
    asked = [f"Is it true that {claim}?", "List drugs that lower fever"]
    for question in asked:
        assert not np.array_equal(
            reader.rerank([question], [DOCUMENTS])[0], sentence.rerank([question], [DOCUMENTS])[0]
        )


@pytest.mark.parametrize("name", ["sentence", "reader"])
def test_scores_do_not_depend_on_the_batch_and_empty_lists_are_fine(name: str, dense: DenseIndex) -> None:
    reranker = open_reranker(RerankSettings(name), dense)
    assert reranker is not None
    alone = reranker.rerank([QUESTION], [DOCUMENTS])[0]
    batch = reranker.rerank(["Bridges?", QUESTION, "nothing", ""], [DOCUMENTS[3:], DOCUMENTS, [], DOCUMENTS[:1]])
    assert np.array_equal(alone, batch[1])
    assert [len(scores) for scores in batch] == [1, 4, 0, 1]
    assert all(np.isfinite(scores).all() for scores in batch)


def test_a_cross_encoder_scores_as_its_own_library_does(tiny_model: Callable[..., Path]) -> None:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(tiny_model("cross")), device="cpu", max_length=64)
    texts = [document_text(document) for document in DOCUMENTS]
    expected = model.predict([(QUESTION, text) for text in texts], activation_fn=lambda scores: scores)
    reranker = open_reranker(RerankSettings(str(tiny_model("cross"))), None)
    assert reranker is not None
    [scores] = reranker.rerank([QUESTION], [DOCUMENTS])
    assert np.allclose(scores, np.asarray(expected).reshape(-1), atol=1e-4)
    assert reranker.rerank([QUESTION], [[]])[0].shape == (0,)


def test_an_exported_cross_encoder_gives_the_same_order(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    queries = [QUESTION, "steel bridges in winter", "milk"]
    spec = export_reranker(str(tiny_model("cross")), tmp_path / "exported", queries, DOCUMENTS)
    assert max(spec.agreement.values()) >= 0.98
    assert spec.n_sample == 12
    original = open_cross_encoder(str(tiny_model("cross"))).rerank(queries, [DOCUMENTS] * 3)
    exported = open_cross_encoder(str(tmp_path / "exported")).rerank(queries, [DOCUMENTS] * 3)
    for a, b in zip(original, exported, strict=True):
        assert np.corrcoef(a, b)[0, 1] > 0.9
    graph = tmp_path / "exported" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:500])
    with pytest.raises(ProductError, match=r"model.onnx is damaged.*export the reranker again"):
        open_cross_encoder(str(tmp_path / "exported"))


def test_scores_that_are_no_numbers_become_the_lowest() -> None:
    assert finite(np.array([np.nan, 2.0, -np.inf, -1.0])).tolist() == [-1.0, 2.0, -1.0, -1.0]
    assert finite(np.array([np.nan, np.nan])).tolist() == [0.0, 0.0]


def test_what_cannot_rerank_is_refused(tiny_model: Callable[..., Path]) -> None:
    assert open_reranker(RerankSettings("none"), None) is None
    with pytest.raises(RecipeError, match=r"'sentence' uses the encoder"):
        open_reranker(RerankSettings("sentence"), None)
    with pytest.raises(RecipeError, match=r"did you mean 'medcpt-cross-encoder'"):
        open_reranker(RerankSettings("medcpt-cross"), None)
    with pytest.raises(BackendError, match=r"put config.json"):
        open_reranker(RerankSettings("medcpt-cross-encoder"), None)
    with pytest.raises(BackendError, match="no folder"):
        open_reranker(RerankSettings("./nothing"), None)
