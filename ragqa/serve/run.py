"""Running the servers: uvicorn over HTTP, or MCP over stdio."""

import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil
import uvicorn

from ragqa.errors import BackendError
from ragqa.serve import logs, systemd
from ragqa.serve.app import create_app, guarded
from ragqa.serve.cluster import check_processes
from ragqa.serve.connections import ACCEPTED_AT_ONCE, Connection, Connections
from ragqa.serve.following import Follower
from ragqa.serve.guard import Guard
from ragqa.serve.keys import Keys, check_exposure, open_keys
from ragqa.serve.mcp_server import HTTP_PATH, build_mcp_server, http_application
from ragqa.serve.metrics import Metrics
from ragqa.serve.processes import ALONE, Place, Processes, Work
from ragqa.serve.service import Service
from ragqa.serve.settings import Limits, ServeSettings

_log = logging.getLogger(__name__)
_BACKLOG = 2_048
Announce = Callable[[str], None]
"""Called with the address once the server listens."""
_Create = Callable[[Service, ServeSettings, Keys, Place], Guard]


def serve(settings: ServeSettings, announce: Announce) -> None:
    """Serve HTTP until SIGINT or SIGTERM; requests that have begun are finished first.

    SIGHUP makes it look for updates of its indexes at once.

    Raises
    ------
    RagqaError
        An index cannot be opened, the keys are wrong, or the address is taken.
    """
    _serve(settings, announce, _work_app)


def serve_mcp_http(settings: ServeSettings, announce: Announce) -> None:
    """Serve MCP alone over streamable HTTP; as :func:`serve`."""
    _serve(settings, lambda address: announce(address.rstrip("/") + HTTP_PATH), _work_mcp)


def serve_mcp_stdio(settings: ServeSettings) -> None:
    """Serve MCP over stdin and stdout until stdin closes; everything else goes to stderr."""
    service = Service.open(settings)
    try:
        logs.set_up()
        with Follower(service.refresh, settings.limits.follow_seconds).running():
            build_mcp_server(service).run("stdio")
    finally:
        service.close()


def _serve(settings: ServeSettings, announce: Announce, work: Work) -> None:
    """Listen, and have one process or several do the work."""
    check_processes(settings)
    keys = open_keys(settings.security)
    listener = systemd.inherited_listener()
    if listener is None:
        check_exposure(settings.host, keys, settings.security)
        listener = _bound(settings.host, settings.port)
    else:
        settings = replace(settings, host=listener.getsockname()[0])
        check_exposure(settings.host, keys, settings.security)
    address = _address_of(listener)

    def ready() -> None:
        facts = {"address": address, "indexes": list(dict.fromkeys(settings.indexes)), "keys": bool(keys)}
        _log.info("listening", extra={"facts": facts})
        announce(address)
        systemd.notify("READY=1")

    try:
        if settings.workers == 1:
            work(listener, settings, ALONE, ready)
        else:
            logs.set_up()
            # Java takes a quarter of the memory, in each process as if it were alone.
            os.environ.setdefault("RAGQA_JAVA_HEAP", f"{_heap_mb(settings.workers)}m")
            listener.listen(_BACKLOG)  # so that what comes while a worker is replaced waits
            shared = replace(settings, limits=settings.limits.shared_by(settings.workers))
            Processes(settings.workers, work, listener, shared).run(ready)
    finally:
        listener.close()


def _heap_mb(n_processes: int) -> int:
    """The most memory for Java's objects of each of several processes, in MB: their part of a quarter of all."""
    total: int = psutil.virtual_memory().total
    return max(64, (total >> 20) // (4 * n_processes))


def _work_app(listener: socket.socket, settings: ServeSettings, place: Place, ready: Callable[[], None]) -> None:
    _run(listener, settings, place, ready, create_app)


def _work_mcp(listener: socket.socket, settings: ServeSettings, place: Place, ready: Callable[[], None]) -> None:
    _run(listener, settings, place, ready, _create_mcp)


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
            backlog=ACCEPTED_AT_ONCE,
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
            _Server(config, settings.limits, ready).run(sockets=[listener])
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

    def __init__(self, config: uvicorn.Config, limits: Limits, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self.server_state = self._connections = Connections(limits)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept: few at a time, while the kernel keeps many for us."""
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(_BACKLOG)  # asyncio takes one number for both, and set the other
        self._ready()  # from here on signals are caught, too

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the connections that are open end with the request that they have, or with the next."""
        systemd.notify("STOPPING=1")
        self._connections.ending = True
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, at once where one comes again."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _address_of(listener: socket.socket) -> str:
    """The address at which this machine reaches the server, whichever others do, too."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound to, but replaced
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _bound(host: str, port: int) -> socket.socket:
    """A socket bound to the address, before the indexes are opened: a port that is taken is told at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise BackendError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port (0 takes a free one)"
        ) from error
    return listener
