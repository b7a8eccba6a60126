"""The next query of a reader that searches several times, and what it is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ragqa.types import Document, Question


@dataclass(frozen=True, slots=True)
class Weighed:
    """A document that was found, and how well it fits the question, 0 to 1."""

    document: Document
    fit: float


class QueryWriter(Protocol):
    """Writes queries. May be shared between threads."""

    def next_query(self, question: Question, queries: Sequence[str], seen: Sequence[Weighed]) -> str:
        """What to search for after ``queries``, which brought the documents ``seen``; "" where nothing is left."""
        ...
