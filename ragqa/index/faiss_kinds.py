"""The kinds of FAISS index: what each costs, which one fits, and how it is made.

``flat`` compares with every vector. ``hnsw`` walks a graph of neighbours. The others look into the nearest of many
clusters: ``ivf-sq8`` keeps a byte for each dimension, ``ivf-pq`` four bits for every second dimension and
``ivf-pq-small`` for every fourth, which are compared in registers, some 3 ns for each vector (André, Kermarrec and
Le Scouarnec, VLDB 2015). Their best are compared again with the vectors themselves (:mod:`ragqa.index.rescore`).
Training is seeded; the graph of ``hnsw`` still depends a little on the timing of threads.
"""

import logging
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ragqa.errors import BackendError
from ragqa.index.presets import Metric

_log = logging.getLogger(__name__)
Kind = Literal["flat", "hnsw", "ivf-sq8", "ivf-pq", "ivf-pq-small"]
KINDS: tuple[Kind, ...] = ("flat", "hnsw", "ivf-sq8", "ivf-pq", "ivf-pq-small")
COMPRESSED: tuple[Kind, ...] = ("ivf-sq8", "ivf-pq", "ivf-pq-small")
"""Kinds whose best are compared again with the vectors as they were encoded, which lie beside them."""

_LEAST_COMPRESSED = 1_000
"""Fewer vectors are too few to learn their compression from, and small enough without."""

_NEIGHBOURS = 32
_EF_CONSTRUCTION = 128
_SEED = 1234
_TRAIN_PER_LIST, _ITERATIONS = 40, 6
_PER_SECOND = 5e10  # products of numbers that one core adds up
# What is chosen where nothing is wished: the first that is within its number of vectors, memory and disk.
_UP_TO: dict[Kind, float] = {"flat": 100_000, "ivf-pq": math.inf, "ivf-pq-small": math.inf}


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
    >>> estimate(24_000_000, 768, "ivf-pq").query_ram_bytes // 10**9
    4
    """
    n_lists = list_count(n_vectors)
    n_train = min(n_vectors, n_lists * _TRAIN_PER_LIST)
    quantiser = 4 * dim * n_lists
    ivf_extra = 4 * dim * n_train + quantiser
    ivf_seconds = (_ITERATIONS * n_train + n_vectors) * n_lists * dim / _PER_SECOND
    per_vector, build_extra, seconds = {
        "flat": (4 * dim, 0, n_vectors * dim / 2e9),
        "hnsw": (4 * dim + 8 * _NEIGHBOURS + 24, 0, n_vectors * math.log2(n_vectors + 2) * dim / 9e6),
        "ivf-sq8": (dim + 8, ivf_extra, ivf_seconds + n_vectors * dim / 2e9),
        "ivf-pq": (_pq_bytes(dim, kind) + 8, ivf_extra, ivf_seconds + n_vectors * dim / 5e7),
        "ivf-pq-small": (_pq_bytes(dim, kind) + 8, ivf_extra, ivf_seconds + n_vectors * dim / 5e7),
    }[kind]
    query = n_vectors * per_vector + (quantiser if kind.startswith("ivf") else 0)
    if kind.startswith("ivf"):
        build_extra += n_vectors * per_vector // 2  # clusters grow by doubling: 1.4 times was measured
    slack = 200_000_000  # the libraries and one shard
    disk = query + 2 * dim * n_vectors * (2 if kind in COMPRESSED else 1)
    return Estimate(kind, n_vectors, dim, query + build_extra + slack, query, disk, round(seconds, 1))


def choose(
    n_vectors: int, dim: int, wanted: Literal["auto"] | Kind, folder: Path, memory_bytes: int | None = None
) -> Kind:
    """The kind to build in ``folder``: the wanted one, or the first choice for the size that memory and disk allow.

    Few vectors get ``flat`` in place of a compressed kind. ``memory_bytes`` is what may be taken at most; None: what is
    free. The estimate is logged.

    Raises
    ------
    BackendError
        Memory or disk does not suffice; the message names the kinds that would fit.
    """
    ram, disk = min(_available_ram(), memory_bytes or sys.maxsize), shutil.disk_usage(folder).free
    estimates = [estimate(n_vectors, dim, kind) for kind in KINDS]
    fitting = [e for e in estimates if e.build_ram_bytes <= ram and e.disk_bytes <= disk]
    if wanted == "auto":
        wished = [e for e in estimates if e.kind in preferred(n_vectors)]
        found = next((e for e in wished if e in fitting), wished[-1])
    else:
        few = wanted in COMPRESSED and n_vectors < _LEAST_COMPRESSED
        found = next(e for e in estimates if e.kind == ("flat" if few else wanted))
    _log.info("FAISS for %s vectors of %d dimensions: %s", f"{n_vectors:,}", dim, found)
    if found not in fitting:
        raise BackendError(
            f"a FAISS index of {n_vectors:,} vectors cannot be built here: {found}, but {_size(ram)} RAM and "
            f"{_size(disk)} disk may be taken; {_alternatives(fitting)}"
        )
    return found.kind


def preferred(n_vectors: int) -> list[Kind]:
    """The kinds for so many vectors where none is wished: the first that memory and disk allow is taken.

    >>> preferred(38_000_000)
    ['ivf-pq', 'ivf-pq-small']
    """
    return [kind for kind, most in _UP_TO.items() if n_vectors <= most]


def list_count(n_vectors: int) -> int:
    """Number of clusters of an IVF index: twice the root, at least 39 vectors to each for training."""
    return max(1, min(int(2 * math.sqrt(n_vectors)), n_vectors // 39))


def code_count(dim: int, kind: Kind) -> int:
    """Codes of a product-quantised vector: a divisor of ``dim``, one for every two or four dimensions if it divides."""
    return next(m for m in range(max(dim // (4 if kind == "ivf-pq-small" else 2), 1), 0, -1) if dim % m == 0)


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
        coding = "SQ8" if kind == "ivf-sq8" else f"PQ{code_count(dim, kind)}x4fsr"
        index = faiss.index_factory(dim, f"IVF{n_lists},{coding}", flavour)
        index.cp.seed, index.cp.niter = _SEED, _ITERATIONS
        index.train(_sample(vectors(), n_vectors, dim, n_lists * _TRAIN_PER_LIST))
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


def _sample(pieces: Iterable[np.ndarray], n_vectors: int, dim: int, n_wanted: int) -> np.ndarray:
    """Seeded choice of ``n_wanted`` vectors, float32, read in one pass."""
    if n_vectors <= n_wanted:
        chosen = np.arange(n_vectors)
    else:
        chosen = np.sort(np.random.default_rng(_SEED).choice(n_vectors, n_wanted, replace=False))
    sample = np.empty((len(chosen), dim), dtype=np.float32)
    begin = 0
    for piece in pieces:
        low, high = np.searchsorted(chosen, [begin, begin + len(piece)])
        sample[low:high] = piece[chosen[low:high] - begin]
        begin += len(piece)
    return sample


def _alternatives(fitting: list[Estimate]) -> str:
    if not fitting:
        return "no other kind would fit; use a machine with more, or a smaller corpus"
    return "use " + " or ".join(f"dense.faiss = {fit.kind!r} ({fit})" for fit in fitting)


def _pq_bytes(dim: int, kind: Kind) -> int:
    """Two codes a byte, rounded up to whole pairs of codes."""
    return (code_count(dim, kind) + 1) // 2


def _available_ram() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
