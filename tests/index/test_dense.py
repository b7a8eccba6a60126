"""The dense index from documents to hits: found by meaning, resumed after a kill, refused when damaged."""

import json
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import ProductError, UsageError
from ragqa.index.dense import DenseIndex, Encoding, Selections, build_dense
from ragqa.index.encoder import Encoder
from ragqa.index.segments import Placed
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
def folder(tmp_path_factory: pytest.TempPathFactory, dense_index_of: Callable[..., DenseIndex]) -> Path:
    path = tmp_path_factory.mktemp("dense")
    dense_index_of(path, [NUMBERED[:2], NUMBERED[2:]], DenseSettings()).close()
    return path


PLAIN = DenseSettings()


def opened(folder: Path, settings: DenseSettings = PLAIN, n_rows: int = 6, dead: Sequence[int] = ()) -> DenseIndex:
    mask = np.zeros(n_rows, dtype=bool)
    mask[list(dead)] = True
    segment = Placed(folder / "segment", 0, mask, "build it again: ragqa index build NAME")
    return DenseIndex.open(folder / "encoder", [segment], settings)


@pytest.fixture(scope="module")
def index(folder: Path) -> DenseIndex:
    return opened(folder)


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
    description = json.loads((folder / "segment" / "dense.json").read_text())
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
        import numpy as np
        from ragqa.index.segments import Placed
        from ragqa.recipe import DenseSettings
        folder = Path({str(folder)!r})
        segment = Placed(folder / "segment", 0, np.zeros(6, dtype=bool))
        index = DenseIndex.open(folder / "encoder", [segment], DenseSettings())
        print(index.search(["heart attack"], 1).rows[0, 0], index.encode_passages([("", "A text.")]).shape)
        print(sorted({{"torch", "transformers", "huggingface_hub", "onnx"}} & set(sys.modules)))
    """
    shown = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n")[:2] == ["0 (1, 384)", "[]"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("segment/dense.json", b"{", "damaged"),
        ("segment/dense.json", None, "cannot read"),
        ("segment/vectors.faiss", b"short", "damaged"),
        ("segment/rows.npy", None, "missing"),
        ("segment/word_counts.npy", b"", "damaged"),
        ("encoder/encoder.json", b"{}", "damaged"),
    ],
)
def test_damaged_files_are_named_with_the_next_step(copy: Path, file: str, content: bytes | None, said: str) -> None:
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_bytes(content)
    with pytest.raises(ProductError, match=f"{said}.*build it again: ragqa index build"):
        opened(copy)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_model_is_named_at_the_first_question(copy: Path, name: str) -> None:
    [path] = copy.glob(f"encoder/*/{name}")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ProductError, match=rf"{name} is .*damaged.*build it again: ragqa index build"):
        opened(copy).search(["aspirin"], 1)


def test_another_encoder_or_metric_than_at_the_build_is_refused(copy: Path) -> None:
    description = copy / "encoder" / "encoder.json"
    text = description.read_text()
    description.write_text(text.replace('"metric": "ip"', '"metric": "l2"'))
    with pytest.raises(ProductError, match="compares by 'ip'"):
        opened(copy)
    description.write_text(text.replace('"max_tokens": 256', '"max_tokens": 128'))
    with pytest.raises(ProductError, match="another encoder"):
        opened(copy)


def test_the_prefix_of_queries_is_a_setting_of_searching(folder: Path) -> None:
    plain, prefixed = opened(folder), opened(folder, DenseSettings(query_prefix="sleep: "))
    assert np.array_equal(prefixed.encode_queries(["memory"]), plain.encode_queries(["sleep: memory"]))


def test_dead_documents_are_not_found(folder: Path) -> None:
    index = opened(folder, dead=[0, 4])
    assert sorted(index.search(["heart attack"], 6).rows[0].tolist()) == [-1, -1, -1, 1, 2, 5]


def test_segments_give_what_one_index_gives(
    tiny_model: Callable[..., Path], dense_index_of: Callable[..., DenseIndex], tmp_path: Path
) -> None:
    settings = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    whole = dense_index_of(tmp_path / "whole", [NUMBERED], settings)
    encoding = Encoding(Encoder.open(tmp_path / "whole" / "encoder", ""), tmp_path / "whole" / "vectors", 32)
    placed = []
    for first, end in ((0, 2), (2, 3), (3, 6)):
        folder = tmp_path / str(first)
        build_dense([NUMBERED[first:end]], folder, encoding, "auto", n_documents=end - first, first_row=first)
        placed.append(Placed(folder, first, np.zeros(end - first, dtype=bool)))
    assert encoding.counts["encoded"] == 0, "the vectors of all texts are known"
    parts = DenseIndex.open(tmp_path / "whole" / "encoder", placed, settings)
    allowed = np.array([True, False, True, True, True, False])
    for mask in (None, allowed):
        for one, other in zip(
            whole.search(["aspirin", "vitamin D"], 4, mask),
            parts.search(["aspirin", "vitamin D"], 4, mask),
            strict=True,
        ):
            np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_killed_build_goes_on_where_it_was(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        from ragqa.index.dense import Encoding, build_dense
        from ragqa.index.encoder_build import build_encoder
        from ragqa.recipe import DenseSettings
        from ragqa.types import Document, Section
        documents = [(row, Document(str(row), (Section("title", "title %d" % row),))) for row in range(14)]
        batches = [documents[:8], documents[8:]]
        def progress(stage, done, total):
            if stage == "encode" and done == 8 and len(encoding.store) == 8:
                os.kill(os.getpid(), signal.SIGKILL)
        settings = DenseSettings(encoder={str(tiny_model("mean"))!r}, precision="fp32")
        encoder = build_encoder(settings, Path("encoder"), [("title 1", "")], "")
        encoding = Encoding(encoder, Path("vectors"), 32)
        build_dense(batches, Path("segment"), encoding, "auto", n_documents=14, progress=progress)
        print(encoding.counts["encoded"])
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    killed = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "segment" / "dense.json").exists()
    command[2] = command[2].replace("os.kill(os.getpid(), signal.SIGKILL)", "pass")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "6\n", "those of the first batch were kept"
    settings = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    assert len(set(opened(tmp_path, settings, 14).search(["title"], 14).rows[0].tolist())) == 14


def test_only_changed_texts_are_encoded_again(
    tiny_model: Callable[..., Path], dense_index_of: Callable[..., DenseIndex], tmp_path: Path
) -> None:
    settings = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    dense_index_of(tmp_path, [NUMBERED], settings)
    shifted = [(row + 1, document) for row, document in NUMBERED[:5]]
    changed = [(0, Document("5", (Section("title", "A new title"),))), *shifted]
    hnsw = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32", faiss="hnsw")
    index = dense_index_of(tmp_path, [changed], hnsw)
    assert json.loads((tmp_path / "segment" / "dense.json").read_text())["n_encoded"] == 1
    allowed = np.array([True, False, True, False, False, False])
    assert set(index.search(["anything"], 2, allowed).rows[0].tolist()) == {0, 2}


def test_an_empty_corpus_gives_an_index_that_finds_nothing(
    tiny_model: Callable[..., Path], dense_index_of: Callable[..., DenseIndex], tmp_path: Path
) -> None:
    settings = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    assert dense_index_of(tmp_path, [], settings).search(["aspirin"], 3).rows.tolist() == [[-1, -1, -1]]


@pytest.mark.parametrize("own", [[0, 1, 2, 3, 4], [0, 1, 1, 1, 4], [2, 3]], ids=["one each", "passages", "gaps"])
def test_a_segment_s_vectors_are_selected_by_the_rows_of_the_corpus(own: list[int]) -> None:
    dead = np.array([False, False, False, True, False])
    selections = Selections(7, np.array(own, dtype=np.int32), dead)
    allowed = np.zeros(20, dtype=bool)
    allowed[[3, 8, 9, 18]] = True
    for rows, mask in (({1, 2}, allowed), ({0, 1, 2, 4}, None)):
        bits, n_vectors, n_documents = selections.of(mask)
        wanted = [row in rows for row in own]
        found = [True] * len(own) if bits is None else np.unpackbits(bits, count=len(own), bitorder="little").tolist()
        assert found == wanted
        assert (n_vectors, n_documents) == (sum(wanted), len(rows & set(own)))
    assert selections.of(allowed) is selections.of(allowed)
