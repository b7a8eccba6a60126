"""How a question is answered by a served index: in one thread, or with a generator that holds none."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from ragqa.answer.dialogue.on_topic import kept_on_topic
from ragqa.answer.dialogue.understand import Understood
from ragqa.engine import AsRead, ReadyToRead
from ragqa.errors import ProductError
from ragqa.retrieve.fuse import Candidates
from ragqa.serve import audit, traces
from ragqa.serve.events import Event, Report
from ragqa.serve.generator import Generator
from ragqa.serve.served import Served
from ragqa.serve.settings import Limits
from ragqa.serve.workers import Workers
from ragqa.stages import Cancel, StageDone
from ragqa.types import Answer, Filter, Question, Statement


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers questions from one state of an index, in some threads and within some limits."""

    served: Served
    workers: Workers
    limits: Limits

    async def answered(self, question: Question, allowed: Filter, report: Report | None) -> Answer:
        """The answer of an index to a question that stands alone; ``report`` is called as the stages end.

        Raises
        ------
        UsageError
            The question is empty, or the filter can match nothing.
        BusyError, TimeoutError
            As :meth:`ragqa.serve.workers.Workers.run`.
        """
        audited = audit.begin(self.served.name, self.served.engine.index.manifest_hash, question.text)
        if self.served.generator is None:
            answer = await self._read_out(question, allowed, report)
        else:
            answer = await self._written(self.served.generator, question, allowed, report)
        audited.tells(source.document_id for source in answer.sources)
        audited.tells(hit.document_id for hit in answer.hits)
        return answer

    async def on_topic(self, answer: Answer, read: Understood) -> Answer:
        """The answer to a completed question, or an abstention where it strayed."""
        cited = [source.document_id for source in answer.sources if source.cited]
        if not read.is_completed or not cited:
            return answer
        engine = self.served.engine

        def job(_: Cancel) -> Answer:
            documents = engine.store.read(engine.store.find(cited))
            return kept_on_topic(answer, read, {document.id: document for document in documents})

        return await self.workers.run(job, self.limits.request_seconds)

    async def _read_out(self, question: Question, allowed: Filter, report: Report | None) -> Answer:
        """All stages in one thread, so that a question waits for its turn once."""
        loop = asyncio.get_running_loop()

        def tell(stage: StageDone) -> None:
            if report is not None:
                loop.call_soon_threadsafe(report, Event("stage", stage))

        on_stage = traces.noting(self.served.name, tell if report else None)

        def job(cancel: Cancel) -> Answer:
            return self.served.engine.ask(question, allowed=allowed, on_stage=on_stage, cancel=cancel)

        answer = await self.workers.run(job, self.limits.request_seconds)
        if report is not None:
            for statement in answer.statements:
                report(Event("statement", statement))
        return answer

    async def _written(
        self,
        generator: Generator,
        question: Question,
        allowed: Filter,
        report: Report | None,
    ) -> Answer:
        """The last stage in the event loop: a generator is waited for, and holds no thread."""
        note = traces.noting(self.served.name, None)

        def run(find: Callable[[Cancel], ReadyToRead]) -> Awaitable[ReadyToRead]:
            return self.workers.run(find, self.limits.request_seconds)

        def read(asked: AsRead, candidates: Candidates) -> AsyncGenerator[Statement | Answer, None]:
            return generator.read(asked, candidates, self.workers)

        async with contextlib.aclosing(self.served.engine.stream(question, allowed, run=run, read=read)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    return item
                if note is not None and isinstance(item, StageDone):
                    note(item)
                if report is not None:
                    report(Event("stage" if isinstance(item, StageDone) else "statement", item))
        raise ProductError("the question ended without an answer; this is a fault of ragqa")
