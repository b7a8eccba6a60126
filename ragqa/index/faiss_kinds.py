"""The kinds of FAISS index: what each costs, which one fits, and how it is made.

``flat`` compares with every vector. ``hnsw`` walks a graph of neighbours. ``ivf-sq8`` and ``ivf-pq`` look into
the nearest of many clusters, with a byte for each dimension, or for every fourth. Training is seeded; the graph
of ``hnsw`` still depends a little on the timing of threads.
"""

import logging
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ragqa.errors import BackendError
from ragqa.index.presets import Metric

_log = logging.getLogger(__name__)
Kind = Literal["flat", "hnsw", "ivf-sq8", "ivf-pq"]
KINDS: tuple[Kind, ...] = ("flat", "hnsw", "ivf-sq8", "ivf-pq")
COMPRESSED: tuple[Kind, ...] = ("ivf-sq8", "ivf-pq")
"""Kinds whose best are compared again with the vectors as they were encoded, which lie beside them."""

_LEAST_COMPRESSED = 1_000
"""Fewer vectors are too few to learn their compression from, and small enough without."""

_NEIGHBOURS = 32
_EF_CONSTRUCTION = 128
_SEED = 1234
_TRAIN_PER_LIST = 64
_PQ_ITERATIONS, _PQ_TRAIN = 10, 32_768
# Up to how many vectors a kind is the first choice; the last has no bound.
_UP_TO: dict[Kind, float] = {"flat": 200_000, "hnsw": 3_000_000, "ivf-sq8": 30_000_000, "ivf-pq": math.inf}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an index would cost.

    Attributes
    ----------
    build_ram_bytes, query_ram_bytes
        Memory at the height of building, and when every page of the opened index has been touched; the vectors beside
        a compressed one are not counted, since the system drops their pages where memory is short.
    disk_bytes
        The FAISS file, the float16 vectors in the store and, of a compressed kind, those beside the file.
    build_seconds
        Seconds of training and adding on one core; encoding comes before that.
    """

    kind: Kind
    n_vectors: int
    dim: int
    build_ram_bytes: int
    query_ram_bytes: int
    disk_bytes: int
    build_seconds: float

    def __str__(self) -> str:
        return (
            f"{self.kind}: {_size(self.build_ram_bytes)} RAM to build, {_size(self.query_ram_bytes)} to search, "
            f"{_size(self.disk_bytes)} on disk, about {self.build_seconds:.0f} s on one core"
        )


class Plan(NamedTuple):
    """What is to be made: the kind, the metric, the number of vectors and of dimensions."""

    kind: Kind
    metric: Metric
    n_vectors: int
    dim: int


def estimate(n_vectors: int, dim: int, kind: Kind) -> Estimate:
    """What an index of ``n_vectors`` would cost. Times are fitted to measurements on one AVX-512 core.

    >>> estimate(24_000_000, 768, "flat").query_ram_bytes // 10**9
    73
    >>> estimate(24_000_000, 768, "ivf-sq8").query_ram_bytes // 10**9
    18
    """
    n_lists = list_count(n_vectors)
    n_train = min(n_vectors, n_lists * _TRAIN_PER_LIST)
    quantiser = 4 * dim * n_lists
    assign = n_vectors * n_lists * dim / 2e10
    train = 10 * n_train * n_lists * dim / 2e10
    per_vector, build_extra, seconds = {
        "flat": (4 * dim, 0, n_vectors * dim / 2e9),
        "hnsw": (4 * dim + 8 * _NEIGHBOURS + 24, 0, n_vectors * math.log2(n_vectors + 2) * dim / 9e6),
        "ivf-sq8": (dim + 8, 4 * dim * n_train + quantiser, train + assign),
        "ivf-pq": (
            code_count(dim) + 8,
            4 * dim * n_train + quantiser,
            train + assign + (_PQ_ITERATIONS * min(n_train, _PQ_TRAIN) + n_vectors) * 256 * dim / 1.5e9,
        ),
    }[kind]
    query = n_vectors * per_vector + (quantiser if kind.startswith("ivf") else 0)
    slack = 200_000_000  # the libraries and one shard
    disk = query + 2 * dim * n_vectors * (2 if kind in COMPRESSED else 1)
    return Estimate(kind, n_vectors, dim, query + build_extra + slack, query, disk, round(seconds, 1))


def choose(n_vectors: int, dim: int, wanted: Literal["auto"] | Kind, folder: Path) -> Kind:
    """The kind to build in ``folder``: the wanted one, or the first choice for the size that memory and disk allow.

    Few vectors get ``flat`` in place of a compressed kind. The estimate is logged.

    Raises
    ------
    BackendError
        Memory or disk does not suffice; the message names the kinds that would fit.
    """
    ram, disk = _available_ram(), shutil.disk_usage(folder).free
    estimates = [estimate(n_vectors, dim, kind) for kind in KINDS]
    fitting = [e for e in estimates if e.build_ram_bytes <= ram and e.disk_bytes <= disk]
    if wanted == "auto":
        preferred = [e for e in fitting if n_vectors <= _UP_TO[e.kind]]
        found = preferred[0] if preferred else fitting[-1] if fitting else estimates[-1]
    else:
        few = wanted in COMPRESSED and n_vectors < _LEAST_COMPRESSED
        found = next(e for e in estimates if e.kind == ("flat" if few else wanted))
    _log.info("FAISS for %s vectors of %d dimensions: %s", f"{n_vectors:,}", dim, found)
    if found not in fitting:
        raise BackendError(
            f"a FAISS index of {n_vectors:,} vectors cannot be built here: {found}, but {_size(ram)} RAM and "
            f"{_size(disk)} disk are free; {_alternatives(fitting)}"
        )
    return found.kind


def first_choice(n_vectors: int) -> Kind:
    """The kind for so many vectors where memory and disk suffice.

    >>> first_choice(100_000), first_choice(38_000_000)
    ('flat', 'ivf-pq')
    """
    return next(kind for kind in KINDS if n_vectors <= _UP_TO[kind])


def list_count(n_vectors: int) -> int:
    """Number of clusters of an IVF index: four times the root, at least 39 vectors to each for training."""
    return max(1, min(int(4 * math.sqrt(n_vectors)), n_vectors // 39))


def code_count(dim: int) -> int:
    """Bytes of a product-quantised vector: a divisor of ``dim``, one for every four dimensions where that divides."""
    return next(m for m in range(max(dim // 4, 1), 0, -1) if dim % m == 0)


def make(plan: Plan, vectors: Callable[[], Iterable[np.ndarray]], done: Callable[[int], None]) -> Any:
    """Make a FAISS index.

    Parameters
    ----------
    vectors
        Called once for training and once for adding: gives all vectors in order, in pieces [n, dim].
    done
        Called with the number of vectors of each piece added.
    """
    faiss = load_faiss()
    kind, n_vectors, dim = plan.kind, plan.n_vectors, plan.dim
    flavour = faiss.METRIC_INNER_PRODUCT if plan.metric == "ip" else faiss.METRIC_L2
    index: Any
    if kind == "flat" or n_vectors == 0:
        index = faiss.IndexFlat(dim, flavour)
    elif kind == "hnsw":
        index = faiss.IndexHNSWFlat(dim, _NEIGHBOURS, flavour)
        index.hnsw.efConstruction = _EF_CONSTRUCTION
    else:
        n_lists = list_count(n_vectors)
        coding = "SQ8" if kind == "ivf-sq8" else f"PQ{code_count(dim)}x{8 if n_vectors >= 10_000 else 6}"
        index = faiss.index_factory(dim, f"IVF{n_lists},{coding}", flavour)
        index.cp.seed = _SEED
        if kind == "ivf-pq":
            index.pq.cp.niter, index.pq.cp.max_points_per_centroid = _PQ_ITERATIONS, _PQ_TRAIN // 256
        index.train(_sample(vectors(), n_vectors, n_lists * _TRAIN_PER_LIST))
    for piece in vectors():
        index.add(np.ascontiguousarray(piece, dtype=np.float32))
        done(len(piece))
    return index


def load_faiss() -> Any:
    """The module, its threads told to sleep rather than spin where others want the cores.

    Raises
    ------
    BackendError
        It is not installed.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read by the OpenMP library as it is loaded
    try:
        import faiss
    except ImportError as error:
        raise BackendError('the package faiss-cpu is missing; run: pip install "ragqa[dense]"') from error
    return faiss


def _sample(pieces: Iterable[np.ndarray], n_vectors: int, n_wanted: int) -> np.ndarray:
    """Seeded choice of ``n_wanted`` vectors, float32, read in one pass."""
    if n_vectors <= n_wanted:
        chosen = np.arange(n_vectors)
    else:
        chosen = np.sort(np.random.default_rng(_SEED).choice(n_vectors, n_wanted, replace=False))
    return np.concatenate(list(_taken(pieces, chosen))).astype(np.float32)


def _taken(pieces: Iterable[np.ndarray], chosen: np.ndarray) -> Iterator[np.ndarray]:
    begin = 0
    for piece in pieces:
        low, high = np.searchsorted(chosen, [begin, begin + len(piece)])
        yield piece[chosen[low:high] - begin]
        begin += len(piece)


def _alternatives(fitting: list[Estimate]) -> str:
    if not fitting:
        return "no other kind would fit; use a machine with more, or a smaller corpus"
    return "use " + " or ".join(f"dense.faiss = {fit.kind!r} ({fit})" for fit in fitting)


def _available_ram() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
