"""Growth figures: what each document costs, as measured by ``eval/benchmarks/growth.py`` (``growth.json``)."""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ragqa import manifest
from ragqa.index.faiss_kinds import Kind, list_count
from ragqa.index.faiss_search import n_probes

EncoderKind = Literal["static", "transformer"]
GROWTH_FILE = Path(__file__).with_name("growth.json")


@dataclass(frozen=True, slots=True)
class Power:
    """A quantity that grows as a power of the number of documents: ``value`` at ``at``, and the exponent."""

    at: int
    value: float
    exponent: float

    def of(self, n_documents: float) -> float:
        """The quantity at another size; below what was measured it is taken as it is there.

        >>> Power(100, 2.0, 0.5).of(400), Power(100, 2.0, 0.5).of(10)
        (4.0, 2.0)
        """
        return float(self.value * (max(n_documents, self.at) / self.at) ** self.exponent)


@dataclass(frozen=True, slots=True)
class Growth:
    """What was measured.

    Attributes
    ----------
    largest_measured
        Documents of the largest corpus; beyond, lines and powers are extended.
    corpus_core_s, words_core_s, encode_core_s
        Processor seconds for each document: reading it, BM25 with the lexicon, encoding it.
    corpus_disk_mb, words_disk_mb, vectors_disk_mb
        MiB for each document: corpus, BM25 with the lexicon, kept vectors.
    words_build_mb, search_mb
        MiB that no system can drop, building BM25 and searching without a dense index.
    bm25_p50_ms, bm25_p99_ms
        Latency of one BM25 search.
    dense_tail
        How many times the p50 of a dense search its p99 is.
    compared_ms
        Milliseconds on one core for each vector that a dense search compares.
    cluster_ms
        What asking other machines adds to a search.
    """

    largest_measured: int
    corpus_core_s: float
    words_core_s: float
    encode_core_s: dict[EncoderKind, float]
    corpus_disk_mb: float
    words_disk_mb: float
    vectors_disk_mb: float
    words_build_mb: Power
    search_mb: Power
    bm25_p50_ms: Power
    bm25_p99_ms: Power
    dense_tail: float
    compared_ms: dict[Kind, float]
    cluster_ms: float


@cache
def growth() -> Growth:
    """The figures of the package."""
    return manifest.read_json(GROWTH_FILE, Growth, "install ragqa again")


def n_compared(kind: Kind, n_vectors: int) -> float:
    """Vectors that the search of one query compares; for a graph the steps of its walk, in its own unit.

    >>> n_compared("flat", 1000)
    1000.0
    """
    if kind == "flat":
        return float(n_vectors)
    if kind == "hnsw":
        return math.log2(n_vectors + 2)
    n_lists = list_count(n_vectors)
    return n_lists + n_vectors * n_probes(n_lists) / n_lists
