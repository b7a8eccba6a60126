"""An opened FAISS file: nearest vectors among the allowed ones, whatever the kind of index."""

from pathlib import Path
from typing import Any

import numpy as np

from ragqa.errors import ProductError
from ragqa.index.faiss_kinds import Kind, load_faiss
from ragqa.index.presets import Metric

_PROBES_SHARE = 4  # one in so many clusters is looked into …
_LEAST_PROBES = 128  # … but at least so many
_LEAST_EF = 128


class FaissIndex:
    """A FAISS index read from a file, memory-mapped: pages are loaded as searches touch them."""

    def __init__(self, path: Path, kind: Kind, metric: Metric, remedy: str) -> None:
        self._faiss = faiss = load_faiss()
        flag = faiss.IO_FLAG_MMAP if kind.startswith("ivf") else faiss.IO_FLAG_MMAP_IFC
        try:
            self._owner: Any = faiss.read_index(str(path), flag)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise ProductError(f"the FAISS file {path} is missing or damaged ({reason}); {remedy}") from error
        self._index: Any = faiss.downcast_index(self._owner)  # a view, which dies with its owner
        built = "ip" if self._index.metric_type == faiss.METRIC_INNER_PRODUCT else "l2"
        if built != metric:
            raise ProductError(
                f"the FAISS file {path} compares by {built!r}, its description says {metric!r}; {remedy}"
            )
        self.kind = kind
        self._sign = 1.0 if metric == "ip" else -1.0

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return int(self._index.d)

    def search(
        self, vectors: np.ndarray, k: int, allowed: np.ndarray | None = None, exhaustive: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest vectors of each query.

        Parameters
        ----------
        vectors
            float32 [n_queries, dim].
        allowed
            Which vectors may be found, one bit each, lowest first: uint8 [n_vectors / 8, rounded up]; None allows all.
        exhaustive
            Compare with every allowed vector (in the precision that the index keeps).

        Returns
        -------
        tuple
            Scores float32 and places int64, [n_queries, k], best first; −inf and −1 where there are fewer.
            A score is the inner product, or minus the squared distance.
        """
        faiss = self._faiss
        options: dict[str, Any] = {}
        if allowed is not None:
            options["sel"] = faiss.IDSelectorBitmap(allowed)
        index = self._index
        if self.kind == "flat" or len(self) == 0:
            parameters = faiss.SearchParameters(**options)
        elif self.kind == "hnsw" and exhaustive:
            index = faiss.downcast_index(index.storage)
            parameters = faiss.SearchParameters(**options)
        elif self.kind == "hnsw":
            parameters = faiss.SearchParametersHNSW(efSearch=max(_LEAST_EF, 2 * k), **options)
        else:
            parameters = faiss.SearchParametersIVF(
                nprobe=index.nlist if exhaustive else n_probes(index.nlist), **options
            )
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        scores, places = index.search(queries, k, params=parameters)
        scores = np.where(places < 0, -np.inf, self._sign * scores).astype(np.float32)
        return scores, places

    def close(self) -> None:
        """Release the file."""
        self._index = self._owner = None


def n_probes(n_lists: int) -> int:
    """Clusters of an IVF index that a search looks into.

    >>> n_probes(100), n_probes(24_000)
    (100, 6000)
    """
    return min(n_lists, max(_LEAST_PROBES, n_lists // _PROBES_SHARE))
