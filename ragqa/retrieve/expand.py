"""Query expansion by a language model: it writes a passage that might answer, and that is searched for.

The joining of query and passage is that of R2MED (Li et al. 2025):

========== ============================ =====================================
method     BM25 searches for            dense search takes
========== ============================ =====================================
HyDE       the passage alone            the mean of both vectors
Query2Doc  the query twice, the passage the vector of "query [SEP] passage"
LameR      the query, the passage       the mean of both vectors
========== ============================ =====================================

HyDE: Gao et al. 2022; Query2Doc: Wang et al. 2023; LameR (whose model first sees what a plain search finds):
Shen et al. 2023. Of a reasoning model only the text after ``</think>`` counts.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ragqa.corpus.text import abstract_of, title_of
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.fence import fenced
from ragqa.llm.model import LanguageModel, Message, Request
from ragqa.llm.prompt import Prompts
from ragqa.recipe import EndpointSettings, RetrieveSettings
from ragqa.types import Document

_log = logging.getLogger(__name__)
Method = Literal["hyde", "query2doc", "lamer"]
N_SEEN = 10
"""How many of the documents that a plain search found LameR's model sees."""
_LONGEST_SEEN = 600
_MOST_TOKENS = 512


class Encoder(Protocol):
    """What dense search needs of an encoder."""

    def encode_queries(self, queries: Sequence[str]) -> np.ndarray:
        """float32 [n_queries, dimension]."""
        ...

    def encode_passages(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """float32 [n_pairs, dimension]."""
        ...


@dataclass(frozen=True, slots=True)
class Expansion:
    """A query and the passage written for it; an empty passage means the query alone."""

    query: str
    passage: str


class Expander:
    """Writes passages with a language model, many queries at once."""

    def __init__(self, method: Method, model: LanguageModel, temperature: float = 0.7) -> None:
        self.method: Method = method
        self.model = model
        self.temperature = temperature
        self.prompts = Prompts("ragqa.retrieve")

    def expand(
        self, queries: Sequence[str], search: Callable[[Sequence[str]], Sequence[Sequence[Document]]]
    ) -> list[Expansion]:
        """A passage for each query.

        Parameters
        ----------
        queries
            The questions.
        search
            The documents that a plain search finds for each query, best first; called for LameR only.

        Raises
        ------
        EndpointError
            The model cannot be reached or refuses a request.
        """
        seen = search(queries) if self.method == "lamer" else [()] * len(queries)

        async def all_of_them() -> list[str]:
            return await asyncio.gather(*(self._write(q, found) for q, found in zip(queries, seen, strict=True)))

        return [Expansion(query, passage) for query, passage in zip(queries, loop.run(all_of_them()), strict=True)]

    async def _write(self, query: str, found: Sequence[Document]) -> str:
        values = {"query": query}
        if self.method == "lamer":
            values["passages"] = "\n".join(_shown(n, d) for n, d in enumerate(found[:N_SEEN], start=1)) or "(none)"
        prompt = self.prompts.fill(self.method, **values)
        request = Request((Message("user", prompt),), max_tokens=_MOST_TOKENS, temperature=self.temperature)
        passage = (await self.model.complete(request)).text
        if not passage:
            _log.warning("the model wrote no passage for a query; it is searched for as it is")
        return passage


def open_expander(settings: RetrieveSettings, endpoint: EndpointSettings) -> Expander | None:
    """The expander that the recipe names; None for ``none``. Nothing is connected yet."""
    if settings.expansion == "none":
        return None
    return Expander(settings.expansion, EndpointModel(endpoint), settings.expansion_temperature)


def bm25_query(method: Method, expansion: Expansion) -> str:
    """What BM25 searches for.

    >>> bm25_query("query2doc", Expansion("statins?", "They lower LDL."))
    'statins? statins? They lower LDL.'
    """
    query, passage = expansion.query, expansion.passage
    if not passage:
        return query
    return {"hyde": passage, "query2doc": f"{query} {query} {passage}", "lamer": f"{query} {passage}"}[method]


def dense_vectors(method: Method, expansions: Sequence[Expansion], encoder: Encoder) -> np.ndarray:
    """What dense search searches for, float32 [n_queries, dimension].

    The mean of two vectors is scaled to the mean of their lengths, so that scores stay comparable.
    """
    if method == "query2doc":
        return encoder.encode_queries([f"{e.query} [SEP] {e.passage}" if e.passage else e.query for e in expansions])
    queries = encoder.encode_queries([expansion.query for expansion in expansions])
    written = [place for place, expansion in enumerate(expansions) if expansion.passage]
    if not written:
        return queries
    vectors = queries.astype(np.float32, copy=True)
    passages = encoder.encode_passages([("", expansions[place].passage) for place in written])
    means = (vectors[written] + passages) / 2
    wanted = (np.linalg.norm(vectors[written], axis=1) + np.linalg.norm(passages, axis=1)) / 2
    lengths = np.linalg.norm(means, axis=1)
    vectors[written] = means * (wanted / np.where(lengths > 0, lengths, 1.0))[:, None]
    return vectors


def _shown(number: int, document: Document) -> str:
    text = f"{title_of(document)} {abstract_of(document)}".strip()[:_LONGEST_SEEN]
    return f'<source number="{number}">\n{fenced(text)}\n</source>'
