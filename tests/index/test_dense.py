"""The dense index from documents to hits: found by meaning, resumed after a kill, refused when damaged."""

import json
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import ProductError, UsageError
from ragqa.index import shards
from ragqa.index.dense import DenseIndex, build_dense
from ragqa.recipe import DenseSettings
from ragqa.types import Document, Section

TEXTS = [
    ("Aspirin after myocardial infarction", "Low-dose aspirin lowered the rate of a second heart attack."),
    ("Metformin in type 2 diabetes", "Blood glucose fell in patients who took metformin."),
    ("Screening for colorectal cancer", "Colonoscopy found more adenomas than stool tests."),
    ("", ""),
    (
        "Vitamin D and bone",
        " ".join(f"Vitamin D given for {i} months changed bone density in women." for i in range(60)),
    ),
    ("Sleep and memory", "Students who slept well remembered more words."),
]
NUMBERED = [
    (row, Document(f"{row}", (Section("title", title), Section("abstract", text))))
    for row, (title, text) in enumerate(TEXTS)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dense")
    build_dense([NUMBERED[:2], NUMBERED[2:]], path, DenseSettings(), n_documents=len(NUMBERED))
    return path


@pytest.fixture(scope="module")
def index(folder: Path) -> DenseIndex:
    return DenseIndex.open(folder, DenseSettings())


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_documents_are_found_by_meaning(index: DenseIndex) -> None:
    ranked = index.search(["preventing heart attacks", "sugar in the blood", "colon tumours"], 2)
    assert ranked.rows[:, 0].tolist() == [0, 1, 2]
    assert ranked.rows.dtype == np.int64
    assert ranked.scores.dtype == np.float32
    assert (ranked.scores[:, 0] > ranked.scores[:, 1]).all()


def test_the_description_counts_passages_long_documents_and_those_without_text(folder: Path) -> None:
    description = json.loads((folder / "dense.json").read_text())
    assert (description["n_documents"], description["n_long"], description["n_without_text"]) == (6, 1, 1)
    assert description["n_vectors"] > 6
    encoder = json.loads((folder / "encoder" / "encoder.json").read_text())
    assert encoder["passage"]["precision"] == "int8"
    assert encoder["passage"]["agreement"]["int8"] >= 0.98


def test_k_documents_come_back_although_one_has_many_passages(index: DenseIndex) -> None:
    ranked = index.search(["vitamin D and bone density"], 5)
    assert sorted(ranked.rows[0].tolist()) == [0, 1, 2, 4, 5]
    assert ranked.rows[0, 0] == 4
    padded = index.search(["vitamin D"], 8)
    assert padded.rows[0, 5:].tolist() == [-1, -1, -1]
    assert np.isneginf(padded.scores[0, 5:]).all()


def test_only_allowed_documents_are_found(index: DenseIndex) -> None:
    allowed = np.array([False, True, False, True, False, True])
    assert sorted(index.search(["heart attack"], 3, allowed).rows[0].tolist()) == [-1, 1, 5]
    assert index.search(["heart attack"], 2, np.zeros(6, dtype=bool)).rows.tolist() == [[-1, -1]]
    with pytest.raises(ProductError, match="rows"):
        index.search(["heart attack"], 2, np.ones(3, dtype=bool))


def test_a_batch_gives_what_single_questions_give(index: DenseIndex) -> None:
    questions = ["aspirin", "what lowers glucose in people with diabetes?", "x" * 100_000, "忘却と睡眠"]
    batch = index.search(questions, 3)
    for place, question in enumerate(questions):
        single = index.search([question], 3)
        assert np.array_equal(single.rows[0], batch.rows[place])
        assert np.array_equal(single.scores[0], batch.scores[place])


def test_k_below_one_is_refused(index: DenseIndex) -> None:
    with pytest.raises(UsageError, match="k is 0"):
        index.search(["aspirin"], 0)


def test_searching_needs_neither_pytorch_nor_transformers(folder: Path) -> None:
    code = f"""
        import sys
        from pathlib import Path
        from ragqa.index.dense import DenseIndex
        from ragqa.recipe import DenseSettings
        index = DenseIndex.open(Path({str(folder)!r}), DenseSettings())
        print(index.search(["heart attack"], 1).rows[0, 0], index.encode_passages([("", "A text.")]).shape)
        print(sorted({{"torch", "transformers", "huggingface_hub", "onnx"}} & set(sys.modules)))
    """
    shown = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n")[:2] == ["0 (1, 384)", "[]"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("dense.json", b"{", "damaged"),
        ("dense.json", None, "cannot read"),
        ("vectors.faiss", b"short", "cut off"),
        ("rows.npy", None, "missing"),
        ("word_counts.npy", b"", "cut off"),
        ("encoder/encoder.json", b"{}", "damaged"),
    ],
)
def test_damaged_files_are_named_with_the_next_step(copy: Path, file: str, content: bytes | None, said: str) -> None:
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_bytes(content)
    with pytest.raises(ProductError, match=f"{said}.*build it again: ragqa index build"):
        DenseIndex.open(copy, DenseSettings())


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_model_is_named_at_the_first_question(copy: Path, name: str) -> None:
    [path] = copy.glob(f"encoder/*/{name}")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ProductError, match=rf"{name} is .*damaged.*build it again: ragqa index build"):
        DenseIndex.open(copy, DenseSettings()).search(["aspirin"], 1)


def test_other_settings_or_another_metric_than_at_the_build_are_refused(copy: Path) -> None:
    with pytest.raises(ProductError, match=r"built with dense.faiss = 'auto', not 'hnsw'"):
        DenseIndex.open(copy, DenseSettings(faiss="hnsw"))
    description = copy / "encoder" / "encoder.json"
    description.write_text(description.read_text().replace('"metric": "ip"', '"metric": "l2"'))
    with pytest.raises(ProductError, match="compares by 'l2'"):
        DenseIndex.open(copy, DenseSettings())


def test_a_killed_build_goes_on_where_it_was(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        from ragqa.index import shards
        from ragqa.index.dense import build_dense
        from ragqa.recipe import DenseSettings
        from ragqa.types import Document, Section
        shards.ROWS_PER_SHARD = 4
        documents = [(row, Document(str(row), (Section("title", "title %d" % row),))) for row in range(14)]
        def progress(stage, done, total):
            if stage == "encode" and done == 8 and len(list(Path("index/shards").iterdir())) == 4:
                os.kill(os.getpid(), signal.SIGKILL)
        settings = DenseSettings(encoder={str(tiny_model("mean"))!r}, precision="fp32")
        build_dense([documents], Path("index"), settings, n_documents=14, progress=progress)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    killed = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "index" / "shards").iterdir()}
    assert len(kept) == 4
    assert not (tmp_path / "index" / "dense.json").exists()
    done = subprocess.run([*command[:2], command[2].replace("== 4:", "== 99:")], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())
    settings = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    assert len(set(DenseIndex.open(tmp_path / "index", settings).search(["title"], 14).rows[0].tolist())) == 14


def test_vectors_of_unchanged_texts_are_taken_from_another_index(
    tiny_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 2)
    settings = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    build_dense([NUMBERED], tmp_path / "old", settings, n_documents=6)
    changed = [*NUMBERED[:5], (5, Document("5", (Section("title", "A new title"),)))]
    hnsw = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32", faiss="hnsw")
    build_dense([changed], tmp_path / "new", hnsw, n_documents=6, reuse=[tmp_path / "old"])
    old = {path.name: path.stat().st_ino for path in (tmp_path / "old" / "shards").iterdir()}
    new = {path.name: path.stat().st_ino for path in (tmp_path / "new" / "shards").iterdir()}
    assert len(new) == 6
    assert len(old.items() & new.items()) == 4, "only the changed one is new"
    index = DenseIndex.open(tmp_path / "new", hnsw)
    allowed = np.array([False, True, False, False, False, True])
    assert set(index.search(["anything"], 2, allowed).rows[0].tolist()) == {1, 5}


def test_an_empty_corpus_gives_an_index_that_finds_nothing(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    settings = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    build_dense([], tmp_path, settings, n_documents=0)
    assert DenseIndex.open(tmp_path, settings).search(["aspirin"], 3).rows.tolist() == [[-1, -1, -1]]


def test_a_damaged_shard_is_made_again(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    settings = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    build_dense([NUMBERED], tmp_path, settings, n_documents=6)
    [path] = (tmp_path / "shards").glob("*.vectors.npy")
    path.write_bytes(path.read_bytes()[:200])
    build_dense([NUMBERED], tmp_path, settings, n_documents=6)
    assert DenseIndex.open(tmp_path, settings).search(["aspirin"], 5).rows.min() >= 0
