"""A question as an index reads it, made once: every stage is handed the same, from searching to the notices."""

import dataclasses
from dataclasses import dataclass

from ragqa.answer.unknown import unknown_words
from ragqa.corpus.mesh import Mesh
from ragqa.errors import UsageError
from ragqa.index.lexicon import Lexicon
from ragqa.retrieve.normalise import Normalised, normalise
from ragqa.types import Filter, Question

MAX_QUESTION_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class AsRead:
    """A question as it was asked, as it is searched for, and as it is read.

    What a reader makes of its words (type, language, focus) is :class:`ragqa.answer.question.AskedFor`.

    Attributes
    ----------
    asked
        The question, word by word.
    read
        What the reader gets: the same in the words of the index.
    searched
        What is searched for: the words that are read, and the abbreviations that were written out.
    changes
        What was written → how it is read.
    unknown
        The telling words that no document of the index has, as they are read, in order.
    allowed
        Which documents may be found, as the index obeys it.
    """

    asked: Question
    read: Question
    searched: str
    changes: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    allowed: Filter = Filter()


def as_read(
    question: Question, lexicon: Lexicon | None, allowed: Filter, *, normalises: bool, mesh: Mesh | None = None
) -> AsRead:
    """Read a question with the words of an index.

    Parameters
    ----------
    lexicon
        The words; None where the index keeps none.
    allowed
        As :meth:`ragqa.retrieve.filter_names.FilterNames.resolved` gives it.
    normalises
        Whether it is written as the documents would write it.
    mesh
        Headings for entry terms that the documents lack; None where the corpus keeps none.

    Raises
    ------
    UsageError
        As :func:`check_question`.
    """
    check_question(question.text)
    plain = Normalised(question.text, question.text)
    normalised = normalise(question.text, lexicon, mesh) if lexicon is not None and normalises else plain
    read = dataclasses.replace(question, text=normalised.text)
    unknown = unknown_words(read.text, lexicon)
    return AsRead(question, read, normalised.searched, normalised.changes, unknown, allowed)


def check_question(text: str) -> None:
    """Refuse a question that nothing can be searched for.

    Raises
    ------
    UsageError
        It is empty or longer than 100,000 characters.
    """
    if not text.strip():
        raise UsageError("the question is empty; ask something, for example: Do statins prevent atrial fibrillation?")
    if len(text) > MAX_QUESTION_CHARACTERS:
        raise UsageError(f"the question has {len(text):,} characters; at most {MAX_QUESTION_CHARACTERS:,} are allowed")
