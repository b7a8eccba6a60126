"""Reading with a generator that may be slow or dead: the extractive reader steps in, and the answer says so."""

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncGenerator, Iterator, Sequence

from ragqa.answer.dialogue.turn import Turn
from ragqa.engine import AsRead, Engine
from ragqa.errors import BackendError, UsageError
from ragqa.retrieve.fuse import Candidates
from ragqa.serve.settings import Limits
from ragqa.serve.workers import BusyError, Workers
from ragqa.stages import Cancel
from ragqa.types import Answer, Notice, Statement

_log = logging.getLogger(__name__)
_EXTRACTIVE = "extractive"
_PAUSE_SECONDS = 10.0
"""After a failure the generator is left alone for this long: nobody waits for a time limit in vain."""


def has_generator(engine: Engine) -> bool:
    """Whether the engine's reader is another than the extractive one."""
    return engine.recipe.answer.reader != _EXTRACTIVE


class Generator:
    """The last stage for the questions of one engine whose reader is a generator.

    It gets ``limits.generator_seconds``; when it fails or takes longer, the extractive reader answers, the answer
    carries a notice of kind ``degraded``, and for the next seconds the generator is not even tried. After that one
    question tries it; the others wait for it to succeed. A question that it cannot take (its context is too short, its
    settings are wrong) is answered by the extractive reader, too, and keeps no other from it.
    """

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self._extractive = engine.with_reader(dataclasses.replace(engine.recipe.answer, reader=_EXTRACTIVE))
        self._seconds = limits.generator_seconds
        self._request_seconds = limits.request_seconds
        self._n_at_once = limits.generating
        self._n_running = 0
        self._down_until: float | None = None
        self._trying = False

    @property
    def degraded(self) -> bool:
        """Whether the generator failed and has not succeeded since."""
        return self._down_until is not None

    async def read(
        self, question: AsRead, candidates: Candidates, workers: Workers
    ) -> AsyncGenerator[Statement | Answer, None]:
        """Each statement from the candidates of the one question as it is there, and last the answer.

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
            try:
                with self._trial():
                    async with contextlib.aclosing(self._generated(question, candidates)) as items:
                        async for item in items:
                            if isinstance(item, Answer):
                                self._down_until = None  # who has the answer asks for nothing more
                            yield item
            except (BackendError, TimeoutError, UsageError) as error:
                reason = self._failed(error)
            else:
                return
            finally:
                self._n_running -= 1
        answer = await self._extracted(question, candidates, workers, reason)
        for statement in answer.statements:
            yield statement
        yield answer

    async def rewrite(self, message: str, earlier: Sequence[Turn]) -> str | None:
        """The message as a question that stands alone; "" where that is unclear, None where the generator fails."""
        if not self._may_try():
            return None
        try:
            with self._trial():
                question = await asyncio.wait_for(self._engine.rewrite(message, earlier), self._seconds)
        except (BackendError, TimeoutError, UsageError) as error:
            self._failed(error)
            return None
        if question is not None:  # a reader without a language model has tried nothing
            self._down_until = None
        return question

    async def _generated(self, question: AsRead, candidates: Candidates) -> AsyncGenerator[Statement | Answer, None]:
        ends = time.monotonic() + self._seconds
        async with contextlib.aclosing(self._engine.read_stream(question, candidates)) as items:
            while True:
                try:
                    # The limit is set for each item: one around the loop would strike whoever consumes this.
                    item = await asyncio.wait_for(anext(items), ends - time.monotonic())
                except StopAsyncIteration:
                    raise BackendError("the generator ended without an answer") from None
                yield item
                if isinstance(item, Answer):
                    return

    async def _extracted(self, question: AsRead, candidates: Candidates, workers: Workers, reason: str) -> Answer:
        def job(_: Cancel) -> Answer:
            return self._extractive.read(question, candidates, 0)

        answer = await workers.run(job, self._request_seconds)
        message = f"The generator was not available ({reason}); the extractive reader answered."
        return dataclasses.replace(answer, notices=(*answer.notices, Notice("degraded", message)))

    def _may_try(self) -> bool:
        return self._down_until is None or (time.monotonic() >= self._down_until and not self._trying)

    @contextlib.contextmanager
    def _trial(self) -> Iterator[None]:
        """The generator is asked; where it was given up, nobody else asks it meanwhile."""
        tries = self._down_until is not None
        self._trying = self._trying or tries
        try:
            yield
        finally:
            if tries:
                self._trying = False

    def _failed(self, error: Exception) -> str:
        """Why the generator did not answer, in words for who asks; its address and what it said are for the log."""
        if isinstance(error, UsageError):
            _log.warning("the generator cannot take a question: %s", error)
            return "it cannot take this question, or is set up wrongly"
        late = f"it did not answer within {self._seconds:g} s"
        self._down_until = time.monotonic() + _PAUSE_SECONDS
        _log.warning("the generator is given up for %g s: %s", _PAUSE_SECONDS, str(error) or late)
        return late if isinstance(error, TimeoutError) else "it failed or could not be reached"
