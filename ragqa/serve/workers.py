"""Bounded work: so many jobs at once in threads, so many waiting, and not one more."""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from ragqa.stages import Cancel

T = TypeVar("T")


class BusyError(Exception):
    """Every thread is taken and the queue is full; worth another try after ``retry_after_seconds``."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"the server is busy; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Workers:
    """Runs jobs in at most ``n_threads`` threads; at most ``n_waiting`` more wait, first come, first served.

    Use it from one event loop. A thread cannot be stopped: a job that is given up (time limit, client gone)
    keeps its thread until it is asked whether it goes on, and only then does the thread take the next job.
    """

    def __init__(self, n_threads: int, n_waiting: int) -> None:
        self.n_threads = n_threads
        self.n_waiting = n_waiting
        self.waiting = 0
        self._under_way: set[asyncio.Future[Any]] = set()
        self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix="work")
        self._free = asyncio.Semaphore(n_threads)
        self._mean_seconds = 1.0

    @property
    def running(self) -> int:
        """How many jobs are in threads, those included whose result nobody waits for any more."""
        return len(self._under_way)

    def under_way(self) -> set[asyncio.Future[Any]]:
        """The jobs that are in threads now; may be called from any thread."""
        return self._under_way.copy()

    @property
    def full(self) -> bool:
        """Whether one more job would be refused."""
        return self._free.locked() and self.waiting >= self.n_waiting

    async def run(self, job: Callable[[Cancel], T], seconds: float) -> T:
        """The result of ``job``.

        Raises
        ------
        BusyError
            The queue is full.
        TimeoutError
            Waiting and working took longer than ``seconds``.
        """
        if self.full:
            raise BusyError(self._retry_after_seconds())
        cancel = Cancel()
        try:
            async with asyncio.timeout(seconds):
                await self._wait()
                return await asyncio.shield(self._start(job, cancel))
        finally:
            cancel.cancel()

    def close(self) -> None:
        """Let running jobs finish and stop the threads."""
        self._threads.shutdown()

    async def _wait(self) -> None:
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1

    def _start(self, job: Callable[[Cancel], T], cancel: Cancel) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        future = loop.run_in_executor(self._threads, job, cancel)
        self._under_way.add(future)

        def finished(done: asyncio.Future[T]) -> None:
            self._under_way.discard(done)
            self._free.release()
            self._mean_seconds += 0.1 * (loop.time() - began - self._mean_seconds)
            with suppress(asyncio.CancelledError):
                done.exception()  # marks it as seen where nobody waits any more

        future.add_done_callback(finished)
        return future

    def _retry_after_seconds(self) -> int:
        seconds = self._mean_seconds * (self.waiting + 1) / self.n_threads
        return min(60, max(1, math.ceil(seconds)))
