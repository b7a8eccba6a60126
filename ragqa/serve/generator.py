"""Reading with a generator that may be slow or dead: the extractive reader steps in, and the answer says so."""

import asyncio
import dataclasses
import logging
import time

from ragqa.engine import Engine
from ragqa.errors import BackendError
from ragqa.retrieve.fuse import Candidates
from ragqa.serve.staged import Event, Report
from ragqa.serve.workers import BusyError, Ticket, Workers
from ragqa.types import Answer, Notice, Question

_log = logging.getLogger(__name__)
_EXTRACTIVE = "extractive"
_PAUSE_SECONDS = 10.0
"""After a failure the generator is left alone for this long: nobody waits for a time limit in vain."""


def has_generator(engine: Engine) -> bool:
    """Whether the engine's reader is another than the extractive one."""
    return engine.recipe.answer.reader != _EXTRACTIVE


class Generator:
    """The last stage for the questions of one engine whose reader is a generator.

    It gets ``seconds``; when it fails or takes longer, the extractive reader answers, the answer carries a notice
    of kind ``degraded``, and for the next seconds the generator is not even tried. After that one question tries
    it; the others wait for it to succeed.
    """

    def __init__(self, engine: Engine, seconds: float, n_at_once: int) -> None:
        self._engine = engine
        self._extractive = engine.with_reader(dataclasses.replace(engine.recipe.answer, reader=_EXTRACTIVE))
        self._seconds = seconds
        self._n_at_once = n_at_once
        self._n_running = 0
        self._down_until: float | None = None
        self._trying = False

    @property
    def degraded(self) -> bool:
        """Whether the generator failed and has not succeeded since."""
        return self._down_until is not None

    async def read(self, question: Question, candidates: Candidates, workers: Workers, report: Report | None) -> Answer:
        """The answer from the candidates of the one question; each statement is reported as it is there.

        Raises
        ------
        BusyError
            As many questions are being written about as are allowed.
        """
        if self._n_running >= self._n_at_once:
            raise BusyError(int(self._seconds) // 4 + 1)
        reason = "it failed a moment ago"
        if self._may_try():
            self._n_running += 1
            self._trying = True
            try:
                answer = await self._generated(question, candidates, report)
            except (BackendError, TimeoutError) as error:
                late = f"it did not answer within {self._seconds:g} s"
                reason = late if isinstance(error, TimeoutError) else str(error)
                self._down_until = time.monotonic() + _PAUSE_SECONDS
                _log.warning("the generator is given up for %g s: %s", _PAUSE_SECONDS, reason)
            else:
                self._down_until = None
                return answer
            finally:
                self._n_running -= 1
                self._trying = False
        return await self._extracted(question, candidates, workers, report, reason)

    async def _generated(self, question: Question, candidates: Candidates, report: Report | None) -> Answer:
        answer: Answer | None = None
        async with asyncio.timeout(self._seconds):
            async for item in self._engine.read_stream(question, candidates, 0):
                if isinstance(item, Answer):
                    answer = item
                elif report is not None:
                    report(Event("statement", item))
        if answer is None:
            raise BackendError("the generator ended without an answer")
        return answer

    async def _extracted(
        self, question: Question, candidates: Candidates, workers: Workers, report: Report | None, reason: str
    ) -> Answer:
        def job(_: Ticket) -> Answer:
            return self._extractive.read(question, candidates, 0)

        answer = await workers.run(job, self._seconds)
        message = f"The generator was not available ({reason}); the extractive reader answered."
        answer = dataclasses.replace(answer, notices=(*answer.notices, Notice("degraded", message)))
        if report is not None:
            for statement in answer.statements:
                report(Event("statement", statement))
        return answer

    def _may_try(self) -> bool:
        return self._down_until is None or (time.monotonic() >= self._down_until and not self._trying)
