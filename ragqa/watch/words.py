"""BM25 of many questions over a few documents, with statistics of the whole corpus kept from one run to the next."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import abstract_of, title_of
from ragqa.corpus.words import STOPWORDS, singular, tokens
from ragqa.index.word_counts import WordCounts
from ragqa.types import Document

_K1, _B = 0.9, 0.4
_MEAN_LENGTH = 130.0
"""Words that carry meaning in a record of PubMed with an abstract, about; kept fixed so that scores stay comparable."""
_SAMPLE = 20_000


class Words:
    """Scores documents by the words of a question; scores of different runs can be compared.

    ``counts`` tell how frequent words are.
    """

    def __init__(self, counts: WordCounts) -> None:
        self._counts = counts

    @classmethod
    def open(cls, path: Path, store: DocumentStore) -> "Words":
        """Read the statistics, or make them from up to 20,000 documents of a corpus and keep them."""
        if path.is_file():
            return cls(WordCounts.open(path, "remove that file: it is made anew"))
        counts = WordCounts()
        for document in _sample(store):
            counts.add(_text(document))
        path.parent.mkdir(parents=True, exist_ok=True)
        counts.save(path)
        return cls(counts)

    def query(self, question: str) -> dict[str, float]:
        """The words of a question and what each weighs."""
        return self._counts.weights(_words(question))

    def scores(self, question: str, documents: Sequence[Document]) -> list[float]:
        """The score of each of a few documents for a question."""
        postings = Postings(documents)
        return [float(score) for score in postings.scores(self.query(question))]


class Postings:
    """Documents by their words. ``ids`` are their ids, in the order of the scores."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.ids: list[str] = []
        places: dict[str, list[int]] = {}
        weights: dict[str, list[float]] = {}
        for place, document in enumerate(documents):
            self.ids.append(document.id)
            frequencies = Counter(_words(_text(document)))
            length = _K1 * (1 - _B + _B * frequencies.total() / _MEAN_LENGTH)
            for word, number in frequencies.items():
                places.setdefault(word, []).append(place)
                weights.setdefault(word, []).append(number / (number + length))
        self._postings = {
            word: (np.array(found, np.int32), np.array(weights.pop(word), np.float32)) for word, found in places.items()
        }

    def scores(self, query: dict[str, float]) -> np.ndarray:
        """The score of each document for the weighted words of a question: float32 [n_documents]."""
        scores = np.zeros(len(self.ids), dtype=np.float32)
        for word, weight in query.items():
            if word in self._postings:
                places, weights = self._postings[word]
                scores[places] += np.float32(weight) * weights
        return scores


def _words(text: str) -> list[str]:
    return [singular(word) for word in tokens(text) if word not in STOPWORDS]


def _text(document: Document) -> str:
    return f"{title_of(document)} {abstract_of(document)}"


def _sample(store: DocumentStore) -> Iterator[Document]:
    """Documents evenly spread over a corpus, in runs of a thousand."""
    n_runs = _SAMPLE // 1000
    if store.n_rows <= _SAMPLE:
        ranges = [(0, store.n_rows)]
    else:
        begins = np.linspace(0, store.n_rows - 1000, n_runs).astype(int).tolist()
        ranges = [(begin, begin + 1000) for begin in begins]
    batches = itertools.chain.from_iterable(store.scan(rows=rows) for rows in ranges)
    for batch in batches:
        for _, document in batch:
            yield document
