"""Every kind of FAISS index finds what the exact one finds, filtered or not; impossible builds are refused."""

import shutil
from pathlib import Path
from typing import get_args

import faiss
import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.errors import BackendError, ProductError
from ragqa.index.faiss_kinds import COMPRESSED, KINDS, Kind, Plan, choose, code_count, estimate, make
from ragqa.index.faiss_search import FaissIndex
from ragqa.index.presets import Metric

N, DIM, K = 5_000, 32, 10
LEAST_RECALL: dict[Kind, float] = {"flat": 1.0, "hnsw": 0.95, "ivf-sq8": 0.95, "ivf-pq": 0.6, "ivf-pq-small": 0.4}


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Vectors as encoders give them: in clusters of clusters, of length 1, the variance in few directions."""
    random = np.random.default_rng(0)
    topics = random.normal(size=(20, DIM))
    subjects = topics[random.integers(20, size=600)] + 0.6 * random.normal(size=(600, DIM))
    points = subjects[random.integers(600, size=N)] + 0.5 * random.normal(size=(N, DIM))
    points *= 0.97 ** np.arange(DIM)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def files(vectors: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faiss")
    for metric in get_args(Metric):
        for kind in KINDS if metric == "ip" else ("flat", "hnsw"):
            plan = Plan(kind, metric, N, DIM)
            pieces = np.array_split(vectors.astype(np.float16), 7)
            faiss.write_index(make(plan, lambda p=pieces: p, lambda n: None), str(folder / f"{kind}.{metric}"))
    return folder


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), exact.tolist(), strict=True)]))


@pytest.mark.parametrize(("kind", "metric"), [*((kind, "ip") for kind in KINDS), ("hnsw", "l2")])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.05, 0.004])
def test_recall_against_flat_with_and_without_filters(
    kind: Kind, metric: Metric, share: float, files: Path, vectors: np.ndarray
) -> None:
    allowed = None if share == 1 else np.random.default_rng(1).random(N) < share
    queries = vectors[::40]
    exact = FaissIndex(files / f"flat.{metric}", "flat", metric, "")
    index = FaissIndex(files / f"{kind}.{metric}", kind, metric, "")
    bits = None if allowed is None else np.packbits(allowed, bitorder="little")
    scores, places = index.search(queries, K, bits, exhaustive=share < 0.1)
    assert recall(places, exact.search(queries, K, bits)[1]) >= LEAST_RECALL[kind]
    assert (places >= 0).mean() > 0.95
    assert (np.diff(scores[:, :5], axis=1) <= 0).all()
    if allowed is not None:
        assert allowed[places[places >= 0]].all()


@pytest.mark.parametrize("kind", KINDS)
def test_exhaustive_search_finds_as_many_as_are_allowed(kind: Kind, files: Path, vectors: np.ndarray) -> None:
    allowed = np.zeros(N, dtype=bool)
    allowed[[3, 777, 4_999]] = True
    bits = np.packbits(allowed, bitorder="little")
    scores, places = FaissIndex(files / f"{kind}.ip", kind, "ip", "").search(vectors[:2], K, bits, exhaustive=True)
    assert [set(row) for row in places.tolist()] == [{3, 777, 4_999, -1}] * 2
    assert np.isneginf(scores[:, 3:]).all()


@pytest.mark.parametrize("kind", COMPRESSED)
def test_training_is_deterministic(kind: Kind, files: Path, vectors: np.ndarray, tmp_path: Path) -> None:
    pieces = np.array_split(vectors.astype(np.float16), 7)
    faiss.write_index(make(Plan(kind, "ip", N, DIM), lambda: pieces, lambda n: None), str(tmp_path / "again"))
    first = FaissIndex(files / f"{kind}.ip", kind, "ip", "").search(vectors[:50], K)
    again = FaissIndex(tmp_path / "again", kind, "ip", "").search(vectors[:50], K)
    assert np.array_equal(first[1], again[1])


def test_a_damaged_file_and_another_metric_are_refused(files: Path, tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"not an index")
    with pytest.raises(ProductError, match=r"damaged.*build again"):
        FaissIndex(tmp_path / "junk", "flat", "ip", "build again")
    with pytest.raises(ProductError, match="compares by 'l2'"):
        FaissIndex(files / "flat.l2", "flat", "ip", "build again")


@given(st.integers(0, 10**8), st.integers(0, 10**8), st.sampled_from([32, 384, 768, 1000]), st.sampled_from(KINDS))
def test_estimates_grow_with_the_number_of_vectors(a: int, b: int, dim: int, kind: Kind) -> None:
    small, large = estimate(min(a, b), dim, kind), estimate(max(a, b), dim, kind)
    assert small.disk_bytes <= large.disk_bytes
    assert small.build_ram_bytes <= large.build_ram_bytes
    assert dim % code_count(dim, kind) == 0


def test_the_estimate_of_disk_is_near_the_file(files: Path) -> None:
    for kind in KINDS:
        expected = estimate(N, DIM, kind).disk_bytes - 2 * DIM * N * (2 if kind in COMPRESSED else 1)
        assert expected == pytest.approx((files / f"{kind}.ip").stat().st_size, rel=0.25), kind


def test_the_kind_follows_the_size(tmp_path: Path) -> None:
    assert choose(1000, 384, "auto", tmp_path) == "flat"
    assert choose(250_000, 16, "auto", tmp_path) == "ivf-pq"
    assert choose(1000, 384, "ivf-pq", tmp_path) == "ivf-pq"


def test_the_kind_follows_the_memory_that_may_be_taken(tmp_path: Path) -> None:
    assert choose(90_000, 384, "auto", tmp_path, memory_bytes=500_000_000) == "flat"
    assert choose(90_000, 384, "auto", tmp_path, memory_bytes=300_000_000) == "ivf-pq"
    needed = {kind: estimate(38_000_000, 384, kind).build_ram_bytes for kind in KINDS}
    assert needed["ivf-pq-small"] < needed["ivf-pq"] < needed["ivf-sq8"] < needed["flat"]
    if psutil.virtual_memory().available > needed["ivf-pq"] and shutil.disk_usage(tmp_path).free > 10**11:
        assert choose(38_000_000, 384, "auto", tmp_path, memory_bytes=needed["ivf-pq"]) == "ivf-pq"
    with pytest.raises(BackendError, match=r"but 50 MB RAM.*may be taken"):
        choose(90_000, 384, "auto", tmp_path, memory_bytes=50_000_000)


@pytest.mark.parametrize("kind", COMPRESSED)
def test_few_vectors_are_not_compressed(kind: Kind, tmp_path: Path) -> None:
    assert choose(40, 384, kind, tmp_path) == "flat"


def test_an_impossible_build_is_refused_with_the_numbers(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"cannot be built here.*GB RAM"):
        choose(10**12, 768, "auto", tmp_path)
    twice_the_memory = psutil.virtual_memory().available // (4 * 2048) * 2
    with pytest.raises(BackendError, match=r"cannot be built here: flat"):
        choose(twice_the_memory, 2048, "flat", tmp_path)
