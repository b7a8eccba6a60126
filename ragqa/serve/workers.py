"""Bounded work: so many jobs at once in threads, so many waiting, and not one more; each owner in its turn."""

import asyncio
import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, TypeVar

from ragqa.stages import Cancel

T = TypeVar("T")

owner: ContextVar[str] = ContextVar("owner", default="")
"""On whose behalf work is done: the name of a key, "" where there are none."""

_REMEMBERED_SECONDS = 60.0
"""How long a thread is kept free of an owner's jobs after another owner had one."""

_WAITING_PART = 0.5
"""Part of a job's time that it may wait: what begins later would hardly be done in time."""


class BusyError(Exception):
    """Every thread is taken and the queue full or too slow; worth another try after ``retry_after_seconds``."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"the server is busy; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Workers:
    """Runs jobs in at most ``n_threads`` threads; at most ``n_waiting`` more wait.

    The next thread goes to the :data:`owner` with the fewest jobs in threads, among those to the one that waits longest
    for its turn; the jobs of one owner are served as they come. While several owners have had jobs of late, none gets
    the last thread besides its own others: who asks little is not held up by who asks much.

    Use it from one event loop. A thread cannot be stopped: a job that is given up (time limit, client gone)
    keeps its thread until it is asked whether it goes on, and only then does the thread take the next job.
    """

    def __init__(self, n_threads: int, n_waiting: int) -> None:
        self.n_threads = n_threads
        self.n_waiting = n_waiting
        self.waiting = 0
        self.on_change: Callable[[int, int], object] = lambda *_: None
        """Called with how many jobs are in threads and how many wait, whenever that changes."""
        self._under_way: set[asyncio.Future[Any]] = set()
        self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix="work")
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}
        self._n_running = Counter[str]()  # jobs in threads by owner, whoever waits for them
        self._seen = dict[str, float]()  # when each owner last had a job
        self._mean_seconds = defaultdict[float, float](lambda: 1.0)
        """How long jobs have taken of late, by the time that they may take: a text takes longer than a question."""

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
        return self._n_running.total() >= self.n_threads and self.waiting >= self.n_waiting

    async def run(self, job: Callable[[Cancel], T], seconds: float) -> T:
        """The result of ``job``.

        Raises
        ------
        BusyError
            The queue is full; or as long that the job would not be done within ``seconds``; or half of them went by,
            and it was not the job's turn.
        TimeoutError
            Waiting and working took longer than ``seconds``.
        """
        name = owner.get()
        self._seen[name] = asyncio.get_running_loop().time()
        waits = name in self._lines or not self._may_start(name)
        if waits and (self.waiting >= self.n_waiting or self._expected_seconds(name, seconds) > seconds):
            raise BusyError(self._retry_after_seconds(seconds))
        cancel = Cancel()
        try:
            async with asyncio.timeout(seconds):
                if waits:
                    await self._wait(name, seconds)
                else:
                    self._n_running[name] += 1
                return await asyncio.shield(self._start(name, job, seconds, cancel))
        finally:
            cancel.cancel()

    def close(self) -> None:
        """Let running jobs finish and stop the threads."""
        self._threads.shutdown()

    async def _wait(self, name: str, seconds: float) -> None:
        """Wait for a thread of the owner's, but not longer than a part of the job's ``seconds``."""
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(name, deque()).append(turn)
        self.waiting += 1
        self._changed()
        try:
            async with asyncio.timeout(_WAITING_PART * seconds):
                await turn
        except (asyncio.CancelledError, TimeoutError) as error:
            if turn.done() and not turn.cancelled():  # its turn came in the same moment
                self._give_back(name)
            else:
                self._leave(name, turn)
            if isinstance(error, TimeoutError):
                raise BusyError(self._retry_after_seconds(seconds)) from error
            raise

    def _start(self, name: str, job: Callable[[Cancel], T], seconds: float, cancel: Cancel) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        future = loop.run_in_executor(self._threads, job, cancel)
        self._under_way.add(future)
        self._changed()

        def finished(done: asyncio.Future[T]) -> None:
            self._under_way.discard(done)
            self._mean_seconds[seconds] += 0.1 * (loop.time() - began - self._mean_seconds[seconds])
            self._give_back(name)
            self._changed()
            with suppress(asyncio.CancelledError):
                done.exception()  # marks it as seen where nobody waits any more

        future.add_done_callback(finished)
        return future

    def _may_start(self, name: str) -> bool:
        """Whether there is a thread for one more job of an owner."""
        n_free = self.n_threads - self._n_running.total()
        if n_free != 1 or self._n_running[name] == 0:
            return n_free > 0
        now = asyncio.get_running_loop().time()
        return not any(now - seen < _REMEMBERED_SECONDS for other, seen in self._seen.items() if other != name)

    def _give_back(self, name: str) -> None:
        """Give a thread that an owner has used, and every other that is free, to those whose turn it is."""
        self._n_running[name] -= 1
        while (following := self._following()) is not None:
            turn = self._lines[following].popleft()
            line = self._lines.pop(following)
            if line:
                self._lines[following] = line  # behind all others
            self.waiting -= 1
            if not turn.cancelled():  # else who waited leaves in this very moment
                self._n_running[following] += 1
                turn.set_result(None)

    def _following(self) -> str | None:
        """The owner whose turn it is; None where no thread is free for any that waits."""
        ready = [name for name in self._lines if self._may_start(name)]
        return min(ready, key=lambda name: self._n_running[name], default=None)

    def _leave(self, name: str, turn: asyncio.Future[None]) -> None:
        """Give up a place in the line, unless the turn has just come and was passed on."""
        line = self._lines.get(name, deque())
        if turn not in line:
            return
        line.remove(turn)
        if not line:
            del self._lines[name]
        self.waiting -= 1
        self._changed()

    def _changed(self) -> None:
        self.on_change(self.running, self.waiting)

    def _expected_seconds(self, name: str, seconds: float) -> float:
        """In how many seconds a job of an owner that came now would be done; the owners take turns.

        Those before it are taken for jobs of the same time limit.
        """
        own = len(self._lines.get(name, ()))
        others = sum(min(len(line), own + 1) for other, line in self._lines.items() if other != name)
        return self._mean_seconds[seconds] * (own + others + 1) / self.n_threads

    def _retry_after_seconds(self, seconds: float) -> int:
        expected = self._mean_seconds[seconds] * (self.waiting + 1) / self.n_threads
        return min(60, max(1, math.ceil(expected)))
