"""The dense index: documents by the nearness of their passages' vectors to the question's.

It consists of an encoder's folder and of segments over consecutive rows (:mod:`ragqa.index.segments`). The folder of a
segment holds ``dense.json`` (what it is and what was counted), ``vectors.faiss``, ``rows.npy`` (the row of each vector,
counted from the segment's first) and ``word_counts.npy``; of compressed kinds also ``vectors.npy``, the vectors
themselves (:mod:`ragqa.index.rescore`).
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np

from ragqa import manifest
from ragqa.corpus.scripts import on_the_line
from ragqa.errors import ProductError, UsageError
from ragqa.index.dense_build import (
    DESCRIPTION,
    FAISS,
    ROWS,
    WORDS,
    DenseDescription,
    build_dense,
)
from ragqa.index.encoder import Encoder
from ragqa.index.encoding import Encoding, vectors_fingerprint
from ragqa.index.faiss_kinds import COMPRESSED, Kind
from ragqa.index.faiss_search import FaissIndex
from ragqa.index.rescore import EXACT, Rescored
from ragqa.index.segments import Placed, checked_array
from ragqa.index.word_counts import Weighing, WordCounts
from ragqa.recipe import DenseSettings
from ragqa.types import Ranked

__all__ = ["DenseDescription", "DenseIndex", "Encoding", "build_dense"]
_SELECTIONS = 32
"""Filters whose vectors are kept."""

_EXACT_UP_TO = 20_000  # with so few allowed vectors, comparing with each is quicker and finds all


class DenseIndex:
    """An opened dense index; threads may share it.

    ``encoder`` is its encoder, ``words`` tells how frequent words are in its documents.
    """

    def __init__(self, encoder: Encoder, segments: "Sequence[Vectors]", words: Weighing) -> None:
        self.encoder = encoder
        self.words = words
        self._segments = segments

    @classmethod
    def open(cls, encoder_folder: Path, segments: Sequence[Placed], settings: DenseSettings) -> "DenseIndex":
        """Open a dense index. Nothing but ONNX Runtime, tokenizers and FAISS is needed.

        Parameters
        ----------
        settings
            Of these, ``query_prefix`` and ``rescore`` hold when searching; the others were settled by the build.

        Raises
        ------
        ProductError
            Files are missing or damaged, or do not belong together.
        """
        index = cls.over([], encoder_folder, segments, settings)
        fingerprint = vectors_fingerprint(index.encoder, settings.overlap_tokens)
        opened = [_Segment(segment, index.encoder, fingerprint, settings.rescore) for segment in segments]
        return cls(index.encoder, opened, index.words)

    @classmethod
    def over(
        cls, searched: "Sequence[Vectors]", encoder_folder: Path, segments: Sequence[Placed], settings: DenseSettings
    ) -> "DenseIndex":
        """As :meth:`open`, but the vectors of the segments are not opened: ``searched`` searches them elsewhere."""
        remedy = segments[0].remedy
        encoder = Encoder.open(encoder_folder, remedy).asked_with(settings.query_prefix)
        words = WordCounts.together(
            (
                WordCounts.open(segment.folder / WORDS, remedy),
                manifest.read_json(segment.folder / DESCRIPTION, DenseDescription, remedy).n_documents,
            )
            for segment in segments
        )
        return cls(encoder, searched, words)

    def encode_queries(self, queries: Sequence[str]) -> np.ndarray:
        """Vectors of queries, float32 [n_queries, dim]."""
        return self.encoder.encode_queries([on_the_line(query) for query in queries])

    def encode_passages(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Vectors of (title, text) pairs, float32 [n_pairs, dim]."""
        return self.encoder.encode_passages([(on_the_line(title), on_the_line(text)) for title, text in pairs])

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
            bool [n_rows]: which live rows of the store may be found; None allows all. The same array given again is
            taken from a cache: it must not be changed.

        Raises
        ------
        UsageError
            ``k`` is below 1.
        """
        if k < 1:
            raise UsageError(f"k is {k}; it must be at least 1")
        if allowed is not None and len(allowed) != (n_rows := self._segments[-1].end_row):
            raise ProductError(f"the index covers {n_rows} rows, the corpus has {len(allowed)}; build the index again")
        found = [segment.search(vectors, k, allowed) for segment in self._segments]
        if len(found) == 1:
            return found[0]
        rows = np.concatenate([part.rows for part in found], axis=1)
        scores = np.concatenate([part.scores for part in found], axis=1)
        order = np.lexsort((rows, -scores))[:, :k]
        return Ranked(np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1))

    def close(self) -> None:
        """Release files and memory."""
        for segment in self._segments:
            segment.close()


def compares_exactly(kind: Kind, rescore: int) -> int:
    """How many candidates of an index of some kind are compared exactly, where the recipe has ``rescore``."""
    if kind not in COMPRESSED:
        return 0
    return 4 * rescore if kind == "ivf-pq-small" else rescore


class Vectors(Protocol):
    """The searchable vectors of rows up to ``end_row``."""

    end_row: int

    def search(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None) -> Ranked:
        """As :meth:`DenseIndex.search_vectors`, among these vectors."""
        ...

    def close(self) -> None:
        """Release files and memory."""
        ...


class Selection(NamedTuple):
    """The vectors of a segment that may be found: one bit each, lowest first (None: all), and how many there are."""

    bits: np.ndarray | None
    n_vectors: int
    n_documents: int


class Selections:
    """Rows that may be found → vectors of a segment that may; the last ones are kept. Threads may share it.

    Parameters
    ----------
    first_row
        The segment's first row.
    own
        int32 [n_vectors]: the row of each vector, counted from the first, ascending.
    dead
        bool [n_rows of the segment].
    """

    def __init__(self, first_row: int, own: np.ndarray, dead: np.ndarray) -> None:
        self._rows = slice(first_row, first_row + len(dead))
        self._own = own
        first = np.ones(len(own), dtype=bool)
        first[1:] = own[1:] != own[:-1]
        self.n_documents = int(first.sum())
        # Where each row has one vector, in order, the bits of the rows are those of the vectors.
        self._one_each = len(own) == len(dead) == self.n_documents
        self._first = None if self.n_documents == len(own) else first
        live = ~dead[own]
        self._all = Selection(None, len(own), self.n_documents) if live.all() else self._made(live)
        self._kept: OrderedDict[int, tuple[np.ndarray, Selection]] = OrderedDict()
        self._lock = Lock()

    def of(self, allowed: np.ndarray | None) -> Selection:
        """What may be found where the rows of ``allowed`` may, which must not be changed: bool [n_rows of the corpus].

        None allows all that are live.
        """
        if allowed is None:
            return self._all
        with self._lock:
            kept = self._kept.get(id(allowed))
            if kept is not None and kept[0] is allowed:
                self._kept.move_to_end(id(allowed))
                return kept[1]
        rows = allowed[self._rows]
        found = self._made(rows if self._one_each else rows[self._own])
        with self._lock:
            self._kept[id(allowed)] = allowed, found
            if len(self._kept) > _SELECTIONS:
                self._kept.popitem(last=False)
        return found

    def _made(self, mask: np.ndarray) -> Selection:
        n_vectors = int(np.count_nonzero(mask))
        n_documents = n_vectors if self._first is None else int(np.count_nonzero(mask & self._first))
        return Selection(np.packbits(mask, bitorder="little"), n_vectors, n_documents)


class _Segment:
    """The opened vectors of consecutive rows."""

    def __init__(self, segment: Placed, encoder: Encoder, fingerprint: str, rescore: int) -> None:
        folder, remedy = segment.folder, segment.remedy
        description = manifest.read_json(folder / DESCRIPTION, DenseDescription, remedy)
        if description.vectors != fingerprint:
            raise ProductError(f"the vectors in {folder} were made by another encoder than the index's; {remedy}")
        metric = encoder.spec.metric
        index = FaissIndex(folder / FAISS, description.kind, metric, remedy)
        self._faiss: FaissIndex | Rescored = index
        n_candidates = compares_exactly(description.kind, rescore)
        if n_candidates and len(index):
            self._faiss = Rescored(index, folder / EXACT, metric, remedy, n_candidates)
        own = checked_array(segment, ROWS)
        if len(own) != len(self._faiss) or self._faiss.dim != description.dim or (
            len(own) and not (own[0] >= 0 and own[-1] < len(segment.dead) and (own[1:] >= own[:-1]).all())
        ):  # fmt: skip
            raise ProductError(f"the files in {folder} do not fit each other; {remedy}")
        self.first_row = segment.first_row
        self.end_row = segment.first_row + len(segment.dead)
        self._own = own
        self._selections = Selections(segment.first_row, own, segment.dead)
        self._passages_per_document = len(own) / max(1, self._selections.n_documents)

    def search(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None) -> Ranked:
        """As :meth:`DenseIndex.search_vectors`, among the documents of the segment."""
        rows = np.full((len(vectors), k), -1, dtype=np.int64)
        scores = np.full((len(vectors), k), -np.inf, dtype=np.float32)
        bits, n_vectors, n_documents = self._selections.of(allowed)
        n_wanted = min(k, n_documents)
        exhaustive = bits is not None and n_vectors <= _EXACT_UP_TO
        pending = np.arange(len(vectors) if n_wanted else 0)
        depth = min(n_vectors, int(np.ceil(n_wanted * self._passages_per_document)))
        while len(pending):
            found = self._faiss.search(vectors[pending], depth, bits, exhaustive)
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
        self._faiss.close()

    def _best_passages(self, scores: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Documents with the score of their best passage, best first, equal ones by row."""
        there = places >= 0
        rows, scores = self.first_row + self._own[places[there]].astype(np.int64), scores[there]
        order = np.lexsort((rows, -scores))
        _, first = np.unique(rows[order], return_index=True)
        kept = order[np.sort(first)]
        return rows[kept], scores[kept]
