"""The dense index: documents by the nearness of their passages' vectors to the question's.

Its folder holds ``dense.json`` (what it is and what was counted), ``encoder/``, ``shards/`` (the vectors, kept so
that FAISS can be rebuilt and a corpus updated without encoding again), ``vectors.faiss`` and ``rows.npy`` (the
document row of each vector).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragqa import manifest
from ragqa.errors import ProductError, UsageError
from ragqa.index.dense_build import DESCRIPTION, ENCODER, FAISS, ROWS, WORDS, DenseDescription, build_dense, remedy
from ragqa.index.encoder import Encoder
from ragqa.index.faiss_search import FaissIndex
from ragqa.index.word_counts import WordCounts
from ragqa.recipe import DenseSettings, to_table
from ragqa.types import Ranked

__all__ = ["DenseDescription", "DenseIndex", "build_dense"]
_EXACT_UP_TO = 20_000  # with so few allowed vectors, comparing with each is quicker and finds all


class DenseIndex:
    """An opened dense index; threads may share it.

    ``encoder`` is its encoder, ``words`` tells how frequent words are in its documents.
    """

    def __init__(self, encoder: Encoder, faiss_index: FaissIndex, rows: np.ndarray, words: WordCounts) -> None:
        self.encoder = encoder
        self.words = words
        self._faiss = faiss_index
        self._rows = rows
        self._first = np.ones(len(rows), dtype=bool)
        self._first[1:] = rows[1:] != rows[:-1]
        self._passages_per_document = len(rows) / max(1, int(self._first.sum()))

    @classmethod
    def open(cls, folder: Path, settings: DenseSettings) -> "DenseIndex":
        """Open the dense index in ``folder``. Nothing but ONNX Runtime, tokenizers and FAISS is needed.

        Raises
        ------
        ProductError
            Files are missing or damaged, or the index was built with other settings.
        """
        again = remedy(folder)
        description = manifest.read_json(folder / DESCRIPTION, DenseDescription, again)
        wanted = to_table(settings)
        for key, value in wanted.items():
            built = description.settings.get(key)
            if built != value:
                raise ProductError(
                    f"the index in {folder} was built with dense.{key} = {built!r}, not {value!r}; {again}"
                )
        for name, size in description.sizes.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != size:
                raise ProductError(f"{path} is missing or was cut off; {again}")
        encoder = Encoder.open(folder / ENCODER, again)
        if encoder.spec.metric != description.metric:
            raise ProductError(
                f"the encoder in {folder} compares by {encoder.spec.metric!r}, "
                f"its index by {description.metric!r}; {again}"
            )
        faiss_index = FaissIndex(folder / FAISS, description.kind, encoder.spec.metric, again)
        try:
            rows: np.ndarray = np.load(folder / ROWS)
        except (OSError, ValueError, EOFError) as error:
            raise ProductError(f"{folder / ROWS} is damaged ({error}); {again}") from error
        if len(rows) != len(faiss_index) or faiss_index.dim != description.dim:
            raise ProductError(f"the files in {folder} do not fit each other; {again}")
        return cls(encoder, faiss_index, rows, WordCounts.open(folder / WORDS, again))

    def encode_queries(self, queries: Sequence[str]) -> np.ndarray:
        """Vectors of queries, float32 [n_queries, dim]."""
        return self.encoder.encode_queries(queries)

    def encode_passages(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Vectors of (title, text) pairs, float32 [n_pairs, dim]."""
        return self.encoder.encode_passages(pairs)

    def search(self, queries: Sequence[str], k: int, allowed: np.ndarray | None = None) -> Ranked:
        """The ``k`` best documents of each query; see :meth:`search_vectors`."""
        return self.search_vectors(self.encode_queries(queries), k, allowed)

    def search_vectors(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None = None) -> Ranked:
        """The ``k`` best documents for each vector, a document scoring as its best passage.

        Parameters
        ----------
        vectors
            float32 [n_queries, dim].
        k
            Documents wanted; so many come back where so many exist.
        allowed
            bool [n_rows]: which rows of the store may be found; None allows all.

        Raises
        ------
        UsageError
            ``k`` is below 1.
        """
        if k < 1:
            raise UsageError(f"k is {k}; it must be at least 1")
        rows = np.full((len(vectors), k), -1, dtype=np.int64)
        scores = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        mask = None if allowed is None else self._allowed_vectors(allowed)
        n_vectors = len(self._rows) if mask is None else int(mask.sum())
        n_wanted = min(k, int(self._first.sum() if mask is None else (self._first & mask).sum()))
        exhaustive = mask is not None and n_vectors <= _EXACT_UP_TO
        pending = np.arange(len(vectors) if n_wanted else 0)
        depth = min(n_vectors, int(np.ceil(n_wanted * self._passages_per_document)))
        while len(pending):
            found = self._faiss.search(vectors[pending], depth, mask, exhaustive)
            lacking = []
            for query, values, places in zip(pending, *found, strict=True):
                best, their_scores = self._best_passages(values, places)
                if len(best) < n_wanted and not (exhaustive and depth >= n_vectors):
                    lacking.append(query)
                n_found = min(k, len(best))
                rows[query, :n_found], scores[query, :n_found] = best[:n_found], their_scores[:n_found]
            # Several passages of the same documents, or a walk that ended early among the forbidden ones.
            pending, exhaustive, depth = np.array(lacking, dtype=np.int64), True, min(n_vectors, 2 * depth)
        return Ranked(rows, scores)

    def close(self) -> None:
        """Release files and memory."""
        self._faiss.close()

    def _allowed_vectors(self, allowed: np.ndarray) -> np.ndarray:
        if len(self._rows) and len(allowed) <= int(self._rows[-1]):
            raise ProductError(
                f"the index has vectors of row {int(self._rows[-1])}, the corpus {len(allowed)} rows; "
                "build the index again"
            )
        mask: np.ndarray = np.asarray(allowed, dtype=bool)[self._rows]
        return mask

    def _best_passages(self, scores: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Documents with the score of their best passage, best first, equal ones by row."""
        there = places >= 0
        rows, scores = self._rows[places[there]].astype(np.int64), scores[there]
        order = np.lexsort((rows, -scores))
        _, first = np.unique(rows[order], return_index=True)
        kept = order[np.sort(first)]
        return rows[kept], scores[kept]
