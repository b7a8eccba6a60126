"""The vectors of a segment as they were encoded, for comparing the best of a compressed index with them exactly.

A compressed index orders by what is left of the vectors. Fetching more candidates than are wanted, and ordering these
by the vectors themselves, finds what the exact index finds for a fraction of the memory: the file is memory-mapped, and
a search reads a few hundred of its rows.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ragqa.corpus.arrays import load_array
from ragqa.errors import ProductError
from ragqa.index.faiss_search import FaissIndex
from ragqa.index.presets import Metric

EXACT = "vectors.npy"

_READ_UP_TO = 2_000
"""So few allowed vectors are all read, and the compressed index is not asked."""


def write_exact(path: Path, pieces: Iterable[np.ndarray], n_vectors: int, dim: int) -> np.ndarray:
    """Write ``pieces`` [n, dim], ``n_vectors`` in all, as one float16 file, and give it memory-mapped."""
    with path.open("wb") as file:
        header = {"descr": "<f2", "fortran_order": False, "shape": (n_vectors, dim)}
        np.lib.format.write_array_header_1_0(file, header)
        for piece in pieces:  # not through a map: a full disk must be an error, and not a signal
            file.write(np.ascontiguousarray(piece, dtype="<f2").data)
    return load_array(path, path, "free some disk and run the same command again", mmap_mode="r")


class Rescored:
    """A compressed index, and the vectors that it was made from: searched like :class:`FaissIndex`.

    Parameters
    ----------
    path
        What :func:`write_exact` wrote.
    n_candidates
        So many of the index are compared exactly, but at least twice as many as are wanted.
    """

    def __init__(self, index: FaissIndex, path: Path, metric: Metric, remedy: str, n_candidates: int) -> None:
        self._index = index
        self._vectors = load_array(path, path, remedy, mmap_mode="r")
        self._path, self._remedy = path, remedy
        self._by_product = metric == "ip"
        self._n_candidates = n_candidates
        if self._vectors.dtype != np.float16 or self._vectors.shape != (len(index), index.dim):
            raise ProductError(
                f"{path} holds {self._vectors.dtype} {list(self._vectors.shape)}, its index {len(index)} vectors of "
                f"{index.dim} dimensions; {remedy}"
            )

    def __len__(self) -> int:
        return len(self._index)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self._index.dim

    def search(
        self, vectors: np.ndarray, k: int, allowed: np.ndarray | None = None, exhaustive: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest vectors of each query, with exact scores: see :meth:`FaissIndex.search`.

        Raises
        ------
        ProductError
            A vector is damaged.
        """
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        places = np.full((len(queries), k), -1, dtype=np.int64)
        for query, found in enumerate(self._candidates(queries, k, allowed, exhaustive)):
            own = self._scores(queries[query], found)
            order = np.lexsort((found, -own))[:k]
            scores[query, : len(order)], places[query, : len(order)] = own[order], found[order]
        return scores, places

    def close(self) -> None:
        """Release the files."""
        self._index.close()
        del self._vectors

    def _candidates(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None, exhaustive: bool
    ) -> Iterable[np.ndarray]:
        """The places of those that are compared exactly, for each query, ascending."""
        if allowed is not None and exhaustive:
            few = _set_bits(allowed, len(self))
            if len(few) <= _READ_UP_TO:
                return [few] * len(queries)
        n_wanted = min(max(self._n_candidates, 2 * k), len(self))
        _, found = self._index.search(queries, n_wanted, allowed, exhaustive)
        return (np.sort(places[places >= 0]) for places in found)

    def _scores(self, query: np.ndarray, places: np.ndarray) -> np.ndarray:
        vectors = self._vectors[places].astype(np.float32)
        scores = np.asarray(vectors @ query if self._by_product else -((vectors - query) ** 2).sum(axis=1))
        if not np.isfinite(scores).all():
            raise ProductError(f"{self._path} is damaged: a vector in it is no number; {self._remedy}")
        return scores


def _set_bits(bits: np.ndarray, n: int) -> np.ndarray:
    """The places of the set bits, of which few are expected to be: int64, ascending."""
    filled = np.flatnonzero(bits)
    if len(filled) > _READ_UP_TO:
        return np.arange(min(n, _READ_UP_TO + 1))
    inner = np.unpackbits(bits[filled][:, None], axis=1, bitorder="little").astype(bool)
    places: np.ndarray = (8 * filled[:, None] + np.arange(8))[inner]
    return places
