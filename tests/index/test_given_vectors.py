"""Vectors that exist already: taken for the right texts, refused when they are another encoder's, kept by updates."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.store import DocumentStore
from ragqa.errors import SourceError, UsageError
from ragqa.index.build import How, build_index
from ragqa.index.encoder import Encoder
from ragqa.index.folder import read_manifest
from ragqa.index.given import GivenVectors
from ragqa.index.open import open_index
from ragqa.recipe import Bm25Settings, DenseSettings, Recipe, RetrieveSettings

SUBJECTS = ["aspirin", "statin", "insulin", "asthma", "stroke", "sleep", "biopsy", "fever", "cough", "anaemia"]
TEXTS = {str(100 + i): f"{subject} in a trial of {i + 3} adults" for i, subject in enumerate(SUBJECTS)}


@dataclass
class Home:
    """A corpus of one file for each day, and the indexes of it."""

    folder: Path
    recipe: Recipe
    n_days: int = 0

    def day(self, texts: dict[str, str]) -> None:
        self.n_days += 1
        path = self.folder / "sources" / f"day{self.n_days}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({"id": key, "abstract": text}) + "\n" for key, text in texts.items()))
        settings = CorpusSettings(sources=("sources",), format="jsonl")
        build_corpus("demo", settings, self.folder, self.folder / "corpora" / "demo")

    def build(self, name: str = "demo", recipe: Recipe | None = None, **how: object) -> dict[str, int]:
        """Where the vectors came from."""
        with self.store() as store:
            folder = self.folder / "indexes" / name
            manifest = build_index(name, recipe or self.recipe, store, folder, how=How(**how))  # type: ignore[arg-type]
        return {what: number for what, number in manifest.counts["vectors"].items() if number}

    def store(self) -> DocumentStore:
        return DocumentStore.open(self.folder / "corpora" / "demo")

    def found(self, query: str, name: str = "demo", k: int = 20) -> list[str]:
        with self.store() as store:
            index = open_index(self.folder / "indexes" / name, self.recipe, store)
            assert index.dense is not None
            rows = index.dense.search([query], k).rows[0]
            index.close()
            return store.ids(rows[rows >= 0])

    def encoder(self) -> Encoder:
        components = read_manifest(self.folder / "indexes" / "demo").counts["components"]
        return Encoder.open(self.folder / "indexes" / "demo" / components["encoder"][0], "")

    def forget(self) -> None:
        """As if nothing had ever been encoded here."""
        for path in (self.folder / "indexes" / ".vectors").iterdir():
            path.unlink()


@pytest.fixture
def home(tiny_model: Callable[..., Path], tmp_path: Path) -> Home:
    dense = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    return Home(tmp_path, Recipe(bm25=None, dense=dense, retrieve=RetrieveSettings(retrievers=("dense",))))


@pytest.fixture
def vectors(home: Home) -> np.ndarray:
    """Those of TEXTS, in order; the encoder is exported, and the store knows none of them."""
    home.day({"1": "another text"})
    home.build()
    home.forget()
    return home.encoder().encode_passages([("", text) for text in TEXTS.values()])


def ncbi(folder: Path, vectors: np.ndarray, texts: dict[str, str], *, with_texts: bool = True) -> Path:
    """The files of NCBI, two chunks."""
    folder.mkdir()
    ids = list(texts)
    for number, own in enumerate(np.array_split(np.arange(len(ids)), 2)):
        np.save(folder / f"embeds_chunk_{number}.npy", vectors[own])
        (folder / f"pmids_chunk_{number}.json").write_text(json.dumps([ids[i] for i in own]))
        if with_texts:
            records = {ids[i]: {"d": "20230101", "t": "", "a": texts[ids[i]], "m": ""} for i in own}
            (folder / f"pubmed_chunk_{number}.json").write_text(json.dumps(records))
    return folder


def test_given_vectors_are_not_encoded_again_and_find_as_those_encoded_here(home: Home, vectors: np.ndarray) -> None:
    home.day(TEXTS | {"999": "a text without a vector"})
    folder = ncbi(home.folder / "given", vectors, TEXTS)
    assert home.build(vectors=folder) == {"given": 10, "encoded": 1}
    home.build("elsewhere/encoded")
    for subject in SUBJECTS:
        assert home.found(f"{subject} in a trial") == home.found(f"{subject} in a trial", "elsewhere/encoded")
    home.day({"102": "insulin was stopped", "300": "a new text"})
    assert home.build(update=True, thorough=False) == {"encoded": 2}, "of the known texts none is encoded again"


def test_what_was_left_out_stays_so_through_updates_and_merging(home: Home, vectors: np.ndarray) -> None:
    home.day(TEXTS | {"999": "a text without a vector"})
    assert home.recipe.dense is not None
    home.recipe = Recipe(dense=DenseSettings(**{
        **{name: getattr(home.recipe.dense, name) for name in ("encoder", "precision")}, "missing": "leave-out",
    }), retrieve=RetrieveSettings(retrievers=("dense",)))  # fmt: skip
    folder = ncbi(home.folder / "given", vectors, TEXTS)
    assert home.build(vectors=folder) == {"given": 10, "left_out": 2}
    assert sorted(home.found("aspirin")) == sorted(TEXTS)
    home.day({"300": "a new text"})
    assert home.build(update=True, thorough=False) == {"encoded": 1}
    assert sorted(home.found("aspirin")) == sorted([*TEXTS, "300"])
    assert home.build(update=True, thorough=False, merge=True) == {"kept": 11, "left_out": 2}
    assert sorted(home.found("aspirin")) == sorted([*TEXTS, "300"])


def test_a_vector_of_an_older_text_is_not_taken_for_the_newer_one(home: Home, vectors: np.ndarray) -> None:
    home.day(TEXTS | {"102": "Diet alone: glucose fell over two years in women, said a cohort study of nurses."})
    with_texts = ncbi(home.folder / "given", vectors, TEXTS)
    assert home.build(vectors=with_texts) == {"given": 9, "encoded": 1, "superseded": 1}
    without = ncbi(home.folder / "silent", vectors, TEXTS, with_texts=False)
    assert home.build("elsewhere/demo", vectors=without) == {"given": 10, "encoded": 1}, (
        "nothing tells what was encoded"
    )


@pytest.mark.parametrize("form", ["json", "txt", "npy"])
def test_any_matrix_with_ids_is_read_the_later_of_two_equal_ids_holds(tmp_path: Path, form: str) -> None:
    matrix = np.arange(12, dtype=np.float16).reshape(4, 3)
    np.save(tmp_path / "embeddings.npy", matrix)
    ids = ["7", "x1", "9", "7"]
    if form == "json":
        (tmp_path / "ids.json").write_text(json.dumps([7, "x1", "9", 7]))
    elif form == "txt":
        (tmp_path / "ids.txt").write_text("\n".join(ids) + "\n")
    else:
        np.save(tmp_path / "ids.npy", np.array(ids))
    given = GivenVectors(tmp_path)
    assert (given.dim, given.n_vectors, given.n_repeated) == (3, 4, 1)
    assert given.find(["9", "8", "7", "x1"]).tolist() == [2, -1, 3, 1]
    assert np.array_equal(given.read(np.array([3, 1])), matrix[[3, 1]].astype(np.float32))


def _cut_off(folder: Path) -> None:
    path = folder / "embeds_chunk_0.npy"
    path.write_bytes(path.read_bytes()[:-8])


def _one_id_less(folder: Path) -> None:
    path = folder / "pmids_chunk_1.json"
    path.write_text(json.dumps(json.loads(path.read_text())[1:]))


def _not_a_number(folder: Path) -> None:
    matrix = np.load(folder / "embeds_chunk_0.npy")
    matrix[2, 5] = np.nan
    np.save(folder / "embeds_chunk_0.npy", matrix)


def _whole_numbers(folder: Path) -> None:
    np.save(folder / "embeds_chunk_0.npy", np.zeros((5, 32), dtype=np.int32))


def _other_dimension(folder: Path) -> None:
    for number in (0, 1):
        np.save(folder / f"embeds_chunk_{number}.npy", np.ones((5, 31), dtype=np.float32))


def _other_documents(folder: Path) -> None:
    for number in (0, 1):
        path = folder / f"embeds_chunk_{number}.npy"
        np.save(path, np.load(path)[::-1])


def _other_encoder(folder: Path) -> None:
    for number in (0, 1):
        path = folder / f"embeds_chunk_{number}.npy"
        matrix = np.load(path)
        np.save(path, matrix[:, np.random.default_rng(0).permutation(matrix.shape[1])])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut_off, "embeds_chunk_0.npy is no matrix, or was cut off"),
        (_one_id_less, "has 5 rows, but pmids_chunk_1.json has 4 ids"),
        (_not_a_number, "row 2 of .*embeds_chunk_0.npy is damaged"),
        (_whole_numbers, r"int32 in the shape \[5, 32\]; a matrix of float16"),
        (_other_dimension, "have 31 dimensions, those of the encoder .* 32"),
        (_other_documents, "look whether ids and rows fit"),
        (_other_encoder, "are not those that .* makes of these documents"),
        (lambda folder: (folder / "pmids_chunk_0.json").unlink(), "pmids_chunk_0.json is missing"),
        (lambda folder: (folder / "pmids_chunk_0.json").write_text("{}"), "pmids_chunk_0.json is no list of ids"),
        (lambda folder: (folder / "pubmed_chunk_1.json").write_text("[]"), "pubmed_chunk_1.json cannot be read"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_and_nothing_of_it_is_kept(
    home: Home, vectors: np.ndarray, damage: Callable[[Path], object], told: str
) -> None:
    home.day(TEXTS)
    folder = ncbi(home.folder / "given", vectors, TEXTS)
    damage(folder)
    with pytest.raises(SourceError, match=told):
        home.build(vectors=folder)
    assert home.build() == {"encoded": 10}


def test_a_folder_without_vectors_and_a_recipe_without_a_dense_index_are_told(home: Home) -> None:
    home.day(TEXTS)
    with pytest.raises(SourceError, match=r"no folder .*embeds_chunk_K.npy"):
        home.build(vectors=home.folder / "nowhere")
    with pytest.raises(SourceError, match="0 matrices and 0 files of ids"):
        home.build(vectors=home.folder)
    bm25 = Recipe(bm25=Bm25Settings(engine="rank-bm25"), retrieve=RetrieveSettings(retrievers=("bm25",)))
    with pytest.raises(UsageError, match=r"no table \[dense\]"):
        home.build(recipe=bm25, vectors=home.folder)
