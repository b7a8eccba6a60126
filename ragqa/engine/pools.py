"""Rerankers and readers as pools of a cluster, which all indexes of a server share.

A pool knows no index: each call brings the settings, the documents and, for rerankers that weigh words, the weights of
the question's. So an update of an index needs no new pool. What is moved are readers and rerankers that compute; those
that ask an endpoint wait more than they work, and those of other packages may need what only this process has.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragqa.answer.extractive.reader import ExtractiveReader
from ragqa.answer.reader import Reader, open_reader
from ragqa.answer.reading import Encode, Reading
from ragqa.index.encoder import Encoder
from ragqa.index.word_counts import stems
from ragqa.ray.pool import Pool, PoolSize, pool
from ragqa.reader.model import open_model
from ragqa.recipe import AnswerSettings, EndpointSettings, RerankSettings
from ragqa.retrieve.rerank import NEED_ENCODER, Reranker, open_reranker, reads_alone
from ragqa.types import Document, Question

if TYPE_CHECKING:
    from ragqa.index.dense import DenseIndex

_READER = "extractive"


@dataclass(frozen=True, slots=True)
class Pools:
    """Opens rerankers and readers, on the pools where they can work there; None for a pool opens them here."""

    rerankers: Pool | None
    readers: Pool | None

    def open_reranker(
        self, settings: RerankSettings, dense: "DenseIndex | None", endpoint: EndpointSettings | None = None
    ) -> Reranker | None:
        """As :func:`ragqa.retrieve.rerank.open_reranker`."""
        if self.rerankers is None or not reads_alone(settings.reranker):
            return open_reranker(settings, dense, endpoint)
        if settings.reranker == "sentence" and dense is None:
            return open_reranker(settings, dense, endpoint)  # which says what the recipe lacks
        return PooledReranker(self.rerankers, settings, dense)

    def open_reader(self, settings: AnswerSettings, encode: Encode | None = None) -> Reader:
        """As :func:`ragqa.answer.reader.open_reader`."""
        if self.readers is None or settings.reader != _READER:
            return open_reader(settings, encode)
        return PooledReader(self.readers, settings)


@contextlib.contextmanager
def opened_pools(rerankers: PoolSize, readers: PoolSize) -> Iterator[Pools]:
    """The pools on the cluster that this process is connected to, as long as the block runs; raises as :func:`pool`."""
    with pool("rerankers", RerankingMember, rerankers) as reranks, pool("readers", ReadingMember, readers) as reads:
        yield Pools(reranks, reads)


class PooledReader:
    """The reader ``extractive``, which reads in a pool."""

    def __init__(self, readers: Pool, settings: AnswerSettings) -> None:
        self._readers = readers
        self.settings = settings

    def read(self, question: Question, documents: Sequence[Document], scores: Sequence[float]) -> Reading:
        """As :meth:`ragqa.answer.extractive.reader.ExtractiveReader.read`; raises also as :meth:`Pool.call`."""
        reading: Reading = self._readers.call("read", self.settings, question, tuple(documents), tuple(scores))
        return reading


class ReadingMember:
    """Reads in a process of a pool."""

    def __init__(self) -> None:
        open_model()

    def read(
        self, settings: AnswerSettings, question: Question, documents: Sequence[Document], scores: Sequence[float]
    ) -> Reading:
        """As :meth:`ragqa.answer.extractive.reader.ExtractiveReader.read`, with some settings."""
        return ExtractiveReader.open(settings).read(question, documents, scores)


@dataclass(frozen=True, slots=True)
class EncoderAt:
    """Where a process of the pool finds an index's encoder, and what it puts before queries."""

    folder: Path
    query_prefix: str


class PooledReranker:
    """A reranker that works in a pool, each query by itself."""

    def __init__(self, rerankers: Pool, settings: RerankSettings, dense: "DenseIndex | None") -> None:
        self._rerankers = rerankers
        folder = Path(settings.reranker).expanduser()
        is_folder = settings.reranker not in NEED_ENCODER and folder.is_dir()
        # A process of the pool has another working folder.
        self._settings = replace(settings, reranker=str(folder.absolute())) if is_folder else settings
        self._dense = dense if settings.reranker in NEED_ENCODER else None

    def rerank(self, queries: Sequence[str], documents: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """As the reranker of the settings; raises also as :meth:`Pool.call`."""
        if len(queries) == 1:
            return [self._scores(queries[0], documents[0])]
        with ThreadPoolExecutor(max(1, min(len(queries), self._rerankers.size.most))) as threads:
            return list(threads.map(self._scores, queries, documents))

    def _scores(self, query: str, documents: Sequence[Document]) -> np.ndarray:
        encoder, weights = None, {}
        if self._dense is not None:
            spec = self._dense.encoder.spec
            encoder = EncoderAt(self._dense.encoder.folder, spec.query.prefix)
            weights = self._dense.words.weights(sorted(stems(query)))
        scores: np.ndarray = self._rerankers.call("rerank", self._settings, encoder, weights, query, tuple(documents))
        return scores


class RerankingMember:
    """Reranks in a process of a pool; opens a model with the first question that needs it."""

    def rerank(
        self,
        settings: RerankSettings,
        encoder: EncoderAt | None,
        weights: Mapping[str, float],
        query: str,
        documents: Sequence[Document],
    ) -> np.ndarray:
        """The scores of a query's documents, float32 [n_documents].

        Parameters
        ----------
        encoder, weights
            The encoder of the index and the weights of the query's words; None and nothing where it has none.
        """
        if settings.reranker not in NEED_ENCODER:
            opened = _opened(settings)
        else:
            opened = open_reranker(settings, None if encoder is None else _dense(encoder, weights))
        return opened.rerank([query], [documents])[0] if opened is not None else np.zeros(len(documents), np.float32)


@dataclass(frozen=True, slots=True)
class _ToldWeights:
    """Weights of words that another process looked up."""

    told: Mapping[str, float]

    def weights(self, words: Iterable[str]) -> dict[str, float]:
        return {word: self.told[word] for word in words}


def _dense(encoder: EncoderAt, weights: Mapping[str, float]) -> "DenseIndex":
    """A dense index without vectors."""
    from ragqa.index.dense import DenseIndex

    return DenseIndex(_encoder(encoder), (), _ToldWeights(weights))


@cache
def _encoder(encoder: EncoderAt) -> Encoder:
    return Encoder.open(encoder.folder, "let all nodes reach the index under its path").asked_with(encoder.query_prefix)


@cache
def _opened(settings: RerankSettings) -> Reranker | None:
    return open_reranker(settings, None)
