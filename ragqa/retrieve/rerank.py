"""Rerankers: the second look at the first documents of a search."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ragqa.errors import RecipeError
from ragqa.recipe import EndpointSettings, RerankSettings
from ragqa.types import Document

if TYPE_CHECKING:
    from ragqa.index.dense import DenseIndex


class Reranker(Protocol):
    """Something that scores documents for a question."""

    def rerank(self, queries: Sequence[str], documents: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """For each query the scores of its documents, float32 [n_documents], higher is better."""
        ...


def open_reranker(
    settings: RerankSettings,
    dense: "DenseIndex | None",  # noqa: ARG001
    endpoint: EndpointSettings | None = None,
) -> Reranker | None:
    """The reranker that ``settings`` names; None for ``none``. The reranker ``llm`` asks the model at ``endpoint``."""
    if settings.reranker == "none":
        return None
    if settings.reranker == "llm":
        from ragqa.retrieve.rerank_llm import LlmReranker

        return LlmReranker.open(endpoint or EndpointSettings())
    raise RecipeError(f"rerank.reranker is {settings.reranker!r}; known: llm, none")
