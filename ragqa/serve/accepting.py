"""Taking connections from the socket that all processes of a server share, so that each has about as many.

The kernel wakes whoever is quick, which may be the same process again and again, and a client keeps its connection. So
a process that has more connections than another leaves the next one to it for a moment.
"""

import asyncio
import contextlib
import mmap
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_NOT_SERVING = -1
_LOOK_SECONDS, _LEAVE_SECONDS = 0.001, 0.02
"""How often a process that leaves a connection to others looks whether they took it, and how long at most."""
_FULL_SECONDS = 0.1
"""How long nothing is taken after the system had no room for one more."""


class Shares:
    """How many connections each process of a server has.

    Parameters
    ----------
    path
        The file that the processes map into their memory; None where there is one process alone.
    place, n_places
        Which of how many processes this one is.
    """

    def __init__(self, path: Path | None = None, place: int = 0, n_places: int = 1) -> None:
        n_bytes = np.dtype(np.int64).itemsize * n_places
        file = -1
        if path is not None:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(file, n_bytes)
        self._counts: np.ndarray[Any, Any] = np.frombuffer(mmap.mmap(file, n_bytes), dtype=np.int64)
        if path is not None:
            os.close(file)
        self._place = place
        self.leave()

    def tell(self, n: int) -> None:
        """Say that this process has so many connections."""
        self._counts[self._place] = n

    def leave(self) -> None:
        """Say that this process takes no connections."""
        self._counts[self._place] = _NOT_SERVING

    def add_one(self) -> None:
        """Count a connection before it is made: the next may be there already."""
        self._counts[self._place] += 1

    def has_more_than_another(self) -> bool:
        """Whether another process that takes connections has fewer."""
        serving = self._counts[self._counts != _NOT_SERVING]
        return bool(serving.size) and int(self._counts[self._place]) > int(serving.min())


class Acceptor:
    """Takes connections one by one, for as long as it is not closed; to uvicorn it is an ``asyncio.Server``.

    Parameters
    ----------
    listener
        The socket; it is closed by whoever opened it.
    create
        Makes the protocol of a connection.
    shares
        What the processes have; whoever makes and ends connections tells it.
    """

    def __init__(self, listener: socket.socket, create: Callable[[], asyncio.Protocol], shares: Shares) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._create = create
        self._shares = shares
        self._begun: set[asyncio.Task[Any]] = set()
        self._resumes: asyncio.TimerHandle | None = None
        self._closed = False
        listener.setblocking(False)
        shares.tell(0)
        self._resume()

    def close(self) -> None:
        """Take no more connections; those that were taken are not touched."""
        self._closed = True
        self._shares.leave()
        self._pause(None)

    async def wait_closed(self) -> None:
        """Wait until each connection that was taken has its protocol."""
        if self._begun:
            await asyncio.wait(self._begun)

    def _take(self, left_seconds: float = _LEAVE_SECONDS) -> None:
        """Take the connection that waits, unless it is left to a process that has fewer."""
        if left_seconds > 0 and self._shares.has_more_than_another():
            self._pause(_LOOK_SECONDS, left_seconds - _LOOK_SECONDS)
            return
        try:
            connected, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another took it, or the client left
            self._resume()
        except OSError:  # no file descriptor or no memory is left
            self._pause(_FULL_SECONDS)
        else:
            connected.setblocking(False)
            self._shares.add_one()
            task = self._loop.create_task(self._connect(connected))
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)
            self._resume()

    async def _connect(self, connected: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the client is gone already
            await self._loop.connect_accepted_socket(self._create, connected)

    def _resume(self) -> None:
        if not self._closed:
            self._resumes = None
            self._loop.add_reader(self._listener, self._take)

    def _pause(self, seconds: float | None, left_seconds: float = _LEAVE_SECONDS) -> None:
        """Look at the socket again after so many seconds, or never."""
        self._loop.remove_reader(self._listener)
        if self._resumes is not None:
            self._resumes.cancel()
        self._resumes = None if seconds is None else self._loop.call_later(seconds, self._take, left_seconds)
