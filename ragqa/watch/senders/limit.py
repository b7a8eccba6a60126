"""How long a delivery may take altogether: the time for each step ends no server that sends a byte a second."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

_AGAIN_S = 0.1


class TimeLimit:
    """Cuts a connection that is still open after so many seconds; use it as a context manager.

    Whatever waits for the other side then gets an error, as if the other side had gone.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._socket_of: Callable[[], socket.socket | None] = lambda: None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._cut, daemon=True)
        self.reached = False

    def watch(self, socket_of: Callable[[], socket.socket | None]) -> None:
        """Cut the socket that the function gives; it may be another one later, when TLS begins."""
        self._socket_of = socket_of

    def told(self, error: Exception) -> str:
        """Why a delivery failed with an error."""
        return f"it took more than {self._seconds:g} s altogether" if self.reached else str(error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _cut(self) -> None:
        end = time.monotonic() + self._seconds
        while not self._done.wait(max(_AGAIN_S, end - time.monotonic())):
            self.reached = True
            found = self._socket_of()
            with contextlib.suppress(OSError):
                if found is not None:
                    # That of SSLSocket would let what is sent meanwhile go in clear.
                    socket.socket.shutdown(found, socket.SHUT_RDWR)
