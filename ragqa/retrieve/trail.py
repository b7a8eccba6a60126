"""The searches of a reader that searches several times: made for it, kept, and put together as one list."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ragqa.types import Document, Hit, SearchStep

Fetch = Callable[[str, int], tuple[Sequence[Hit], Sequence[Document]]]
"""``fetch(query, k)``: the ``k`` best hits for a query in order, and their documents."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one search brought: documents, best first, and their scores, which no two searches have in common."""

    documents: tuple[Document, ...]
    scores: tuple[float, ...]


class Search(Protocol):
    """Searches for a reader."""

    def __call__(self, query: str, k: int, without: Collection[str] = ()) -> Found:
        """The ``k`` best documents for ``query``, those left out whose ids are in ``without``.

        Raises
        ------
        UsageError
            The query is empty or too long, or ``k`` is below 1.
        """
        ...


class Trail:
    """Makes the searches of one question and keeps them; its :meth:`search` is what a reader is given.

    Attributes
    ----------
    steps
        The searches so far, in order.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._hits: dict[str, Hit] = {}
        self._documents: dict[str, Document] = {}
        self.steps: list[SearchStep] = []

    def search(self, query: str, k: int, without: Collection[str] = ()) -> Found:
        """As :class:`Search` says."""
        hits, documents = self._fetch(query, k + len(without))
        kept = [pair for pair in zip(hits, documents, strict=True) if pair[0].document_id not in without][:k]
        for hit, document in kept:
            self._hits.setdefault(hit.document_id, hit)
            self._documents.setdefault(hit.document_id, document)
        self.steps.append(SearchStep(query, tuple(hit.document_id for hit, _ in kept)))
        return Found(tuple(document for _, document in kept), tuple(hit.score for hit, _ in kept))

    def merged(self) -> tuple[list[Hit], list[Document]]:
        """All documents that the searches brought, once each, in the order in which they were found.

        Scores of different searches do not compare: a hit's score is 1 by its place, its stage scores are those of the
        search that found it first.
        """
        hits = [replace(hit, rank=rank, score=1.0 / rank) for rank, hit in enumerate(self._hits.values(), start=1)]
        return hits, list(self._documents.values())
