"""Questions → candidates: both indexes searched side by side, their lists fused, the reranker's order blended in."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ragqa.corpus.evidence import LEVELS, evidence_level
from ragqa.corpus.store import DocumentStore
from ragqa.index.open import Index
from ragqa.recipe import RerankSettings, RetrieveSettings
from ragqa.retrieve.expand import N_SEEN, Expander, bm25_query, dense_vectors
from ragqa.retrieve.fuse import Candidates, fuse, min_max
from ragqa.retrieve.rerank import Reranker
from ragqa.types import Document, Filter, Hit, PartlyRanked, Ranked

if TYPE_CHECKING:
    from ragqa.index.dense import DenseIndex

T = TypeVar("T")
_MASKS = 32
"""Filters whose rows are kept."""

_NO_ROWS = np.empty(0, np.int64)
SearchDense = Callable[["DenseIndex", int, np.ndarray | None], Ranked]
"""Searches a dense index to a depth among the rows that a mask allows."""


class Retriever:
    """Searches the opened components of an index as a recipe says."""

    def __init__(
        self, store: DocumentStore, index: Index, settings: RetrieveSettings, expander: Expander | None = None
    ) -> None:
        self._store = store
        self._index = index
        self._settings = settings
        self._expander = expander
        self._masks: OrderedDict[Filter, np.ndarray] = OrderedDict()
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="retrieve")

    def retrieve(self, queries: Sequence[str], k: int, allowed: Filter, timings_ms: dict[str, float]) -> Candidates:
        """The fused candidates of each query: at least ``k`` of them where the corpus has as many."""
        if self._expander is None:
            return self._search(queries, _by_text(queries), k, allowed, timings_ms)
        expander = self._expander

        def found(wanted: Sequence[str]) -> list[list[Document]]:
            plain = self._search(wanted, _by_text(wanted), N_SEEN, allowed, {})
            return [self._store.read(found_rows(plain, query, N_SEEN)) for query in range(len(wanted))]

        expansions, timings_ms["expand"] = timed(lambda: expander.expand(queries, found))
        texts = [bm25_query(expander.method, expansion) for expansion in expansions]

        def by_vector(dense: "DenseIndex", depth: int, mask: np.ndarray | None) -> Ranked:
            return dense.search_vectors(dense_vectors(expander.method, expansions, dense), depth, mask)

        return self._search(texts, by_vector, k, allowed, timings_ms)

    def _search(
        self, texts: Sequence[str], by_dense: SearchDense, k: int, allowed: Filter, timings_ms: dict[str, float]
    ) -> Candidates:
        """BM25 for ``texts`` beside a search of the dense index, fused."""
        depth = max(self._settings.depth, k)
        searches: dict[str, Callable[[], Ranked]] = {}
        bm25, dense = self._index.bm25, self._index.dense
        # An index knows what each record says of itself; what later notices say is the corpus's to know.
        hidden = self._store.retracted_by_notice() if allowed.not_retracted else _NO_ROWS
        filtered = allowed != Filter() and dense is not None and "dense" in self._settings.retrievers
        mask = self._allowed_rows(allowed, hidden) if filtered else None
        if bm25 is not None:
            searches["bm25"] = lambda: _shown(bm25.search(texts, depth + len(hidden), allowed), hidden, depth)
        if dense is not None and "dense" in self._settings.retrievers:
            searches["dense"] = lambda: by_dense(dense, depth, mask)
        running = {name: self._threads.submit(timed, search) for name, search in searches.items()}
        lists = {}
        for name, future in running.items():
            lists[name], timings_ms[name] = future.result()
        fused, timings_ms["fusion"] = timed(lambda: fuse(lists, self._settings))
        return fused

    def _allowed_rows(self, allowed: Filter, hidden: np.ndarray) -> np.ndarray:
        """The live rows that a filter allows: bool [n_rows]; the same array for the same filter, while it is kept."""
        with self._lock:
            mask = self._masks.get(allowed)
        if mask is None:
            bm25 = self._index.bm25
            mask = self._store.mask(allowed) if bm25 is None else _without(bm25.allowed_rows(allowed), hidden)
        with self._lock:
            mask = self._masks.setdefault(allowed, mask)
            self._masks.move_to_end(allowed)
            if len(self._masks) > _MASKS:
                self._masks.popitem(last=False)
        return mask

    def close(self) -> None:
        """Stop the threads; the index is closed by its owner."""
        self._threads.shutdown()


def _without(mask: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """A mask of rows without the hidden ones."""
    if not len(hidden):
        return mask
    rest = mask.copy()
    rest[hidden] = False
    return rest


def _shown(found: Ranked, hidden: np.ndarray, k: int) -> Ranked:
    """The first ``k`` hits of each query that are not hidden; as many more were searched for as rows are hidden."""
    if not len(hidden):
        return found
    last = np.isin(found.rows, hidden) | (found.rows < 0)
    order = np.argsort(last, axis=1, kind="stable")[:, :k]
    gone = np.take_along_axis(last, order, axis=1)
    rows, scores = (np.take_along_axis(values, order, axis=1) for values in found)
    shown = Ranked(np.where(gone, -1, rows), np.where(gone, -np.inf, scores).astype(np.float32))
    return PartlyRanked(*shown, found.unsearched) if isinstance(found, PartlyRanked) else shown


def _by_text(queries: Sequence[str]) -> SearchDense:
    return lambda dense, depth, mask: dense.search(queries, depth, mask)


def rerank(
    queries: Sequence[str],
    candidates: Candidates,
    documents: Sequence[Sequence[Document]],
    reranker: Reranker | None,
    settings: RerankSettings,
) -> Candidates:
    """Order the first ``len(documents[i])`` candidates of each query again.

    Their new score is ``(1 − weight) · fused + weight · reranked``, both min–max-normalised over these
    documents, plus ``evidence_weight`` times the strength of the document's evidence level (0 to 1). Candidates
    below that depth keep their order beneath them: their fused score, less than any of the above by
    subtracting the greatest and 1.
    """
    reranked = reranker.rerank(queries, documents) if reranker is not None else None
    rows, scores = candidates.rows.copy(), candidates.scores.copy()
    stages = {name: values.copy() for name, values in candidates.stages.items()}
    if reranked is not None:
        stages["rerank"] = np.full(scores.shape, np.nan, dtype=np.float32)
    for query, head in enumerate(documents):
        n = len(head)
        if n == 0:
            continue
        blended = min_max(candidates.scores[query, :n])
        if reranked is not None:
            blended = (1 - settings.weight) * blended + settings.weight * min_max(_finite(reranked[query]))
            stages["rerank"][query, :n] = reranked[query]
        blended = blended + settings.evidence_weight * np.array([_strength(document) for document in head])
        order = np.lexsort((np.arange(n), -blended))
        scores[query, :n] = blended[order]
        if scores.shape[1] > n:
            tail = candidates.scores[query, n:]
            scores[query, n:] = tail - max(float(tail[0]), 0.0) - 1.0
        rows[query, :n] = rows[query, :n][order]
        for values in stages.values():
            values[query, :n] = values[query, :n][order]
    return Candidates(rows, scores, stages, candidates.unsearched)


def hits_of(candidates: Candidates, query: int, document_ids: Sequence[str]) -> tuple[Hit, ...]:
    """The first candidates of one query as hits; ``document_ids`` are those of its first rows, in order."""
    hits = []
    for place, document_id in enumerate(document_ids):
        scores = {
            name: float(values[query, place])
            for name, values in candidates.stages.items()
            if not np.isnan(values[query, place])
        }
        row, score = int(candidates.rows[query, place]), float(candidates.scores[query, place])
        hits.append(Hit(document_id, row, place + 1, score, scores))
    return tuple(hits)


def found_rows(candidates: Candidates, query: int, k: int) -> list[int]:
    """The rows of the first ``k`` candidates of one query, without padding."""
    return [int(row) for row in candidates.rows[query, :k] if row >= 0]


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """The result of a call and the milliseconds that it took."""
    began = time.perf_counter()
    result = call()
    return result, (time.perf_counter() - began) * 1000


def _finite(scores: np.ndarray) -> np.ndarray:
    """Scores with NaN and infinities replaced by the lowest finite one: no document is dropped for them."""
    values = np.asarray(scores, dtype=np.float64)
    finite = np.isfinite(values)
    return np.where(finite, values, values[finite].min() if finite.any() else 0.0)


def _strength(document: Document) -> float:
    return 1.0 - LEVELS.index(evidence_level(document)) / (len(LEVELS) - 1)
