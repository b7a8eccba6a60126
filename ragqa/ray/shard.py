"""A shard in a process of a node: opens its segments and searches them for whoever asks."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

from ragqa.errors import ProductError
from ragqa.index.dense import DenseIndex
from ragqa.index.lucene import LuceneIndex, Whole
from ragqa.ray.shards import ShardSpec
from ragqa.types import Filter, Ranked

_MASKS = 32


class Shard:
    """The opened segments of a shard; rows are those of the corpus. Threads may share it."""

    def __init__(self, spec: ShardSpec) -> None:
        self._first_row, self._end_row = spec.first_row, spec.end_row
        self._words: LuceneIndex | None = None
        self._vectors: DenseIndex | None = None
        if spec.words and spec.bm25 is not None:
            self._words = LuceneIndex.open(spec.words, spec.bm25)
        if spec.vectors and spec.dense is not None and spec.encoder is not None:
            self._vectors = DenseIndex.open(spec.encoder, spec.vectors, spec.dense)
        self._masks: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def totals(self) -> np.ndarray | None:
        """The statistics of its fields; None where it has no BM25."""
        return None if self._words is None else self._words.totals()

    def counts(self, terms: Sequence[str]) -> np.ndarray:
        """In how many documents each term is: int64 [n_terms, n_fields]."""
        return self._opened_words().counts(terms)

    def search_words(self, queries: Sequence[str], k: int, allowed: Filter, whole: Whole) -> Ranked:
        """The ``k`` best documents of each query by BM25, with the scores of the whole index."""
        return self._placed(self._opened_words().search(queries, k, allowed, whole))

    def search_vectors(self, vectors: np.ndarray, k: int, mask: tuple[int, np.ndarray] | None) -> Ranked:
        """The ``k`` best documents for each vector.

        Parameters
        ----------
        mask
            The number of a mask and its bits for the rows of the shard, lowest first; None allows all.
        """
        if self._vectors is None:
            raise ProductError("the shard has no dense index; start the server again")
        allowed = None if mask is None else self._mask(*mask)
        return self._placed(self._vectors.search_vectors(vectors, k, allowed))

    def allowed_rows(self, allowed: Filter) -> np.ndarray:
        """The live rows of the shard that a filter allows, a bit each, lowest first."""
        return np.packbits(self._opened_words().allowed_rows(allowed), bitorder="little")

    def n_allowed(self, allowed: Filter) -> int:
        """How many live documents a filter allows."""
        return self._opened_words().n_allowed(allowed)

    def _opened_words(self) -> LuceneIndex:
        if self._words is None:
            raise ProductError("the shard has no BM25; start the server again")
        return self._words

    def _placed(self, found: Ranked) -> Ranked:
        return Ranked(np.where(found.rows >= 0, found.rows + self._first_row, -1), found.scores)

    def _mask(self, number: int, bits: np.ndarray) -> np.ndarray:
        """The same array for the same mask: what is made from it is kept with it."""
        with self._lock:
            mask = self._masks.get(number)
            if mask is None:
                count = self._end_row - self._first_row
                mask = np.unpackbits(bits, count=count, bitorder="little").view(np.bool_)
                self._masks[number] = mask
            self._masks.move_to_end(number)
            if len(self._masks) > _MASKS:
                self._masks.popitem(last=False)
        return mask
