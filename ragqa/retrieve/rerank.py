"""Rerankers: a second, closer look at the first documents of a search.

``sentence`` needs nothing but the index's own encoder; ``reader`` is the small trained model that comes with ragqa
and reads every document whole: better for questions and several times slower. The others are cross-encoders: presets,
any model of that kind by hub name or folder, or a folder that :func:`ragqa.retrieve.rerank_export.export_reranker`
made. Other packages add rerankers through the entry-point group ``ragqa.rerankers``: a function of the settings and
the dense index that returns a :class:`Reranker`.
"""

from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ragqa.errors import RecipeError, nearest
from ragqa.recipe import EndpointSettings, RerankSettings
from ragqa.types import Document

if TYPE_CHECKING:
    from ragqa.index.dense import DenseIndex

ENTRY_POINTS = "ragqa.rerankers"
CROSS_ENCODERS = {
    "medcpt-cross-encoder": "ncbi/MedCPT-Cross-Encoder",
    "bge-reranker-base": "BAAI/bge-reranker-base",
    "minilm-cross-encoder": "cross-encoder/ms-marco-MiniLM-L-6-v2",
}
"""Presets: their models on the hub; each reads at most 512 tokens."""

NEED_ENCODER = ("sentence", "reader")
"""Rerankers that use the encoder and the word counts of a dense index, ``reader`` where there is one."""


class Reranker(Protocol):
    """Something that scores documents for a question."""

    def rerank(self, queries: Sequence[str], documents: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """For each query the scores of its documents, float32 [n_documents], finite, higher is better."""
        ...


def open_reranker(
    settings: RerankSettings, dense: "DenseIndex | None", endpoint: EndpointSettings | None = None
) -> Reranker | None:
    """The reranker that ``settings`` names; None for ``none``. The reranker ``llm`` asks the model at ``endpoint``.

    Raises
    ------
    RecipeError
        The name is not known, or ``sentence`` is asked for without a dense index.
    BackendError
        A cross-encoder's files or the packages that run it are missing.
    """
    name = settings.reranker
    if name == "none":
        return None
    if name == "sentence":
        if dense is None:
            raise RecipeError(
                "rerank.reranker = 'sentence' uses the encoder of a [dense] table, which the recipe lacks"
            )
        from ragqa.retrieve.rerank_sentence import SentenceReranker

        return SentenceReranker(dense)
    if name == "reader":
        from ragqa.reader.model import open_model
        from ragqa.retrieve.rerank_reader import ReaderReranker
        from ragqa.retrieve.rerank_sentence import SentenceReranker

        return ReaderReranker(open_model(), None if dense is None else SentenceReranker(dense))
    if name == "llm":
        from ragqa.retrieve.rerank_llm import LlmReranker

        return LlmReranker.open(endpoint or EndpointSettings())
    plugins = {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS)}
    if name in plugins:
        reranker: Reranker = plugins[name].load()(settings, dense)
        return reranker
    if _names_cross_encoder(name):
        from ragqa.retrieve.rerank_cross import open_cross_encoder

        return open_cross_encoder(CROSS_ENCODERS.get(name, name))
    known = ["none", "sentence", "reader", "llm", *CROSS_ENCODERS, *plugins]
    raise RecipeError(
        f"rerank.reranker is {name!r} ({nearest(name, known)}); for a cross-encoder of your own give its hub name "
        "(owner/name) or a folder (./name)"
    )


def reads_alone(name: str) -> bool:
    """Whether the reranker of a name comes with ragqa and needs files alone: neither endpoint nor vectors.

    >>> reads_alone("sentence"), reads_alone("medcpt-cross-encoder"), reads_alone("llm")
    (True, True, False)
    """
    plugins = {point.name for point in metadata.entry_points(group=ENTRY_POINTS)}
    return name in NEED_ENCODER or (name not in {"none", "llm", *plugins} and _names_cross_encoder(name))


def _names_cross_encoder(name: str) -> bool:
    return name in CROSS_ENCODERS or "/" in name or "\\" in name
