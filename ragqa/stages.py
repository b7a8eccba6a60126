"""What is told about a question on its way through the stages, and how it is given up between two of them."""

import dataclasses
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ragqa.types import Answer


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """An article that goes on to be read, as a waiting person may be shown it."""

    document_id: str
    title: str
    year: int | None


@dataclass(frozen=True, slots=True)
class StageDone:
    """A stage (``retrieve``, ``rerank``, ``read``) that ended, how long it took, and what it found.

    ``n_documents`` counts what was found, what goes on to be read, and what is cited; ``documents`` are the best
    after reranking.
    """

    name: str
    ms: float
    n_documents: int = 0
    documents: tuple[FoundDocument, ...] = ()


OnStage = Callable[[StageDone], None]
"""Called as each stage ends, in the thread that worked on it."""


class QuestionCancelledError(Exception):
    """Raised between two stages of a question whose answer nobody waits for any more."""


class Cancel:
    """Tells the work on a question, in whichever thread, whether anybody still waits for it."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise :class:`QuestionCancelledError` after :meth:`cancel`."""
        if self._cancelled.is_set():
            raise QuestionCancelledError


@dataclass(slots=True)
class Clock:
    """Milliseconds of the stages of one question, from its making on."""

    timings_ms: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def on(self, answer: Answer) -> Answer:
        """The answer with the milliseconds of all stages and their total."""
        timings = {**self.timings_ms, "total": ms_since(self.began)}
        return dataclasses.replace(answer, timings_ms={stage: round(value, 3) for stage, value in timings.items()})


def n_cited(answer: Answer) -> int:
    """How many articles an answer rests on: none under an abstention."""
    return sum(source.cited for source in answer.sources)


def ms_since(began: float) -> float:
    """Milliseconds since a reading of ``time.perf_counter``."""
    return round((time.perf_counter() - began) * 1000, 3)
