"""The next query of a reader that searches several times, and what it is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ragqa.answer.chat.conversation import Spent
from ragqa.types import Document, Question


@dataclass(frozen=True, slots=True)
class Weighed:
    """A document that was found, and how well it fits the question, 0 to 1."""

    document: Document
    fit: float


class QueryWriter(Protocol):
    """Writes queries. May be shared between threads."""

    @property
    def in_flight(self) -> int:
        """Questions that it may write for at once."""
        ...

    @property
    def prompts_hash(self) -> str:
        """Hash of all prompts in force; "" where it has none."""
        ...

    def next_query(self, question: Question, queries: Sequence[str], seen: Sequence[Weighed], spent: Spent) -> str:
        """What to search for after ``queries``, which brought the documents ``seen``; "" where nothing is left.

        What a language model did for it is added to ``spent``.
        """
        ...
