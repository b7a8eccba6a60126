"""One process of a server: it opens the indexes and answers from a socket until it is told to stop."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import cast

import uvicorn

from ragqa.serve import logs, systemd
from ragqa.serve.accepting import Acceptor, Shares
from ragqa.serve.app import create_app, guarded
from ragqa.serve.connections import Connection, Connections
from ragqa.serve.following import Follower
from ragqa.serve.guard import Guard
from ragqa.serve.keys import Keys, open_keys
from ragqa.serve.mcp_server import build_mcp_server, http_application
from ragqa.serve.metrics import Metrics
from ragqa.serve.processes import BACKLOG, Place
from ragqa.serve.service import Service
from ragqa.serve.settings import Limits, ServeSettings

_Create = Callable[[Service, ServeSettings, Keys, Place], Guard]


def work_app(listener: socket.socket, settings: ServeSettings, place: Place, ready: Callable[[], None]) -> None:
    """Serve everything; ``ready`` is called once connections are accepted. It is a :data:`ragqa.serve.processes.Work`.

    Raises
    ------
    RagqaError
        An index cannot be opened, or the keys are wrong.
    """
    _run(listener, settings, place, ready, create_app)


def work_mcp(listener: socket.socket, settings: ServeSettings, place: Place, ready: Callable[[], None]) -> None:
    """Serve MCP alone; as :func:`work_app`."""
    _run(listener, settings, place, ready, _create_mcp)


def work_stdio(settings: ServeSettings) -> None:
    """Serve MCP over stdin and stdout until stdin closes; raises as :func:`work_app`."""
    service = Service.open(settings)
    try:
        logs.set_up()
        with Follower(service.refresh, settings.limits.follow_seconds).running():
            build_mcp_server(service).run("stdio")
    finally:
        service.close()


def _create_mcp(service: Service, settings: ServeSettings, keys: Keys, place: Place) -> Guard:
    metrics = Metrics(service, place.folder)
    return guarded(http_application(build_mcp_server(service), settings.limits), settings, keys, metrics, place)


def _run(
    listener: socket.socket, settings: ServeSettings, place: Place, ready: Callable[[], None], create: _Create
) -> None:
    """One process: open the indexes and serve them from a socket until SIGINT or SIGTERM."""
    keys = open_keys(settings.security)
    with _hangup_as(lambda: None):  # it must not end the process while the indexes are being opened
        service = Service.open(settings)
    try:
        logs.set_up()
        config = uvicorn.Config(
            create(service, settings, keys, place),
            http=Connection,
            ws="none",
            proxy_headers=bool(settings.security.proxies),
            forwarded_allow_ips=list(settings.security.proxies),
            log_config=None,
            access_log=False,
            server_header=False,
            # A client that is slow to take its response must not hold up the end for ever.
            timeout_graceful_shutdown=settings.limits.drain_seconds,
        )
        follower = Follower(service.refresh, settings.limits.follow_seconds)
        with _hangup_as(follower.wake), follower.running():
            _Server(config, settings.limits, place.shares(), ready).run(sockets=[listener])
    finally:
        service.close()


@contextlib.contextmanager
def _hangup_as(react: Callable[[], None]) -> Iterator[None]:
    """SIGHUP calls ``react`` and ends nothing."""
    before = signal.signal(signal.SIGHUP, lambda *_: react())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


class _Server(uvicorn.Server):
    """A server that ends where it was started, so that what is open can be closed.

    uvicorn's own sends itself the signal again once it has stopped, which ends the process on the spot.
    """

    def __init__(self, config: uvicorn.Config, limits: Limits, shares: Shares, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._shares = shares
        self.server_state = self._connections = Connections(limits, shares)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections, one at a time, while the kernel keeps many for us."""
        await super().startup([])
        for listener in sockets or []:
            listener.listen(BACKLOG)
            self.servers.append(cast("asyncio.Server", Acceptor(listener, self._protocol, self._shares)))
        self._ready()  # from here on signals are caught, too

    def _protocol(self) -> Connection:
        return Connection(self.config, self._connections, self.lifespan.state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the connections that are open end with the request that they have, or with the next."""
        systemd.notify("STOPPING=1")
        self._connections.ending = True
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM; at once where SIGINT comes again."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
