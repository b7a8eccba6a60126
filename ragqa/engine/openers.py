"""What opens the parts of an engine: in this process, or on a cluster."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragqa.answer.reader import Opener, open_reader
from ragqa.index.open import OpenIndex, open_index
from ragqa.recipe import EndpointSettings, RerankSettings
from ragqa.retrieve.rerank import Reranker, open_reranker

if TYPE_CHECKING:
    from ragqa.index.dense import DenseIndex

OpenReranker = Callable[[RerankSettings, "DenseIndex | None", EndpointSettings | None], Reranker | None]
"""Opens a reranker as :func:`ragqa.retrieve.rerank.open_reranker` does."""


@dataclass(frozen=True, slots=True)
class Openers:
    """What opens an index, its reranker and its reader; by default all work in this process."""

    index: OpenIndex = open_index
    reranker: OpenReranker = open_reranker
    reader: Opener = open_reader


HERE = Openers()
"""Opens everything in this process."""
