"""A reranker that needs no model of its own: a document scores as its best sentence.

A sentence scores by the cosine of its vector with the question's, plus half of the share of the question's words
that it holds, each weighing its inverse document frequency. Only the few sentences of a document that hold most
of the question are encoded. On both collections it was measured with, this order carries more than the vectors of
whole abstracts, in which the one sentence that answers is diluted.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import abstract_sections, title_of
from ragqa.index.word_counts import stems
from ragqa.types import Document

if TYPE_CHECKING:
    from ragqa.index.dense import DenseIndex

_SENTENCES = 3  # of each document are encoded
_COVERAGE_WEIGHT = 0.5
_LOWEST = -1.0


class SentenceReranker:
    """Scores documents by their best sentence, with the encoder and the word counts of a dense index."""

    def __init__(self, dense: "DenseIndex") -> None:
        self._dense = dense

    def rerank(self, queries: Sequence[str], documents: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """For each query the scores of its documents, float32 [n_documents]; −1 for one without any text.

        Each query is computed by itself, so that its scores do not depend on the batch.
        """
        return [self._scores(query, candidates) for query, candidates in zip(queries, documents, strict=True)]

    def _scores(self, query: str, documents: Sequence[Document]) -> np.ndarray:
        scores = np.full(len(documents), _LOWEST, dtype=np.float32)
        # Sorted: sums of floats depend on the order, that of a set on the process.
        weights = self._dense.words.weights(sorted(stems(query)))
        sentences, coverages, owners = [], [], []
        for place, document in enumerate(documents):
            covered = [(_coverage(sentence, weights), sentence) for sentence in sentences_of(document)]
            for coverage, sentence in sorted(covered, key=lambda pair: -pair[0])[:_SENTENCES]:
                sentences.append(sentence)
                coverages.append(coverage)
                owners.append(place)
        if sentences:
            vectors = _unit(self._dense.encode_passages([("", sentence) for sentence in sentences]))
            cosines = vectors @ _unit(self._dense.encode_queries([query]))[0]
            np.maximum.at(scores, owners, cosines + _COVERAGE_WEIGHT * np.array(coverages, dtype=np.float32))
        return scores


def sentences_of(document: Document) -> list[str]:
    """The title and the sentences of the abstract."""
    sentences = [title_of(document)]
    for section in abstract_sections(document):
        sentences += [section.text[begin:end] for begin, end in split_sentences(section.text)]
    return [sentence for sentence in sentences if sentence.strip()]


def _coverage(sentence: str, weights: dict[str, float]) -> float:
    held = stems(sentence)
    return sum(weight for word, weight in weights.items() if word in held) / (sum(weights.values()) or 1.0)


def _unit(vectors: np.ndarray) -> np.ndarray:
    result: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return result
