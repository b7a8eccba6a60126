"""Readers: what turns a question and documents into statements with their spans, looked up by name.

A reader that searches for itself, as often as it likes, is a :class:`SearchingReader` besides.

Another package adds a reader through the entry-point group ``ragqa.readers``; the entry point is a callable that
takes the same arguments as :func:`open_reader`.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable

from ragqa.answer.reading import Encode, Reading
from ragqa.errors import UsageError, nearest
from ragqa.recipe import AnswerSettings
from ragqa.retrieve.trail import Search
from ragqa.types import Document, Question

ENTRY_POINT_GROUP = "ragqa.readers"
_SHIPPED = (
    EntryPoint("extractive", "ragqa.answer.extractive.reader:ExtractiveReader.open", ENTRY_POINT_GROUP),
    EntryPoint("chat", "ragqa.answer.chat.reader:ChatReader.open", ENTRY_POINT_GROUP),
    EntryPoint("iterative", "ragqa.answer.iterative.reader:IterativeReader.open", ENTRY_POINT_GROUP),
)
Opener = Callable[[AnswerSettings, Encode | None], "Reader"]


class Reader(Protocol):
    """Reads documents to answer a question. May be shared between threads."""

    def read(self, question: Question, documents: Sequence[Document], scores: Sequence[float]) -> Reading:
        """Answer ``question`` from ``documents``, best first, with their retrieval ``scores``."""
        ...


@runtime_checkable
class SearchingReader(Protocol):
    """What a reader that searches several times offers besides ``read``, which is for given documents.

    Whoever runs it keeps what it searched for and what that brought (:attr:`ragqa.types.Answer.searches`); a reader
    may cite any document that a search brought.
    """

    def read_searching(self, question: Question, search: Search) -> Reading:
        """Answer ``question`` from what its own searches bring."""
        ...


def answering(reader: Reader) -> Reader:
    """The reader that answers in the end: the inner one of a reader that works for another, else the reader itself."""
    inner: Reader = getattr(reader, "inner", reader)
    return inner


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
    points = {point.name: point for point in (*entry_points(group=ENTRY_POINT_GROUP), *_SHIPPED)}
    if settings.reader not in points:
        raise UsageError(f"there is no reader {settings.reader!r}; {nearest(settings.reader, [*points])}")
    opener: Opener = points[settings.reader].load()
    return opener(settings, encode)
