"""The lines of a run: what ``questions.jsonl`` holds, how it is read, and how a torn end is mended."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from ragqa.errors import ProductError
from ragqa.evaluate.measures.bioasq.question import BioasqSnippet
from ragqa.evaluate.tasks.outcomes import LabelOutcome, SearchOutcome
from ragqa.types import Answer

_log = logging.getLogger(__name__)
QUESTIONS_FILE = "questions.jsonl"
_REMEDY = "delete the folder and run the same command again"


@dataclass(frozen=True, slots=True)
class RunHits:
    """The hits of one question, best first, a column for each score.

    Attributes
    ----------
    document_ids
        The documents.
    scores
        Score of the last stage.
    stages
        Stage (``bm25``, ``dense``, ``fusion``, ``rerank``) → its raw score of each document, None where the stage
        did not find it.
    """

    document_ids: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    stages: dict[str, list[float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CitedSection:
    """The text of a section that an answer cites, as it stood in the store when the answer was given."""

    document_id: str
    section: str
    text: str


@dataclass(frozen=True, slots=True)
class QuestionLine:
    """One line of ``questions.jsonl``.

    Attributes
    ----------
    id, question
        As in the task.
    query
        What was searched for; "" where nothing was.
    hits
        What retrieval returned; of a reader that searches several times, what all of its searches brought.
    answer
        What the reader made of it, without its hits; None where the task asks for none, or under an error.
    cited
        The cited sections, so that citations can be judged from the run alone.
    snippets
        The cited spans as BioASQ's snippets.
    choice
        Multiple choice: the letter that was chosen; None where none was, or no options were given.
    labelled
        For a claim or a question on a trial, in place of an answer: its label.
    searched
        How it was searched for, where the reader searches several times or the task asks how often it did.
    timings_ms
        Milliseconds of each stage. Where questions were worked on in a batch, the batch's time by its number of
        questions: a share of the cost, not a latency.
    error
        Why there is no answer; "" where all went well.
    """

    id: str
    question: str
    query: str = ""
    hits: RunHits = RunHits()
    answer: Answer | None = None
    cited: list[CitedSection] = field(default_factory=list)
    snippets: list[BioasqSnippet] = field(default_factory=list)
    choice: str | None = None
    labelled: LabelOutcome | None = None
    searched: SearchOutcome | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    error: str = ""


def read_lines(path: Path) -> Iterator[QuestionLine]:
    """The lines of a run, one at a time; a torn last line is passed over.

    Raises
    ------
    ProductError
        A line is damaged; the message names it.
    """
    decoder = msgspec.json.Decoder(QuestionLine)
    for number, raw in _raw_lines(path):
        try:
            yield decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProductError(f"{path / QUESTIONS_FILE}, line {number}: damaged ({error}); {_REMEDY}") from error


def repair(path: Path) -> int:
    """Cut off a torn last line, saying so; returns the number of bytes that were cut."""
    file_path = path / QUESTIONS_FILE
    if not file_path.exists():
        file_path.touch()
        return 0
    return cut_torn_line(file_path)


def cut_torn_line(file_path: Path) -> int:
    """Cut off the last line of a file where it does not end, saying so; returns the number of bytes that were cut."""
    with file_path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        end = _end_of_last_line(file, size)
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())
            _log.warning(
                "%s ended in a torn line of %d bytes: cut off, its question is asked again", file_path, size - end
            )
    return size - end


def forget_failed(path: Path) -> None:
    """Drop the lines that have an error, so that their questions are asked again."""
    kept = [line for line in read_lines(path) if not line.error]
    temporary = path / (QUESTIONS_FILE + ".tmp")
    encoder = msgspec.json.Encoder()
    with temporary.open("wb") as file:
        file.writelines(encoder.encode(line) + b"\n" for line in kept)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path / QUESTIONS_FILE)


class _OnlyId(msgspec.Struct):
    id: str


def question_ids(path: Path) -> set[str]:
    """The questions that have a line.

    Raises
    ------
    ProductError
        A line is damaged, or a question has two.
    """
    decoder = msgspec.json.Decoder(_OnlyId)
    done: set[str] = set()
    for number, raw in _raw_lines(path):
        try:
            question_id = decoder.decode(raw).id
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProductError(f"{path / QUESTIONS_FILE}, line {number}: damaged ({error}); {_REMEDY}") from error
        if question_id in done:
            raise ProductError(f"{path / QUESTIONS_FILE}, line {number}: {question_id!r} is there twice; {_REMEDY}")
        done.add(question_id)
    return done


def _raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with (path / QUESTIONS_FILE).open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if raw.endswith(b"\n"):
                    yield number, raw
    except OSError as error:
        raise ProductError(f"cannot read {path / QUESTIONS_FILE}: {error.strerror}; {_REMEDY}") from error


def _end_of_last_line(file: BinaryIO, size: int) -> int:
    """Position after the last newline."""
    position, step = size, 1 << 16
    while position > 0:
        start = max(0, position - step)
        file.seek(start)
        newline = file.read(position - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0
