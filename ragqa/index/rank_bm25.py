"""BM25 by the package rank-bm25: for tiny corpora in memory, without Java.

Every search scores every document: 100,000 documents take about a second. Scores follow the formula of
:mod:`ragqa.index.lucene`; with several fields, n counts the documents that have the word in any of them. The analysis
is simpler than Lucene's: words in lower case without Lucene's English stop words, and plurals brought to their
singular (Harman's S stemmer, 1991).

The index is one JSON line per document, readable with any editor: ``{"row": …, "fields": {"contents": "tokens …"},
"filters": […]}``.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from rank_bm25 import BM25Okapi

from ragqa.corpus.scripts import on_the_line
from ragqa.corpus.words import LUCENE_STOPWORDS, singular
from ragqa.decoding import json_decoder
from ragqa.errors import ProductError
from ragqa.index.filter_tokens import filter_tokens, matches
from ragqa.index.lucene_build import field_names, field_texts
from ragqa.index.segments import Placed, checked_bytes
from ragqa.recipe import Bm25Settings
from ragqa.types import Document, Filter, Ranked

_FILE = "documents.jsonl"
_WORD = re.compile(r"[^\W_]+")


class LuceneBm25(BM25Okapi):  # type: ignore[misc]
    """rank-bm25 with the idf of Lucene, ln(1 + (N − n + ½) / (n + ½)), which is never negative.

    ``BM25Okapi`` leaves the 1 out and replaces negative values by a fraction of the mean idf. Scores keep the
    constant factor k1 + 1 that Lucene drops. A document is given as its tokens, or as a mapping of tokens to their
    frequency, which need not be whole.
    """

    def _initialize(self, corpus: Sequence[Sequence[str] | Mapping[str, float]]) -> dict[str, int]:
        self.doc_freqs = [text if isinstance(text, Mapping) else Counter(text) for text in corpus]
        self.doc_len = [sum(frequencies.values()) for frequencies in self.doc_freqs]
        self.corpus_size = len(corpus)
        self.avgdl = sum(self.doc_len) / len(corpus)
        return Counter(word for frequencies in self.doc_freqs for word in frequencies)

    def _calc_idf(self, nd: dict[str, int]) -> None:
        self.idf = {word: np.log1p((self.corpus_size - n + 0.5) / (n + 0.5)) for word, n in nd.items()}


class _Line(msgspec.Struct):
    row: int
    fields: dict[str, str]
    filters: list[str]


def analyze(text: str) -> list[str]:
    """The tokens of a text.

    >>> analyze("The therapies of β-blockers, and COPD studies")
    ['therapy', 'β', 'blocker', 'copd', 'study']
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", on_the_line(text)).casefold())
    return [singular(word) for word in words if word not in LUCENE_STOPWORDS]


def build_rank_bm25(
    documents: Iterable[Sequence[tuple[int, Document]]],
    folder: Path,
    settings: Bm25Settings,
    *,
    first_row: int = 0,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Index documents for :class:`RankBm25Index`; see :func:`ragqa.index.lucene.build_lucene`."""
    fields = field_names(settings)
    folder.mkdir(parents=True, exist_ok=True)
    encode = msgspec.json.Encoder().encode
    with (folder / _FILE).open("wb") as file:
        for batch in documents:
            for row, document in batch:
                texts = field_texts(document, fields)
                tokens = {name: " ".join(analyze(text)) for name, text in zip(fields, texts, strict=True)}
                file.write(encode(_Line(row - first_row, tokens, filter_tokens(document))) + b"\n")
            if progress is not None:
                progress(len(batch))
        file.flush()
        os.fsync(file.fileno())


class RankBm25Index:
    """A small index in memory. Several threads may share it.

    Parameters
    ----------
    rows
        int64 [n_documents], ascending.
    n_rows
        Rows of the corpus, dead ones included.
    filters
        The filter tokens of each document.
    tokens
        Field → tokens of each document.
    """

    def __init__(
        self,
        rows: np.ndarray,
        n_rows: int,
        filters: Sequence[frozenset[str]],
        tokens: dict[str, list[list[str]]],
        settings: Bm25Settings,
    ) -> None:
        self._rows = rows
        self._n_rows = n_rows
        self._filters = filters
        self._k1 = max(settings.k1, 1e-9)  # with 0, rank-bm25 divides 0 by 0 for an absent word
        boosts = {name: boost for name, boost in settings.fields.items() if boost > 0}
        if len(boosts) == 1:
            boosts = dict.fromkeys(boosts, 1.0)
        weighted = [_weighted({name: tokens[name][i] for name in boosts}, boosts) for i in range(len(rows))]
        # As in Lucene, a document without text does not count in the statistics.
        self._places = np.flatnonzero([bool(frequencies) for frequencies in weighted])
        texts = [weighted[place] for place in self._places]
        self._scorer = LuceneBm25(texts, k1=self._k1, b=settings.b) if texts else None

    @classmethod
    def open(cls, segments: Sequence[Placed], settings: Bm25Settings) -> Self:
        """Read an index; dead documents are left out, and its statistics are those of the live ones.

        Raises
        ------
        ProductError
            A segment is missing, damaged, or lacks a field that ``settings`` name.
        """
        fields = field_names(settings)
        lines = [
            (segment.first_row + line.row, line)
            for segment in segments
            for line in _read_lines(segment, fields)
            if not segment.dead[line.row]
        ]
        tokens = {name: [line.fields[name].split() for _, line in lines] for name in fields}
        rows = np.array([row for row, _ in lines], dtype=np.int64)
        n_rows = sum(len(segment.dead) for segment in segments)
        return cls(rows, n_rows, [frozenset(line.filters) for _, line in lines], tokens, settings)

    def search(self, queries: Sequence[str], k: int, allowed: Filter = Filter()) -> Ranked:
        """The ``k`` best documents of each query among the allowed ones: best score first, then ascending row.

        A document that has none of the words is not found.
        """
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        mask = self._mask(allowed)
        for i, query in enumerate(queries):
            values = np.where(mask, self.scores(analyze(query)), 0.0).astype(np.float32)
            best = np.lexsort((self._rows, -values))[:k]
            best = best[values[best] > 0]
            rows[i, : len(best)] = self._rows[best]
            scores[i, : len(best)] = values[best]
        return Ranked(rows, scores)

    def scores(self, words: Sequence[str]) -> np.ndarray:
        """The score of every document for the tokens of a query: float64 [n_documents]."""
        scores = np.zeros(len(self._rows))
        if self._scorer is not None:
            scores[self._places] = self._scorer.get_scores(words) / (self._k1 + 1)
        return scores

    def allowed_rows(self, allowed: Filter) -> np.ndarray:
        """The live rows that a filter allows: bool [n_rows]."""
        rows = np.zeros(self._n_rows, dtype=bool)
        rows[self._rows] = self._mask(allowed)
        return rows

    def n_allowed(self, allowed: Filter) -> int:
        """How many live documents a filter allows."""
        return int(np.count_nonzero(self._mask(allowed)))

    def close(self) -> None:
        """Nothing is open; here because every BM25 engine has it."""

    def _mask(self, allowed: Filter) -> np.ndarray:
        if allowed == Filter():
            return np.ones(len(self._rows), dtype=bool)
        return np.array([matches(tokens, allowed) for tokens in self._filters], dtype=bool)


def _read_lines(segment: Placed, fields: Sequence[str]) -> list[_Line]:
    """The documents of a segment in the order of their rows."""
    path, remedy = segment.folder / _FILE, segment.remedy
    try:
        lines = sorted(json_decoder(_Line).decode_lines(checked_bytes(segment, _FILE)), key=attrgetter("row"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProductError(f"{path} is damaged ({error}); {remedy}") from error
    missing = {name for line in lines for name in fields if name not in line.fields}
    if missing:
        raise ProductError(f"{segment.folder} has no field {', '.join(sorted(missing))}; {remedy}")
    if lines and not 0 <= lines[0].row <= lines[-1].row < len(segment.dead):
        raise ProductError(f"{path} is damaged: its rows are out of range; {remedy}")
    return lines


def _weighted(tokens: Mapping[str, Sequence[str]], boosts: Mapping[str, float]) -> dict[str, float]:
    """Frequencies of tokens, added over the fields, each times its boost (BM25F)."""
    frequencies: dict[str, float] = {}
    for name, boost in boosts.items():
        for word in tokens[name]:
            frequencies[word] = frequencies.get(word, 0.0) + boost
    return frequencies
