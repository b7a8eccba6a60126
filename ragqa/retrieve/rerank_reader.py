"""A reranker by the small trained model that also reads the answers: how far each document answers the question."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragqa.reader.model import ReaderModel
from ragqa.retrieve.rerank_sentence import sentences_of
from ragqa.types import Document

if TYPE_CHECKING:
    from ragqa.retrieve.rerank import Reranker

_ASKS = re.compile(
    r"\?\W*\Z|\A\W*(?:please\s+)?(?:list|name|describe|explain|define|enumerate|give|compare|summari[sz]e|what|which|who"
    r"|whom|whose|where|when|why|how|is|are|was|were|do|does|did|can|could|has|have|should|will|would|may|must)\b",
    re.IGNORECASE,
)


class ReaderReranker:
    """Scores documents by the model's relevance: of a document's pieces the one that answers best counts.

    Parameters
    ----------
    model
        The model.
    for_claims
        What orders the documents of a query that asks nothing ("Aspirin prevents stroke."), on which the model's
        relevance was not trained; None: the model does.
    """

    def __init__(self, model: ReaderModel, for_claims: "Reranker | None" = None) -> None:
        self._model = model
        self._for_claims = for_claims

    def rerank(self, queries: Sequence[str], documents: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """For each query the logits that its documents answer it, float32 [n_documents]; −20 for one without text."""
        return [self._scores(query, candidates) for query, candidates in zip(queries, documents, strict=True)]

    def _scores(self, query: str, documents: Sequence[Document]) -> np.ndarray:
        if self._for_claims is not None and not _ASKS.search(query):
            return self._for_claims.rerank([query], [documents])[0]
        readings = self._model.read_documents(query, [sentences_of(document) for document in documents])
        return np.array([reading.relevance for reading in readings], dtype=np.float32)
