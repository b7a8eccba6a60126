"""A static encoder is distilled on the corpus, near its teacher, and serves an index like any other."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.store import DocumentStore
from ragqa.errors import ProductError, RecipeError
from ragqa.index.build import build_index
from ragqa.index.encoder import Encoder
from ragqa.index.encoder_build import build_encoder
from ragqa.index.encoding import Encoding
from ragqa.index.folder import read_manifest
from ragqa.index.open import open_index
from ragqa.index.presets import teacher_of
from ragqa.index.static_build import distil
from ragqa.index.static_model import VECTORS
from ragqa.recipe import DenseSettings, Recipe, RetrieveSettings

WORDS = ("statin", "asthma", "stroke", "sleep", "insulin", "biopsy", "fever")
TEXTS = {
    str(
        i
    ): f"a trial of {WORDS[i % 7]} and {WORDS[i * 3 % 7]} in {WORDS[i * 5 % 7]} with {WORDS[i * i % 7]}, number {i}."
    for i in range(1, 61)
}


def corpus(folder: Path, texts: dict[str, str], name: str = "demo") -> DocumentStore:
    articles = "".join(
        f"<PubmedArticle><MedlineCitation><PMID Version='1'>{key}</PMID><Article><Abstract><AbstractText>{text}"
        "</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>"
        for key, text in texts.items()
    )
    (folder / "sources").mkdir(parents=True, exist_ok=True)
    path = folder / "sources" / f"pubmed26n{len(list((folder / 'sources').iterdir())) + 1:04d}.xml"
    path.write_text(f"<PubmedArticleSet>{articles}</PubmedArticleSet>")
    settings = CorpusSettings(sources=("sources",), format="pubmed-xml")
    build_corpus(name, settings, folder, folder / "corpora" / name)
    return DocumentStore.open(folder / "corpora" / name)


def recipe(encoder: str) -> Recipe:
    dense = DenseSettings(encoder=encoder, precision="fp32")
    return Recipe(dense=dense, retrieve=RetrieveSettings(retrievers=("dense",), normalise=False))


def test_an_index_is_searched_with_the_vectors_that_its_documents_have(
    tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    settings = recipe(f"static:{tiny_model('mean')}")
    with corpus(tmp_path, TEXTS) as store:
        build_index("demo", settings, store, tmp_path / "indexes" / "demo")
        index = open_index(tmp_path / "indexes" / "demo", settings, store)
        assert index.dense is not None
        keys = ["7", "20", "41"]
        found = index.dense.search([TEXTS[key] for key in keys], 1)
        assert store.ids(found.rows[:, 0]) == keys
        assert np.allclose(found.scores, 1.0, atol=1e-2)
        index.close()


def test_an_update_keeps_the_encoder_and_encodes_what_is_new(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    settings = recipe(f"static:{tiny_model('mean')}")
    folder = tmp_path / "indexes" / "demo"
    with corpus(tmp_path, TEXTS) as store:
        before = build_index("demo", settings, store, folder).counts["components"]
    with corpus(tmp_path, {"900": "an unheard of thing happened to the biopsy"}) as store:
        after = build_index("demo", settings, store, folder).counts["components"]
        assert after["encoder"] == before["encoder"]
        assert after["dense"][0] == before["dense"][0]
        assert len(after["dense"]) == len(before["dense"]) + 1
        index = open_index(folder, settings, store)
        assert index.dense is not None
        found = index.dense.search(["an unheard of thing happened to the biopsy"], 1)
        assert store.ids(found.rows[:, 0]) == ["900"]
        index.close()


def test_each_corpus_has_an_encoder_of_its_own(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    settings = recipe(f"static:{tiny_model('mean')}")
    names = set()
    for name in ("one", "two"):
        with corpus(tmp_path / name, TEXTS, name) as store:
            manifest = build_index(name, settings, store, tmp_path / "indexes" / name)
            names.add(tuple(manifest.counts["components"]["encoder"]))
    assert len(names) == 2


def test_documents_come_near_the_teacher_s_vectors_and_always_the_same(
    tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    teacher = build_encoder(
        DenseSettings(encoder=str(tiny_model("mean")), precision="fp32"), tmp_path / "t", [], "again"
    )
    passages = [("", text) for text in TEXTS.values()]
    with corpus(tmp_path, TEXTS) as store:
        for name in ("a", "b"):
            with contextlib.closing(Encoding(teacher, tmp_path / "vectors", 0)) as encoding:
                distil(encoding, "static", store, tmp_path / name)
    static = Encoder.open(tmp_path / "a", "again")
    contents = [next((tmp_path / name).rglob(VECTORS)).read_bytes() for name in ("a", "b")]
    assert contents[0] == contents[1]
    taught = teacher.encode_passages(passages)
    taught -= taught.mean(axis=0)
    taught /= np.linalg.norm(taught, axis=1, keepdims=True)
    own = static.encode_passages(passages)
    assert np.allclose(np.linalg.norm(own, axis=1), 1.0, atol=1e-4)
    assert np.allclose(own, static.encode_queries([text for _, text in passages]), atol=1e-5)
    alike = own @ taught.T
    assert alike.diagonal().mean() > 0.5
    assert alike.diagonal().mean() > alike.mean() + 0.4


def test_no_more_documents_are_encoded_than_have_so_many_tokens(
    tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    teacher = build_encoder(
        DenseSettings(encoder=str(tiny_model("mean")), precision="fp32"), tmp_path / "t", [], "again"
    )
    encoded = []
    with corpus(tmp_path, TEXTS) as store:
        for n_tokens in (200, 400, 10**9):
            with contextlib.closing(Encoding(teacher, tmp_path / str(n_tokens), 0)) as encoding:
                distil(encoding, "static", store, tmp_path / f"of {n_tokens}", n_tokens=n_tokens)
                encoded.append(encoding.counts["encoded"])
    assert 0 < encoded[0] < encoded[1] < encoded[2] == len(TEXTS)
    assert abs(encoded[1] - 2 * encoded[0]) <= 1


def test_damaged_vectors_are_told(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    settings = recipe(f"static:{tiny_model('mean')}")
    folder = tmp_path / "indexes" / "demo"
    with corpus(tmp_path, TEXTS) as store:
        names = build_index("demo", settings, store, folder).counts["components"]
        path = next(folder.rglob(VECTORS))
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(ProductError, match=r"vectors\.npy .*ragqa index build demo"):
            index = open_index(folder, settings, store)
            assert index.dense is not None
            index.dense.search(["fever"], 1)
        build_index("demo", settings, store, folder)
        assert read_manifest(folder).counts["components"] == names
        open_index(folder, settings, store).close()


def test_a_static_encoder_has_no_model_of_its_own_for_queries() -> None:
    with pytest.raises(RecipeError, match=r"dense\.query_encoder is 'bge-small'.* leave it out"):
        teacher_of(DenseSettings(encoder="static", query_encoder="bge-small"))
