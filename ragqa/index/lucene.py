"""BM25 by Lucene: searches an index that :func:`build_lucene` made.

A search is one crossing into Java (``jar/Searcher.java``): the text is analyzed, the query built and run, and the hits
come back as one array of integers, document number and score packed together. A batch is shared among threads, each
of which crosses once for many queries. One query and a batch run the very same function, so their results are
identical.

An index consists of segments over consecutive rows (:mod:`ragqa.index.segments`), which are searched as one: statistics
are those of all of them together. Dead documents are not found; until segments are merged, the statistics count them.

Scores. Lucene's BM25 for a term t in a document of length dl (rounded to one byte above 40 terms):
idf(t) · tf / (tf + k1 · (1 − b + b · dl / avgdl)) with idf(t) = ln(1 + (N − n + ½) / (n + ½)), each distinct term of
the query counted as often as it occurs there (Robertson and Zaragoza 2009, without the constant factor k1 + 1).

With several fields this is BM25F (Robertson, Zaragoza and Taylor 2004): tf and dl are the sums over the fields, each
times its boost; n and N are the greatest of any field. Measured with k1 0.9 and b 0.4, it beats adding the scores of
the fields: title and abstract, boosts 1 and 1, nDCG@10 on SciFact 0.677 against 0.665, on 683 BioASQ questions
0.773 against 0.692. With one field, its boost does not matter.

Order. Best score first; equal scores (as float32) by ascending row: documents are numbered in the order of rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self

import numpy as np

from ragqa import manifest
from ragqa.cores import n_cores
from ragqa.corpus.scripts import on_the_line
from ragqa.errors import ProductError
from ragqa.index.filter_tokens import wanted_tokens, wanted_years
from ragqa.index.java import jnius_error, static_methods
from ragqa.index.lucene_build import (
    LAYOUT_FILE,
    LAYOUT_VERSION,
    LUCENE_FOLDER,
    SEPARATOR,
    Layout,
    build_lucene,
    explained,
    field_names,
    joined,
    merge_lucene,
    packed,
    read_rows,
)
from ragqa.index.segments import Placed
from ragqa.recipe import Bm25Settings
from ragqa.types import Filter, Ranked

__all__ = ["LuceneIndex", "Whole", "build_lucene", "merge_lucene", "query_terms"]

_CHUNK = 32
"""Queries of one crossing; a batch is shared among threads in such chunks."""


class LuceneIndex:
    """The segments of a Lucene index, opened for searching. Several threads may share it."""

    def __init__(self, searcher: "_Searcher", rows: np.ndarray, live: np.ndarray, n_rows: int, remedy: str) -> None:
        self._searcher: _Searcher | None = searcher
        self._rows = rows
        self._live = live
        self._n_rows = n_rows
        self._remedy = remedy
        self._lock = Lock()

    @classmethod
    def open(cls, segments: Sequence[Placed], settings: Bm25Settings) -> Self:
        """Open an index; ``k1``, ``b`` and the boosts of ``settings`` hold for all searches.

        Raises
        ------
        ProductError
            A segment is missing, damaged, or lacks a field that ``settings`` name.
        BackendError
            There is no usable Java.
        """
        layouts = [_checked_layout(segment, settings) for segment in segments]
        rows = [read_rows(segment) for segment in segments]
        dead = np.concatenate([segment.dead[own] for segment, own in zip(segments, rows, strict=True)])
        try:
            searcher = _Searcher([segment.folder / LUCENE_FOLDER for segment in segments], dead, settings)
        except jnius_error() as error:
            raise _damaged(segments, error) from error
        for segment, layout, own, n in zip(segments, layouts, rows, searcher.sizes, strict=True):
            if not len(own) == layout.n_documents == n:
                searcher.close()
                raise ProductError(
                    f"{segment.folder} is damaged: Lucene holds {n} documents, its rows are {len(own)}, "
                    f"{LAYOUT_FILE} says {layout.n_documents}; {segment.remedy}"
                )
        absolute = [own + segment.first_row for segment, own in zip(segments, rows, strict=True)]
        n_rows = sum(len(segment.dead) for segment in segments)
        return cls(searcher, np.concatenate(absolute), ~dead, n_rows, segments[0].remedy)

    def search(
        self, queries: Sequence[str], k: int, allowed: Filter = Filter(), whole: "Whole | None" = None
    ) -> Ranked:
        """The ``k`` best documents of each query among the allowed ones.

        A query of which nothing is left after analysis finds nothing. Any text is a query: there is no syntax.

        Parameters
        ----------
        whole
            Statistics of an index of which this is a part: the scores are then those of the whole.
        """
        rows = np.full((len(queries), max(k, 0)), -1, dtype=np.int64)
        scores = np.full((len(queries), max(k, 0)), -np.inf, dtype=np.float32)
        searcher, n = self._opened(), min(k, len(self._rows))
        if n <= 0 or not queries:
            return Ranked(rows, scores)
        words = filter_words(allowed)
        try:
            found = _in_chunks(lambda texts: searcher.search(texts, n, words, whole), queries)
        except jnius_error() as error:
            raise explained(error) from error
        for place, hits in enumerate(found):
            # Each is a document number and, in the lower half, the bits of a score.
            halves = np.array(hits, dtype="<i8").view("<u4")
            if len(hits) and halves[1::2].max() >= len(self._rows):
                raise ProductError(
                    f"Lucene gives a document that the index does not have: it is damaged; {self._remedy}"
                )
            rows[place, : len(hits)] = self._rows[halves[1::2]]
            scores[place, : len(hits)] = halves[::2].view("<f4")
        return Ranked(rows, scores)

    def totals(self) -> np.ndarray:
        """The statistics of each field (see ``jar/Searcher.java``), int64 [n_fields, 4]; those of parts add up."""
        return self._opened().totals()

    def counts(self, terms: Sequence[str]) -> np.ndarray:
        """In how many documents each term is, int64 [n_terms, n_fields]; the numbers of parts add up."""
        return self._opened().counts(terms)

    def allowed_rows(self, allowed: Filter) -> np.ndarray:
        """The live rows that a filter allows: bool [n_rows], which must not be changed."""
        documents, words = self._live, filter_words(allowed)
        if words:
            try:
                bits = self._opened().allowed(words)
            except jnius_error() as error:
                raise explained(error) from error
            unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), count=len(self._rows), bitorder="little")
            documents = unpacked.view(np.bool_)
        if len(self._rows) == self._n_rows:
            return documents
        mask = np.zeros(self._n_rows, dtype=bool)
        mask[self._rows] = documents
        return mask

    def n_allowed(self, allowed: Filter) -> int:
        """How many live documents a filter allows."""
        words = filter_words(allowed)
        if not words:
            return int(np.count_nonzero(self._live))
        try:
            return self._opened().n_allowed(words)
        except jnius_error() as error:
            raise explained(error) from error

    def close(self) -> None:
        """Close Lucene's files; the index must not be used afterwards."""
        with self._lock:
            searcher, self._searcher = self._searcher, None
        if searcher is not None:
            searcher.close()

    def _opened(self) -> "_Searcher":
        searcher = self._searcher
        if searcher is None:
            raise ProductError("the index was closed; open it again")
        return searcher


@dataclass(frozen=True, slots=True)
class Whole:
    """What a part of an index must know of the whole, so that its scores are those of the whole.

    Attributes
    ----------
    totals
        The sum of :meth:`LuceneIndex.totals` of all parts.
    counts
        Each term of the queries → in how many documents it is, in the field in which it is in most.
    """

    totals: np.ndarray
    counts: Mapping[str, int]


def query_terms(queries: Sequence[str]) -> list[str]:
    """The distinct terms of queries, as an index finds them."""
    java = static_methods("ragqa/Searcher", terms="(Ljava/lang/String;)Ljava/lang/String;")
    found: str = java.terms(joined([on_the_line(text) for text in queries]))
    return found.split(SEPARATOR) if found else []


def filter_words(allowed: Filter) -> str:
    """A filter as ``jar/Searcher.java`` takes it; "" where it allows everything."""
    clauses = [["any", *sorted(tokens)] for tokens in wanted_tokens(allowed)]
    years = wanted_years(allowed)
    if years is not None:
        clauses.append(["range", *years])
    return joined(["\x1f".join(clause) for clause in clauses])


class _Searcher:
    """The class ``ragqa.Searcher`` (``jar/Searcher.java``) and an instance of it."""

    def __init__(self, folders: Sequence[Path], dead: np.ndarray, settings: Bm25Settings) -> None:
        own = "Lragqa/Searcher;"
        self._java = static_methods(
            "ragqa/Searcher",
            open=f"(Ljava/lang/String;Ljava/lang/String;[BDD){own}",
            sizes=f"({own})[I",
            search=f"({own}Ljava/lang/String;ILjava/lang/String;)[[J",
            searchPart=f"({own}Ljava/lang/String;ILjava/lang/String;[JLjava/lang/String;[J)[[J",
            counts=f"({own}Ljava/lang/String;)[J",
            totals=f"({own})[J",
            allowed=f"({own}Ljava/lang/String;)[B",
            size=f"({own}Ljava/lang/String;)I",
            close=f"({own})V",
        )
        boosts = {name: boost for name, boost in sorted(settings.fields.items()) if boost > 0}
        # Lucene demands boosts of 1 or more; k1 times the same keeps the scores.
        scale = 1 / min(boosts.values()) if len(boosts) > 1 and min(boosts.values()) < 1 else 1.0
        fields = [word for name, boost in boosts.items() for word in (name, repr(float(boost * scale)))]
        paths = joined([str(folder) for folder in folders])
        self._self: Any = self._java.open(paths, joined(fields), packed(dead), settings.k1 * scale, settings.b)
        self.sizes: list[int] = self._java.sizes(self._self)

    def search(self, texts: Sequence[str], n: int, words: str, whole: Whole | None) -> list[list[int]]:
        queries = joined([on_the_line(text) for text in texts])
        found: list[list[int]]
        if whole is None:
            found = self._java.search(self._self, queries, n, words)
        elif whole.counts:
            totals, terms = whole.totals.ravel().tolist(), joined(list(whole.counts))
            counts = list(whole.counts.values())
            found = self._java.searchPart(self._self, queries, n, words, totals, terms, counts)
        else:
            found = [[] for _ in texts]
        return found

    def totals(self) -> np.ndarray:
        return np.array(self._java.totals(self._self), dtype=np.int64).reshape(-1, 4)

    def counts(self, terms: Sequence[str]) -> np.ndarray:
        found = self._java.counts(self._self, joined(terms)) if terms else []
        return np.array(found, dtype=np.int64).reshape(len(terms), -1)

    def allowed(self, words: str) -> bytes:
        # The array of bytes is iterated where one asks for bytes(…), 25 times as slowly.
        found: bytes = self._java.allowed(self._self, words).tostring()
        return found

    def n_allowed(self, words: str) -> int:
        return int(self._java.size(self._self, words))

    def close(self) -> None:
        self._java.close(self._self)


def _in_chunks(search: Callable[[Sequence[str]], list[list[int]]], texts: Sequence[str]) -> list[list[int]]:
    """The results of a search for all texts, in order; many are shared among threads, Java needs no lock."""
    if len(texts) <= _CHUNK:
        return search(texts)
    found: list[list[int]] = [[]] * len(texts)
    starts = iter(range(0, len(texts), _CHUNK))
    failures: list[BaseException] = []
    lock = Lock()

    def work() -> None:
        import jnius

        try:
            while not failures:
                with lock:
                    start = next(starts, None)
                if start is None:
                    return
                found[start : start + _CHUNK] = search(texts[start : start + _CHUNK])
        except BaseException as error:  # noqa: BLE001 (raised again in the calling thread)
            failures.append(error)
        finally:
            jnius.detach()

    n_threads = min(n_cores(), -(-len(texts) // _CHUNK))
    workers = [Thread(target=work, name=f"bm25-{i}") for i in range(n_threads)]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except BaseException as error:
        failures.append(error)  # CTRL-C: the others stop after their chunk
        raise
    if failures:
        raise failures[0]
    return found


def _checked_layout(segment: Placed, settings: Bm25Settings) -> Layout:
    layout = manifest.read_json(segment.folder / LAYOUT_FILE, Layout, segment.remedy)
    if layout.version != LAYOUT_VERSION:
        raise ProductError(
            f"{segment.folder} has layout {layout.version}, this ragqa reads {LAYOUT_VERSION}; {segment.remedy}"
        )
    missing = set(field_names(settings)) - set(layout.fields)
    if missing:
        raise ProductError(
            f"{segment.folder} has no field {', '.join(sorted(missing))}, only {', '.join(layout.fields)}; "
            f"{segment.remedy}"
        )
    return layout


def _damaged(segments: Sequence[Placed], error: Exception) -> Exception:
    ours = explained(error)
    if "RAGQA_JAVA_HEAP" in str(ours):
        return ours
    folders = ", ".join(str(segment.folder / LUCENE_FOLDER) for segment in segments)
    return ProductError(f"{folders} is missing or damaged ({str(ours)[:200]}); {segments[0].remedy}")
