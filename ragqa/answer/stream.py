"""Readers that give their statements as they write them."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from ragqa.answer.reading import Reading
from ragqa.types import Document, Question, Statement


@runtime_checkable
class StreamingReader(Protocol):
    """What a reader that writes offers besides ``read``."""

    def stream(
        self, question: Question, documents: Sequence[Document], scores: Sequence[float]
    ) -> AsyncIterator[Statement | Reading]:
        """Each checked statement as soon as it is written, and last the whole reading; cancelling stops the work."""
        ...
