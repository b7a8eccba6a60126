"""One question through the stages of an engine, telling about each stage as it ends."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ragqa.corpus.text import title_of
from ragqa.engine import Engine
from ragqa.retrieve.retriever import found_rows
from ragqa.serve.fallback import Reading
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

    ``n_documents`` counts the candidates; ``documents`` are the best after reranking, as id, title and year.
    """

    name: str
    ms: float
    n_documents: int = 0
    documents: tuple[dict[str, Any], ...] = ()


Report = Callable[[Event], None]


def answer_in_stages(
    engine: Engine, reading: Reading, question: Question, allowed: Filter, *, ticket: Ticket, report: Report | None
) -> Answer:
    """What :meth:`ragqa.engine.Engine.ask` does, stage by stage.

    Parameters
    ----------
    reading
        The last stage: the engine's own reader, or another when that fails.
    ticket
        Looked at between the stages, so that a question that nobody waits for is given up.
    report
        Called after each stage, and once for each statement.
    """
    began = time.perf_counter()
    timings: dict[str, float] = {}
    n_documents = engine.recipe.answer.n_documents
    found = engine.retrieve([question.text], n_documents, allowed, timings)
    ticket.check()
    if report is not None:
        n_found = int((found.rows[0] >= 0).sum())
        report(Event("stage", StageDone("retrieve", _ms_since(began), n_found)))
    rerank_began = time.perf_counter()
    ordered = engine.rerank([question.text], found)
    timings["rerank"] = _ms_since(rerank_began)
    ticket.check()
    if report is not None:
        best = engine.store.read(found_rows(ordered, 0, n_documents))
        documents = tuple({"document_id": d.id, "title": title_of(d), "year": d.year} for d in best)
        report(Event("stage", StageDone("rerank", timings["rerank"], len(documents), documents)))
    read_began = time.perf_counter()
    answer = reading.read(engine, question, ordered)
    timings["read"] = _ms_since(read_began)
    ticket.check()
    if report is not None:
        report(Event("stage", StageDone("read", timings["read"], len(answer.sources))))
        for statement in answer.statements:
            report(Event("statement", statement))
    timings["total"] = _ms_since(began)
    return dataclasses.replace(answer, timings_ms={stage: round(value, 3) for stage, value in timings.items()})


def _ms_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)
