"""Reading with a generator that may be slow or dead: the extractive reader steps in, and the answer says so."""

import dataclasses
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

from ragqa.engine import Engine
from ragqa.errors import BackendError
from ragqa.retrieve.fuse import Candidates
from ragqa.types import Answer, Notice, Question

_log = logging.getLogger(__name__)
_EXTRACTIVE = "extractive"
_PAUSE_SECONDS = 10.0
"""After a failure the generator is left alone for this long: nobody waits for a time limit in vain."""


class Reading:
    """The last stage for the questions of one engine.

    With the extractive reader it is the engine's own. With any other it gets ``seconds``; when it fails or
    takes longer, the extractive reader answers, the answer carries a notice of kind ``degraded``, and for the
    next seconds the generator is not even tried.
    """

    def __init__(self, engine: Engine, seconds: float, n_threads: int) -> None:
        self._seconds = seconds
        self._down_until = 0.0
        self._threads: ThreadPoolExecutor | None = None
        self._extractive = engine
        if engine.recipe.answer.reader != _EXTRACTIVE:
            self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix="generate")
            settings = dataclasses.replace(engine.recipe.answer, reader=_EXTRACTIVE)
            self._extractive = engine.with_reader(settings)

    @property
    def degraded(self) -> bool:
        """Whether the generator failed a moment ago and is left alone."""
        return time.monotonic() < self._down_until

    def read(self, engine: Engine, question: Question, candidates: Candidates) -> Answer:
        """The answer from the candidates of the first (the only) question."""
        if self._threads is None:
            return engine.read(question, candidates, 0)
        reason = "it failed a moment ago"
        if not self.degraded:
            future = self._threads.submit(engine.read, question, candidates, 0)
            try:
                return future.result(timeout=self._seconds)
            except FutureTimeoutError:
                future.cancel()
                reason = f"it did not answer within {self._seconds:g} s"
            except BackendError as error:
                reason = str(error)
            self._down_until = time.monotonic() + _PAUSE_SECONDS
            _log.warning("the generator is given up for %g s: %s", _PAUSE_SECONDS, reason)
        answer = self._extractive.read(question, candidates, 0)
        notice = Notice("degraded", f"The generator was not available ({reason}); the extractive reader answered.")
        return dataclasses.replace(answer, notices=(*answer.notices, notice))

    def close(self) -> None:
        """Stop the threads without waiting for a generator that hangs."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
