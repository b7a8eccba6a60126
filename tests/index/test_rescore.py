"""A compressed index whose best are compared again finds what the exact one finds: filtered, in segments, with dead."""

from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest

from ragqa.errors import ProductError
from ragqa.index.dense import DenseIndex, Encoding, build_dense
from ragqa.index.encoder import Encoder
from ragqa.index.faiss_kinds import Plan, make
from ragqa.index.faiss_search import FaissIndex
from ragqa.index.presets import Metric
from ragqa.index.rescore import EXACT, Rescored, write_exact
from ragqa.index.segments import Placed
from ragqa.recipe import DenseSettings
from ragqa.types import Document, Section

N, DIM, K = 4_000, 32, 10


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    random = np.random.default_rng(5)
    topics = random.normal(size=(100, DIM))
    points = topics[random.integers(100, size=N)] + 0.8 * random.normal(size=(N, DIM))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float16)


def opened(folder: Path, vectors: np.ndarray, measure: Metric, n_candidates: int = 200) -> tuple[FaissIndex, Rescored]:
    pieces = np.array_split(vectors, 7)
    faiss.write_index(make(Plan("ivf-pq", measure, N, DIM), lambda: pieces, lambda n: None), str(folder / "pq"))
    write_exact(folder / EXACT, pieces, N, DIM)
    index = FaissIndex(folder / "pq", "ivf-pq", measure, "")
    return index, Rescored(index, folder / EXACT, measure, "build it again", n_candidates)


@pytest.mark.parametrize("measure", ["ip", "l2"])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.01])
def test_the_best_are_those_of_the_exact_index_with_its_scores(
    measure: Metric, share: float, vectors: np.ndarray, tmp_path: Path
) -> None:
    index, rescored = opened(tmp_path, vectors, measure)
    allowed = np.random.default_rng(1).random(N) < share
    bits = None if share == 1 else np.packbits(allowed, bitorder="little")
    queries = vectors[::80].astype(np.float32) + 0.05
    exact = np.where(
        allowed,
        queries @ vectors.T.astype(np.float32)
        if measure == "ip"
        else -((queries[:, None] - vectors[None].astype(np.float32)) ** 2).sum(axis=2),
        -np.inf,
    )
    scores, places = rescored.search(queries, K, bits, exhaustive=share < 0.1)
    best = np.argsort(-exact, axis=1)[:, :K]
    found = np.mean([len(set(a) & set(b)) / K for a, b in zip(places.tolist(), best.tolist(), strict=True)])
    assert found >= (0.95 if share > 0.1 else 1.0)
    if share == 1:
        coarse = index.search(queries, K)[1]
        without = np.mean([len(set(a) & set(b)) / K for a, b in zip(coarse.tolist(), best.tolist(), strict=True)])
        assert without < found - 0.1
    np.testing.assert_allclose(scores, np.take_along_axis(exact, places, axis=1), rtol=1e-5, atol=1e-6)


def test_fewer_allowed_than_wanted_leave_places_empty(vectors: np.ndarray, tmp_path: Path) -> None:
    _, rescored = opened(tmp_path, vectors, "ip")
    allowed = np.zeros(N, dtype=bool)
    allowed[[0, 9, N - 1]] = True
    scores, places = rescored.search(
        vectors[:2].astype(np.float32), 5, np.packbits(allowed, bitorder="little"), exhaustive=True
    )
    assert [set(row) for row in places.tolist()] == [{0, 9, N - 1, -1}] * 2
    assert np.isneginf(scores[:, 3:]).all()


def test_damaged_or_foreign_vectors_are_named_with_the_next_step(vectors: np.ndarray, tmp_path: Path) -> None:
    index, rescored = opened(tmp_path, vectors, "ip")
    spoilt = vectors.copy()
    spoilt[:] = np.nan
    write_exact(tmp_path / "spoilt.npy", [spoilt], N, DIM)
    with pytest.raises(ProductError, match=r"no number; build it again"):
        Rescored(index, tmp_path / "spoilt.npy", "ip", "build it again", 50).search(np.ones((1, DIM)), 3)
    write_exact(tmp_path / "short.npy", [vectors[:-1]], N - 1, DIM)
    with pytest.raises(ProductError, match=r"3999, 32\], its index 4000 vectors.*build it again"):
        Rescored(index, tmp_path / "short.npy", "ip", "build it again", 50)
    (tmp_path / EXACT).unlink()
    with pytest.raises(ProductError, match="missing"):
        Rescored(index, tmp_path / EXACT, "ip", "build it again", 50)
    rescored.close()


def test_compressed_segments_give_what_exact_ones_give(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    from ragqa.index.encoder_build import build_encoder

    words = ["aspirin", "statin", "sleep", "bone", "colon", "fever", "liver", "trial", "cohort", "dose"]
    documents = [
        (row, Document(str(row), (Section("title", f"{words[row % 10]} {words[row // 10 % 10]} {row}"),)))
        for row in range(2_060)
    ]
    model = str(tiny_model("mean"))
    settings = {rescore: DenseSettings(encoder=model, precision="fp32", rescore=rescore) for rescore in (0, 200)}
    encoder_folder = tmp_path / "encoder"
    build_encoder(settings[0], encoder_folder, [("aspirin", "")], "")
    encoding = Encoding(Encoder.open(encoder_folder, ""), tmp_path / "vectors", 32)
    dead = np.zeros(2_060, dtype=bool)
    dead[3::7] = True
    placed: dict[str, list[Placed]] = {"flat": [], "ivf-pq": []}
    for kind, segments in placed.items():
        for first, end in ((0, 1_000), (1_000, 1_020), (1_020, 2_060)):
            folder = tmp_path / f"{kind}-{first}"
            build_dense([documents[first:end]], folder, encoding, kind, n_documents=end - first, first_row=first)
            segments.append(Placed(folder, first, dead[first:end]))
    assert not (tmp_path / "ivf-pq-1000" / EXACT).exists(), "few vectors are kept as they are"
    allowed = np.arange(2_060) % 3 > 0
    allowed[dead] = False
    questions = [f"{word} {other}" for word in words[:5] for other in words[5:]]
    exact = DenseIndex.open(encoder_folder, placed["flat"], settings[200])
    recall = {}
    for rescore, setting in settings.items():
        index = DenseIndex.open(encoder_folder, placed["ivf-pq"], setting)
        for mask in (None, allowed):
            found, wanted = index.search(questions, K, mask).rows, exact.search(questions, K, mask).rows
            assert not dead[found].any()
            assert mask is None or mask[found].all()
            shared = [len(set(a) & set(b)) / K for a, b in zip(found.tolist(), wanted.tolist(), strict=True)]
            recall[rescore, mask is None] = float(np.mean(shared))
    assert min(recall[200, True], recall[200, False]) >= 0.95
    assert recall[0, True] < recall[200, True]
    encoding.close()
