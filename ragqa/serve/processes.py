"""Several worker processes behind one listening socket: begun, watched, replaced where one ends, and ended together."""

import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any

from prometheus_client.multiprocess import mark_process_dead

from ragqa.errors import BackendError, RagqaError
from ragqa.scratch import held_folder, hold
from ragqa.serve import systemd
from ragqa.serve.accepting import Shares
from ragqa.serve.ledger import Ledger

_log = logging.getLogger(__name__)
BACKLOG = 2_048
"""Connections that the kernel keeps until they are accepted."""
_READY = "ready"
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_LOOKED_AT_SECONDS = 0.2
_LIVED_SECONDS = 30.0
"""A worker that ends sooner is replaced later and later, at last once in so many seconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """One of the processes of a server: the folder that they share, its number, and how many there are."""

    folder: Path | None = None
    number: int = 0
    of: int = 1

    def ledger(self) -> Ledger:
        """What the keys have left, the same for all."""
        return Ledger(None if self.folder is None else self.folder / "ledger", self.number, self.of)

    def shares(self) -> Shares:
        """How many connections each of the processes has."""
        return Shares(None if self.folder is None else self.folder / "connections", self.number, self.of)


ALONE = Place()
Work = Callable[[socket.socket, Any, Place, Callable[[], None]], None]
"""What a worker does: it serves from a socket with settings, at its place, and calls the last when it is ready."""


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    channel: Connection
    began: float = field(default_factory=time.monotonic)
    ready: bool = False


class Processes:
    """So many processes that do the same work, from one socket.

    ``work`` is a function of a module, since each worker is a fresh interpreter: Java does not survive a fork.
    """

    def __init__(self, n: int, work: Work, listener: socket.socket, settings: Any) -> None:
        self._n = n
        self._work = work
        self._listener = listener
        self._settings = settings
        self._workers: dict[int, _Worker] = {}
        self._due: dict[int, float] = {}
        """When the worker of a place is begun again."""
        self._delay = 0.0
        self._served = False
        self._ending = False

    def run(self, ready: Callable[[], None]) -> None:
        """Have all workers run until SIGINT or SIGTERM; ``ready`` is called once all are.

        Raises
        ------
        RagqaError
            The first workers cannot begin, or none is left and its replacement cannot.
        """
        with held_folder("servers") as folder, self._signals():
            try:
                for number in range(self._n):
                    self._begin(folder, number)
                while self._workers or (self._due and not self._ending):
                    self._listen(folder)
                    if not self._served and all(one.ready for one in self._workers.values()):
                        self._served = True
                        ready()
            finally:
                self._end_all()

    def _begin(self, folder: Path, number: int) -> None:
        """Begin the worker of a place."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        place = Place(folder, number, self._n)
        arguments = (self._work, self._listener, self._settings, place, theirs)
        process = context.Process(target=_worker, args=arguments, name=f"worker {number}")
        with _held_back(), _environment(PROMETHEUS_MULTIPROC_DIR=str(folder)):
            process.start()
        theirs.close()
        self._workers[number] = _Worker(process, ours)

    def _listen(self, folder: Path) -> None:
        """Wait for what happens next, and act on it."""
        seconds = _LOOKED_AT_SECONDS if self._due else None
        found = wait([one.channel for one in self._workers.values()], seconds)
        for number, worker in list(self._workers.items()):
            if worker.channel in found:
                self._hear(folder, number, worker)
        for number, when in list(self._due.items()):
            if not self._ending and time.monotonic() >= when:
                del self._due[number]
                self._begin(folder, number)

    def _hear(self, folder: Path, number: int, worker: _Worker) -> None:
        """What a worker says, or that it has ended: its end of the channel is closed then."""
        error: RagqaError | None = None
        try:
            said = worker.channel.recv()
        except (EOFError, ConnectionError):
            pass
        else:
            if said == _READY:
                worker.ready = True
                self._delay = 0.0
                return
            error = said
        del self._workers[number]
        worker.channel.close()
        worker.process.join()
        mark_process_dead(worker.process.pid, str(folder))  # type: ignore[no-untyped-call]
        if not self._ending:
            self._replace(number, worker, error)

    def _replace(self, number: int, worker: _Worker, error: RagqaError | None) -> None:
        """Have a worker that has ended by itself replaced, or give up where nothing is served any more."""
        code = worker.process.exitcode
        others_serve = self._served and any(one.ready for one in self._workers.values())
        if not worker.ready and not others_serve:
            raise error or BackendError(f"a worker process ended with {code} before it was ready; its log says why")
        soon = time.monotonic() - worker.began < _LIVED_SECONDS
        self._delay = min(_LIVED_SECONDS, max(1.0, 2 * self._delay)) if soon else 0.0
        self._due[number] = time.monotonic() + self._delay
        facts = {"exit": code, "again_in_seconds": self._delay}
        _log.error("a worker process ended: %s", error or "unexpectedly", extra={"facts": facts})

    def _end_all(self) -> None:
        """Tell all workers to end what they have begun, and wait for them."""
        self._ending = True
        for worker in self._workers.values():
            _send(worker, signal.SIGTERM)
        for worker in self._workers.values():
            worker.process.join()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Pass on to all workers what this process is told."""
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        for worker in list(self._workers.values()):
            if number != signal.SIGHUP:
                _send(worker, number if self._ending else signal.SIGTERM)
            elif worker.ready:  # one that is not opens what is in force anyway
                _send(worker, number)
        if number != signal.SIGHUP and not self._ending:
            self._ending = True
            systemd.notify("STOPPING=1")


def _worker(work: Work, listener: socket.socket, settings: Any, place: Place, channel: Connection) -> None:
    """The life of a worker process."""
    os.environ.pop("NOTIFY_SOCKET", None)
    os.setpgid(0, 0)  # signals of the terminal go to the first process, which passes them on
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=_end_with, args=(channel,), daemon=True).start()
    with contextlib.ExitStack() as stack:
        if place.folder is not None:  # it ends what it has begun where the first process is killed
            stack.callback(hold(place.folder).release)
        try:
            work(listener, settings, place, lambda: channel.send(_READY))
        except RagqaError as error:
            channel.send(error)
            raise SystemExit(error.exit_code) from None


def _end_with(channel: Connection) -> None:
    """End as soon as the first process is gone, whatever ended it: nobody would replace or stop this one."""
    with contextlib.suppress(EOFError, OSError):
        channel.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _send(worker: _Worker, number: int) -> None:
    if worker.process.pid is not None and worker.process.exitcode is None:
        os.kill(worker.process.pid, number)


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """Signals wait, also for a process that is begun here, until it says what they do."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Environment variables of the processes that are begun here."""
    os.environ |= variables
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
