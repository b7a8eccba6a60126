"""Readers: what turns a question and documents into statements with their spans, looked up by name.

Another package adds a reader through the entry-point group ``ragqa.readers``; the entry point is a callable that
takes the same arguments as :func:`open_reader`.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Protocol

import numpy as np

from ragqa.answer.reading import Reading
from ragqa.errors import UsageError, nearest
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Question

ENTRY_POINT_GROUP = "ragqa.readers"
Encode = Callable[[Sequence[str]], np.ndarray]
"""Sentences → float32 [n_sentences, dimension], each row of length 1."""


class Reader(Protocol):
    """Reads documents to answer a question. May be shared between threads."""

    def read(self, question: Question, documents: Sequence[Document], scores: Sequence[float]) -> Reading:
        """Answer ``question`` from ``documents``, best first, with their retrieval ``scores``."""
        ...


def open_reader(settings: AnswerSettings, encode: Encode | None = None) -> Reader:
    """Open the reader that a recipe names.

    Parameters
    ----------
    settings
        The recipe's ``answer`` table.
    encode
        The index's sentence encoder, or None where it has none.

    Raises
    ------
    UsageError
        There is no reader of that name.
    """
    readers: dict[str, Callable[[AnswerSettings, Encode | None], Reader]] = {"extractive": _extractive, "chat": _chat}
    if settings.reader not in readers:
        plugins = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
        if settings.reader not in plugins:
            known = nearest(settings.reader, [*readers, *plugins])
            raise UsageError(f"there is no reader {settings.reader!r}; {known}")
        readers[settings.reader] = plugins[settings.reader].load()
    return readers[settings.reader](settings, encode)


def _extractive(settings: AnswerSettings, encode: Encode | None) -> Reader:
    from ragqa.answer.extractive import ExtractiveReader

    return ExtractiveReader.open(settings, encode)


def _chat(settings: AnswerSettings, encode: Encode | None) -> Reader:
    from ragqa.answer.chat.reader import ChatReader

    return ChatReader.open(settings, encode)
