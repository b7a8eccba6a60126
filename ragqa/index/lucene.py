"""BM25 by Lucene: searches an index that :func:`build_lucene` made.

A search is one crossing into Java: the text is analyzed, the query built and run, and the hits come back as one array
of integers, document number and score packed together. A batch is shared among threads, each of which crosses once
for many queries. One query and a batch run the very same function, so their results are identical.

Scores. Lucene's BM25 for a term t in a document of length dl (rounded to one byte above 40 terms):
idf(t) · tf / (tf + k1 · (1 − b + b · dl / avgdl)) with idf(t) = ln(1 + (N − n + ½) / (n + ½)), each distinct term of
the query counted as often as it occurs there (Robertson and Zaragoza 2009, without the constant factor k1 + 1).

With several fields this is BM25F (Robertson, Zaragoza and Taylor 2004): tf and dl are the sums over the fields, each
times its boost; n and N are the greatest of any field. Measured with k1 0.9 and b 0.4, it beats adding the scores of
the fields: title and abstract, boosts 1 and 1, nDCG@10 on SciFact 0.677 against 0.665, on 683 BioASQ questions
0.773 against 0.692. With one field, its boost does not matter.

Order. Best score first; equal scores (as float32) by ascending row, also at the cut after k: where the last hit ties
with those behind it, all that tie are fetched before the cut is made. So results do not depend on how many threads
built the index.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self

import numpy as np

from ragqa import manifest
from ragqa.errors import ProductError
from ragqa.index import lucene_java as java
from ragqa.index.filter_tokens import wanted_tokens, wanted_years
from ragqa.index.java import jnius_error, start_jvm
from ragqa.index.lucene_build import (
    FILTER_FIELD,
    LAYOUT_FILE,
    LAYOUT_VERSION,
    LUCENE_FOLDER,
    ROWS_FILE,
    Layout,
    build_lucene,
    english_analyzer,
    explained,
    field_names,
    joined,
    n_processors,
    open_folder,
    splitter,
)
from ragqa.recipe import Bm25Settings
from ragqa.types import Filter, Ranked

__all__ = ["LuceneIndex", "build_lucene"]

_log = logging.getLogger(__name__)
_CHUNK = 32
"""Queries of one crossing; a batch is shared among threads in such chunks."""

_EXTRA_HITS = 8
"""Hits fetched beyond k: one search then mostly has all that tie with the last."""

_FUNCTIONS = 32
"""Compiled searches kept, one for each k and filter."""


class LuceneIndex:
    """A Lucene index, opened for searching. Several threads may share it."""

    def __init__(self, searcher: "_Searcher", rows: np.ndarray) -> None:
        self._searcher: _Searcher | None = searcher
        self._rows = rows
        self._searches: OrderedDict[tuple[int, Filter], _Search] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def open(cls, folder: Path, settings: Bm25Settings) -> Self:
        """Open the index in ``folder``; ``k1``, ``b`` and the boosts of ``settings`` hold for all searches.

        Raises
        ------
        ProductError
            The index is missing, damaged, or lacks a field that ``settings`` name.
        BackendError
            There is no usable Java.
        """
        remedy = f"build it again: ragqa index build {folder.absolute().parent.name}"
        layout = manifest.read_json(folder / LAYOUT_FILE, Layout, remedy)
        if layout.version != LAYOUT_VERSION:
            raise ProductError(f"{folder} has layout {layout.version}, this ragqa reads {LAYOUT_VERSION}; {remedy}")
        missing = set(field_names(settings)) - set(layout.fields)
        if missing:
            raise ProductError(
                f"{folder} has no field {', '.join(sorted(missing))}, only {', '.join(layout.fields)}; {remedy}"
            )
        try:
            # A plain view: numpy's memmap class costs microseconds at every use.
            rows = np.load(folder / ROWS_FILE, mmap_mode="r" if layout.n_documents else None).view(np.ndarray)
        except (OSError, ValueError, EOFError) as error:
            raise ProductError(f"{folder / ROWS_FILE} is missing or damaged ({error}); {remedy}") from error
        start_jvm()
        try:
            searcher = _Searcher(folder / LUCENE_FOLDER, settings)
        except jnius_error() as error:
            raise _damaged(folder, error, remedy) from error
        if not len(rows) == layout.n_documents == searcher.n_documents:
            searcher.close()
            raise ProductError(
                f"{folder} is damaged: Lucene holds {searcher.n_documents} documents, {ROWS_FILE} {len(rows)}, "
                f"{LAYOUT_FILE} {layout.n_documents}; {remedy}"
            )
        return cls(searcher, rows)

    def search(self, queries: Sequence[str], k: int, allowed: Filter = Filter()) -> Ranked:
        """The ``k`` best documents of each query among the allowed ones.

        A query of which nothing is left after analysis finds nothing. Any text is a query: there is no syntax.
        """
        if k <= 0 or not queries or not len(self._rows):
            return _padded([], len(queries), max(k, 0))
        n = self._n_fetched(k)
        try:
            hits = self._search(n, allowed)(queries)
            found = [self._cut(query, its_hits, n, k, allowed) for query, its_hits in zip(queries, hits, strict=True)]
        except jnius_error() as error:
            raise explained(error) from error
        if len(found) == 1 and len(found[0][0]) == k:
            return Ranked(found[0][0][np.newaxis], found[0][1][np.newaxis])
        return _padded(found, len(queries), k)

    def close(self) -> None:
        """Close Lucene's files; the index must not be used afterwards."""
        with self._lock:
            searcher, self._searcher = self._searcher, None
            self._searches.clear()
        if searcher is not None:
            searcher.close()

    def _cut(self, query: str, hits: list[int], n: int, k: int, allowed: Filter) -> tuple[np.ndarray, np.ndarray]:
        """The first ``k`` of ``n`` hits by score and row; more are fetched where all from the k-th on tie."""
        numbers, scores = _unpacked(hits)
        while len(hits) == n < len(self._rows) and scores[k - 1] == scores[-1]:
            n = min(4 * n, len(self._rows))
            hits = self._search(n, allowed)([query])[0]
            numbers, scores = _unpacked(hits)
        rows = self._rows[numbers]
        order = np.lexsort((rows, -scores))[:k]
        return rows[order], scores[order]

    def _n_fetched(self, k: int) -> int:
        return min(k + _EXTRA_HITS, len(self._rows))

    def _search(self, n: int, allowed: Filter) -> "_Search":
        with self._lock:
            if self._searcher is None:
                raise ProductError("the index was closed; open it again")
            key = (n, allowed)
            if key not in self._searches:
                self._searches[key] = self._searcher.compile(n, allowed)
                if len(self._searches) > _FUNCTIONS:
                    self._searches.popitem(last=False)
            self._searches.move_to_end(key)
            return self._searches[key]


_Search = Callable[[Sequence[str]], list[list[int]]]


def _unpacked(hits: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Document numbers (uint32) and scores (float32) of packed hits."""
    halves = np.array(hits, dtype="<i8").view("<u4")
    return halves[1::2], halves[::2].view("<f4")


def _padded(found: Sequence[tuple[np.ndarray, np.ndarray]], n_queries: int, k: int) -> Ranked:
    rows = np.full((n_queries, k), -1, dtype=np.int64)
    scores = np.full((n_queries, k), -np.inf, dtype=np.float32)
    for place, (its_rows, its_scores) in enumerate(found):
        rows[place, : len(its_rows)] = its_rows
        scores[place, : len(its_rows)] = its_scores
    return Ranked(rows, scores)


def _damaged(folder: Path, error: Exception, remedy: str) -> Exception:
    ours = explained(error)
    if "RAGQA_JAVA_HEAP" in str(ours):
        return ours
    return ProductError(f"{folder / LUCENE_FOLDER} is missing or damaged ({str(ours)[:200]}); {remedy}")


class _Searcher:
    """Lucene's searcher, and the functions composed with it."""

    def __init__(self, folder: Path, settings: Bm25Settings) -> None:
        directory = open_folder(folder)
        self._reader = java.call_static(_READER, "open", f"(L{_DIRECTORY};)L{_READER};", directory)
        self._searcher = java.new(_SEARCHER, "(Lorg/apache/lucene/index/IndexReader;)V", self._reader)
        k1 = settings.k1 * _weight_scale(settings.fields)
        similarity = java.new("org/apache/lucene/search/similarities/BM25Similarity", "(FF)V", k1, settings.b)
        set_similarity = "(Lorg/apache/lucene/search/similarities/Similarity;)V"
        java.call_method(self._searcher, _SEARCHER, "setSimilarity", set_similarity, similarity)
        # A long text may have tens of thousands of distinct terms; Lucene refuses more than 1,024 otherwise.
        java.call_static(_SEARCHER, "setMaxClauseCount", "(I)V", 2**31 - 1)
        self.n_documents: int = java.call_method(self._reader, _INDEX_READER, "numDocs", "()I")
        self._to_query = _query_builder(settings)
        self._pack_hits = _packer()
        self._split = splitter()

    def close(self) -> None:
        """Close Lucene's files."""
        java.call_method(self._reader, _INDEX_READER, "close", "()V")

    def compile(self, n: int, allowed: Filter) -> _Search:
        """A function from texts to the ``n`` best hits of each, packed as integers, best first."""
        # A manager of its own for each search: it carries the least score that still counts from thread to thread.
        # The third argument is the number of hits that are counted exactly; beyond, Lucene skips what cannot rank.
        create = f"(IL{_SCORE_DOC};I)Lorg/apache/lucene/search/CollectorManager;"
        manager = java.bind(
            java.static("org/apache/lucene/search/TopScoreDocCollector", "createSharedManager", create), 0, n, None, n
        )
        search = java.virtual(
            _SEARCHER, "search", f"(L{_QUERY};Lorg/apache/lucene/search/CollectorManager;)Ljava/lang/Object;"
        )
        find = java.apply_to_argument(java.bind(search, 0, self._searcher), 1, manager)
        find = java.cast(find, f"(L{_QUERY};)L{_TOP_DOCS};")
        restrict = _filter(allowed)
        to_query = self._to_query if restrict is None else java.chain(self._to_query, restrict)
        one = java.chain(to_query, find, self._pack_hits)
        many = java.chain(self._split, java.map_array(one, "[Ljava/lang/String;", "[[J"))
        search_one, search_many = java.function(one), java.function(many)

        def search_all(texts: Sequence[str]) -> list[list[int]]:
            if len(texts) == 1:
                text = joined(texts)
                return [search_one(text)]
            return _in_threads(search_many, texts)

        return search_all


def _in_threads(search: Callable[[str], list[list[int]]], texts: Sequence[str]) -> list[list[int]]:
    """The results of a search of joined texts for all texts, in order; Java runs without the interpreter lock."""
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
                part = joined(texts[start : start + _CHUNK])
                found[start : start + _CHUNK] = search(part)
        except BaseException as error:  # noqa: BLE001 (raised again in the calling thread)
            failures.append(error)
        finally:
            jnius.detach()

    n_threads = min(n_processors(), -(-len(texts) // _CHUNK))
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


def _query_builder(settings: Bm25Settings) -> java.Handle:
    """(String) → Query: the distinct terms of the text, each counted as often as it occurs."""
    boosts = {name: boost for name, boost in sorted(settings.fields.items()) if boost > 0}
    analyzer = english_analyzer()
    if len(boosts) == 1:
        build = java.virtual(_GENERATOR, "buildQuery", f"(Ljava/lang/String;{_ANALYZER}Ljava/lang/String;)L{_QUERY};")
        return java.bind(build, 0, java.new(_GENERATOR, "()V"), *boosts, analyzer)
    analyze = java.static(
        "io/anserini/analysis/AnalyzerUtils", "analyze", f"({_ANALYZER}Ljava/lang/String;)Ljava/util/List;"
    )
    should = java.enum_value(_OCCUR, "SHOULD")
    add = java.bind(java.virtual(_BUILDER, "add", f"(L{_QUERY};L{_OCCUR};)L{_BUILDER};"), 2, should)
    clauses = java.for_each(
        java.virtual("java/util/List", "iterator", "()Ljava/util/Iterator;"),
        java.constructor(_BUILDER, "()V"),
        java.apply_to_argument(add, 1, _in_all_fields(boosts)),
    )
    return java.chain(java.bind(analyze, 0, analyzer), clauses, _built(_BUILDER, _BOOLEAN))


def _in_all_fields(boosts: dict[str, float]) -> java.Handle:
    """(Object) → Query: a term, scored by its weighted frequency in all the fields together."""
    scale = _weight_scale(boosts)
    steps = [java.constructor(_COMBINED_BUILDER, "()V")]
    add_field = java.virtual(_COMBINED_BUILDER, "addField", f"(Ljava/lang/String;F)L{_COMBINED_BUILDER};")
    for name, boost in boosts.items():
        steps.append(java.bind(add_field, 1, name, java.new("java/lang/Float", "(F)V", boost * scale)))
    add_term = java.virtual(_COMBINED_BUILDER, "addTerm", f"(L{_BYTES};)L{_COMBINED_BUILDER};")
    to_bytes = java.constructor(_BYTES, "(Ljava/lang/CharSequence;)V")
    to_bytes = java.cast(to_bytes, f"(Ljava/lang/Object;)L{_BYTES};")
    term = java.apply_to_argument(java.apply_to_argument(add_term, 0, java.chain(*steps)), 0, to_bytes)
    return java.chain(term, _built(_COMBINED_BUILDER, _COMBINED))


def _built(builder: str, product: str) -> java.Handle:
    """(Builder) → Query."""
    return java.cast(java.virtual(builder, "build", f"()L{product};"), f"(L{builder};)L{_QUERY};")


def _weight_scale(boosts: Mapping[str, float]) -> float:
    """What to multiply boosts by so that none is below 1, as Lucene demands; k1 times the same keeps the scores."""
    positive = [boost for boost in boosts.values() if boost > 0]
    return 1 / min(positive) if len(positive) > 1 and min(positive) < 1 else 1.0


def _filter(allowed: Filter) -> java.Handle | None:
    """(Query) → Query: the query, restricted to what the filter allows; None where it allows everything."""
    clauses = [_any_token(tokens) for tokens in wanted_tokens(allowed)]
    years = wanted_years(allowed)
    if years is not None:
        signature = f"(Ljava/lang/String;Ljava/lang/String;Ljava/lang/String;ZZ)L{_TERM_RANGE};"
        clauses.append(java.call_static(_TERM_RANGE, "newStringRange", signature, FILTER_FIELD, *years, True, True))
    if not clauses:
        return None
    add = java.virtual(_BUILDER, "add", f"(L{_QUERY};L{_OCCUR};)L{_BUILDER};")
    must, only = (java.enum_value(_OCCUR, name) for name in ("MUST", "FILTER"))
    # new BooleanQuery.Builder().add(query, MUST), then .add(clause, FILTER) for each clause
    steps = [java.apply_to_argument(java.bind(add, 2, must), 0, java.constructor(_BUILDER, "()V"))]
    steps += [java.bind(add, 1, clause, only) for clause in clauses]
    return java.chain(*steps, _built(_BUILDER, _BOOLEAN))


def _any_token(tokens: frozenset[str]) -> Any:
    """A query for documents that have at least one of the filter tokens."""
    to_bytes = java.cast(java.constructor(_BYTES, "(Ljava/lang/CharSequence;)V"), f"(Ljava/lang/String;)L{_BYTES};")
    to_terms = java.chain(splitter(), java.map_array(to_bytes, "[Ljava/lang/String;", f"[L{_BYTES};"))
    query = java.fixed(java.constructor(_TERM_IN_SET, f"(Ljava/lang/String;[L{_BYTES};)V"))
    to_query = java.bind(query, 0, FILTER_FIELD)
    return java.call(java.chain(to_terms, to_query), joined(sorted(tokens)))


def _packer() -> java.Handle:
    """(TopDocs) → long[]: each hit's document number in the upper half, the bits of its score in the lower."""
    number = java.cast(java.getter(_SCORE_DOC, "doc", "()I"), f"(L{_SCORE_DOC};)J")
    number = java.chain(number, java.bind(java.static("java/lang/Long", "rotateLeft", "(JI)J"), 1, 32))
    score = java.chain(
        java.getter(_SCORE_DOC, "score", "()F"),
        java.static("java/lang/Float", "floatToRawIntBits", "(F)I"),
        java.static("java/lang/Integer", "toUnsignedLong", "(I)J"),
    )
    both = java.apply_to_argument(java.static("java/lang/Long", "sum", "(JJ)J"), 0, number)
    pack = java.rearrange(java.apply_to_argument(both, 1, score), f"(L{_SCORE_DOC};)J", [0, 0])
    hits = java.getter(_TOP_DOCS, "scoreDocs", f"()[L{_SCORE_DOC};")
    return java.chain(hits, java.map_array(pack, f"[L{_SCORE_DOC};", "[J"))


_ANALYZER = "Lorg/apache/lucene/analysis/Analyzer;"
_BYTES = "org/apache/lucene/util/BytesRef"
_BOOLEAN = "org/apache/lucene/search/BooleanQuery"
_COMBINED = "org/apache/lucene/sandbox/search/CombinedFieldQuery"
_COMBINED_BUILDER = "org/apache/lucene/sandbox/search/CombinedFieldQuery$Builder"
_BUILDER = "org/apache/lucene/search/BooleanQuery$Builder"
_DIRECTORY = "org/apache/lucene/store/Directory"
_GENERATOR = "io/anserini/search/query/BagOfWordsQueryGenerator"
_INDEX_READER = "org/apache/lucene/index/IndexReader"
_OCCUR = "org/apache/lucene/search/BooleanClause$Occur"
_QUERY = "org/apache/lucene/search/Query"
_READER = "org/apache/lucene/index/DirectoryReader"
_SCORE_DOC = "org/apache/lucene/search/ScoreDoc"
_SEARCHER = "org/apache/lucene/search/IndexSearcher"
_TERM_IN_SET = "org/apache/lucene/search/TermInSetQuery"
_TERM_RANGE = "org/apache/lucene/search/TermRangeQuery"
_TOP_DOCS = "org/apache/lucene/search/TopDocs"
