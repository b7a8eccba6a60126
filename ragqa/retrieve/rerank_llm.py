"""The reranker ``llm``: a document scores by the probability that a language model finds it relevant.

The idea is RankRAG's (Yu et al. 2024), with the probability read from the log probabilities of a constrained
choice between "yes" and "no".
"""

import asyncio
import logging
from collections.abc import Sequence

import numpy as np

from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import abstract_of, title_of
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.fence import fenced
from ragqa.llm.model import LanguageModel, Message, Request
from ragqa.llm.prompt import Prompts
from ragqa.recipe import EndpointSettings
from ragqa.types import Document

_log = logging.getLogger(__name__)
_CHOICES = ("yes", "no")
_CHARACTERS_PER_TOKEN = 2.5
_PROMPT_TOKENS = 300
_REPLY_TOKENS = 16


class LlmReranker:
    """Scores documents by P(relevant); many requests are under way at once."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.prompts = Prompts("ragqa.retrieve")

    @classmethod
    def open(cls, endpoint: EndpointSettings) -> "LlmReranker":
        """A reranker on an endpoint; nothing is connected yet."""
        return cls(EndpointModel(endpoint))

    def rerank(self, queries: Sequence[str], documents: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """For each query the probability that each of its documents is relevant, float32 [n_documents].

        A document about which the reply cannot be read gets 0: it is ranked last, never dropped.

        Raises
        ------
        EndpointError
            The model cannot be reached or refuses a request.
        """

        async def all_of_them() -> list[list[float]]:
            longest = int((await self.model.context_length() - _PROMPT_TOKENS) * _CHARACTERS_PER_TOKEN)
            pairs = zip(queries, documents, strict=True)
            rows = [asyncio.gather(*(self._relevance(q, d, longest) for d in own)) for q, own in pairs]
            return await asyncio.gather(*rows)

        return [np.array(row, dtype=np.float32) for row in loop.run(all_of_them())]

    async def _relevance(self, query: str, document: Document, longest: int) -> float:
        prompt = self.prompts.fill(
            "relevance",
            query=query[:longest],
            title=fenced(title_of(document)),
            text=fenced(_shortened(abstract_of(document), longest - len(query) - len(title_of(document)))),
        )
        request = Request((Message("user", prompt),), choices=_CHOICES, max_tokens=_REPLY_TOKENS, temperature=0.0)
        completion = await self.model.complete(request)
        if completion.choice_probabilities:
            return completion.choice_probabilities["yes"]
        said = completion.text.strip().lower()
        if not said.startswith(_CHOICES):
            _log.warning("the reply about article %s is neither yes nor no: %r", document.id, said[:40])
        return float(said.startswith("yes"))


def _shortened(text: str, longest: int) -> str:
    """As many whole sentences from the start as have room."""
    ends = [end for _, end in split_sentences(text) if end <= longest]
    return text[: ends[-1]] if ends else ""
