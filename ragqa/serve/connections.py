"""Connections that are slow, too many or too talkative: closed before they cost others anything.

uvicorn waits for a request's head for ever, keeps all of it, and has no bound on connections that have not sent one.
"""

import asyncio
import resource
import socket
from http import HTTPStatus
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ragqa.serve.accepting import Shares
from ragqa.serve.problem import problem_response
from ragqa.serve.settings import Limits

_SPARE_DESCRIPTORS = 32
"""Kept free for files and for connections that are taken but not looked at yet."""
_LINGER_SECONDS = 1.0
"""How long a server that ends waits for a next request of a connection that is kept open."""


class HeadTooLongError(Exception):
    """The head of a request (its first line and its headers) is longer than the limit."""


class _WhileOpen:
    """A transport that drops what is written after the client reset the connection.

    uvloop's own raises then, until the connection is told that it is lost, and each such answer would be an error in
    the log.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send some bytes, if somebody may still get them."""
        if not self._transport.is_closing():
            self._transport.write(data)


class Connections(ServerState):
    """All connections of a server, and in ``waiting`` those that no request is worked on for, the oldest first."""

    def __init__(self, limits: Limits, shares: Shares) -> None:
        super().__init__()
        self.limits = limits
        self._shares = shares
        self.waiting: dict[Connection, None] = {}
        self.ending = False
        """Whether the server is about to end: no connection is used again after its next answer."""

    def count(self) -> None:
        """Tell the other processes how many there are, unless no more are taken."""
        if not self.ending:
            self._shares.tell(len(self.connections))

    def make_room(self, newest: "Connection", descriptor: int) -> bool:
        """Whether there is room for one more; a waiting connection is closed where that makes it.

        ``descriptor`` is the file descriptor of the newest: the lowest that was free, so that its number tells how
        many are left.
        """
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        scarce = allowed != resource.RLIM_INFINITY and descriptor >= allowed - _SPARE_DESCRIPTORS
        if not scarce and len(self.connections) <= self.limits.connections:
            return True
        oldest = next((one for one in self.waiting if one is not newest), None)
        if oldest is None:
            return False
        oldest.give_up()
        return True


class Connection(HttpToolsProtocol):
    """One connection of uvicorn's, with limits on the time and the length of each request's head."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._all = server_state
        self._limits = server_state.limits
        self._head_timer: asyncio.TimerHandle | None = None
        self._n_head_bytes = 0
        self._n_pending_bytes = 0
        """Received since the parser last passed something on: it keeps them."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it with 503 where there is no room."""
        super().connection_made(cast("asyncio.Transport", _WhileOpen(transport)))
        self._all.count()
        self._await_head()
        connected = transport.get_extra_info("socket")
        # The kernel cuts off a client that does not read, or is gone without a word, whatever waits to be sent.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(self._limits.send_seconds * 1000))
        if not self._all.make_room(self, connected.fileno()):
            self._refuse(503, "too many connections are open; try again in 1 s", {"retry-after": "1"})

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and the requests in it that were not begun."""
        self._head_arrived()
        self.pipeline.clear()
        super().connection_lost(exc)
        self._all.count()

    def data_received(self, data: bytes) -> None:
        """Parse what came; close the connection where a head is too long."""
        if self.transport.is_closing():
            return
        if self._is_idle() and self._head_timer is None:
            self._await_head()
        self._n_pending_bytes += len(data)
        super().data_received(data)
        if self._n_head_bytes + self._n_pending_bytes > self._limits.head_bytes and not self.transport.is_closing():
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._n_head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the first line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer after a body."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there: the request is worked on."""
        self._n_pending_bytes = 0
        self._head_arrived()
        super().on_headers_complete()
        if self._all.ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of a body, whose length is limited elsewhere."""
        self._n_pending_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has arrived."""
        self._n_pending_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The connection may be used again, or closed in favour of another."""
        if self.transport.is_closing():
            self.pipeline.clear()
        super().on_response_complete()
        if self._is_idle() and not self.transport.is_closing():
            self._all.waiting[self] = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read as a request, or has a head that is too long."""
        if self._n_head_bytes + self._n_pending_bytes > self._limits.head_bytes:
            limit = f"{self._limits.head_bytes:,} bytes"
            self._refuse(431, f"the head of the request is longer than the {limit} that this server takes")
        else:
            self._refuse(400, f"{msg.rstrip('.').lower()}; speak HTTP/1.1 to this server")

    def shutdown(self) -> None:
        """End after the answer under way. A client may be about to send its next request: that is answered still."""
        if self._is_idle():
            self.loop.call_later(_LINGER_SECONDS, self._end_if_idle)
        else:
            self.cycle.keep_alive = False

    def give_up(self) -> None:
        """Close the connection at once: its room is needed, or its head did not come in time."""
        self._head_arrived()
        self.transport.abort()

    def _count(self, n_bytes: int) -> None:
        self._n_pending_bytes = 0
        self._n_head_bytes += n_bytes
        if self._n_head_bytes > self._limits.head_bytes:
            raise HeadTooLongError

    def _is_idle(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    def _end_if_idle(self) -> None:
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()

    def _await_head(self) -> None:
        self._all.waiting[self] = None
        self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_is_late)

    def _head_arrived(self) -> None:
        self._all.waiting.pop(self, None)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._refuse(408, f"the head of the request did not arrive within {self._limits.head_seconds:g} s")

    def _refuse(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        """Answer with a problem and close. While another answer is on its way there is no place for one."""
        self._head_arrived()
        if self._is_idle():
            response = problem_response(status, detail, {**(headers or {}), "connection": "close"})
            head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
            head += [name + b": " + value for name, value in response.raw_headers]
            self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + bytes(response.body))
            self.transport.close()
        else:
            self.transport.abort()
