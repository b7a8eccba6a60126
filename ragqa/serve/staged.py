"""One question through the stages of an engine, telling about each stage as it ends."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ragqa.corpus.text import title_of
from ragqa.engine import Engine
from ragqa.retrieve.fuse import Candidates
from ragqa.retrieve.retriever import found_rows
from ragqa.serve.workers import Ticket
from ragqa.types import Answer, Filter, Question


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a waiting client may be told: ``stage`` or ``statement``, with what belongs to it."""

    kind: str
    data: Any


@dataclass(frozen=True, slots=True)
class StageDone:
    """A stage (``retrieve``, ``rerank``, ``read``) that ended, how long it took, and what it found.

    ``n_documents`` counts what was found, what goes on to be read, and what is cited; ``documents`` are the best
    after reranking, as id, title and year.
    """

    name: str
    ms: float
    n_documents: int = 0
    documents: tuple[dict[str, Any], ...] = ()


Report = Callable[[Event], None]


@dataclass(slots=True)
class Clock:
    """Milliseconds of the stages of one question, from its making on."""

    timings_ms: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def on(self, answer: Answer) -> Answer:
        """The answer with the milliseconds of all stages and their total."""
        timings = {**self.timings_ms, "total": ms_since(self.began)}
        return dataclasses.replace(answer, timings_ms={stage: round(value, 3) for stage, value in timings.items()})


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way: what is asked of which engine, who still waits, and who is told."""

    engine: Engine
    question: Question
    allowed: Filter
    ticket: Ticket
    report: Report | None = None

    def tell(self, kind: str, data: Any) -> None:
        """Report something, where anybody listens."""
        if self.report is not None:
            self.report(Event(kind, data))


def answer_in_stages(asked: Asked) -> Answer:
    """What :meth:`ragqa.engine.Engine.ask` does, stage by stage; the statements are reported at the end."""
    clock = Clock()
    candidates = find(asked, clock)
    began = time.perf_counter()
    answer = asked.engine.read(asked.question, candidates, 0)
    clock.timings_ms["read"] = ms_since(began)
    asked.tell("stage", StageDone("read", clock.timings_ms["read"], n_cited(answer)))
    for statement in answer.statements:
        asked.tell("statement", statement)
    return clock.on(answer)


def find(asked: Asked, clock: Clock) -> Candidates:
    """The stages before reading. Between them the ticket is looked at, so that nothing is done for nobody."""
    engine, text = asked.engine, asked.question.text
    n_documents = engine.recipe.answer.n_documents
    asked.ticket.check()
    found = engine.retrieve([text], n_documents, asked.allowed, clock.timings_ms)
    asked.tell("stage", StageDone("retrieve", ms_since(clock.began), int((found.rows[0] >= 0).sum())))
    asked.ticket.check()
    began = time.perf_counter()
    ordered = engine.rerank([text], found)
    clock.timings_ms["rerank"] = ms_since(began)
    asked.ticket.check()
    if asked.report is not None:
        best = engine.store.read(found_rows(ordered, 0, n_documents))
        documents = tuple({"document_id": d.id, "title": title_of(d), "year": d.year} for d in best)
        asked.tell("stage", StageDone("rerank", clock.timings_ms["rerank"], len(documents), documents))
    return ordered


def n_cited(answer: Answer) -> int:
    """How many articles an answer rests on: none under an abstention."""
    return sum(source.cited for source in answer.sources)


def ms_since(began: float) -> float:
    """Milliseconds since a reading of ``time.perf_counter``."""
    return round((time.perf_counter() - began) * 1000, 3)
