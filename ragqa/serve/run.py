"""Running the servers, over HTTP or stdio: the socket, the keys, and one process or several.

What a process needs to answer is imported there: the first of several answers nothing, and stays small.
"""

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import replace

import psutil

from ragqa import cores
from ragqa.errors import BackendError, UsageError
from ragqa.serve import logs, systemd
from ragqa.serve.keys import check_exposure, open_keys
from ragqa.serve.processes import ALONE, BACKLOG, Place, Processes, Work
from ragqa.serve.settings import MCP_PATH, ServeSettings

_log = logging.getLogger(__name__)
Announce = Callable[[str], None]
"""Called with the address once the server listens."""


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
    _serve(settings, lambda address: announce(address.rstrip("/") + MCP_PATH), _work_mcp)


def serve_mcp_stdio(settings: ServeSettings) -> None:
    """Serve MCP over stdin and stdout until stdin closes; everything else goes to stderr."""
    from ragqa.serve.serving import work_stdio

    work_stdio(settings)


def _serve(settings: ServeSettings, announce: Announce, work: Work) -> None:
    """Listen, and have one process or several do the work."""
    _check_processes(settings)
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
            shared = replace(settings, limits=settings.limits.shared_by(settings.workers))
            # Java takes a quarter of the memory, and a question all cores, in each process as if it were alone.
            os.environ.setdefault("RAGQA_JAVA_HEAP", f"{_heap_mb(settings.workers)}m")
            os.environ.setdefault(cores.VARIABLE, str(-(-cores.n_cores() // settings.workers)))
            listener.listen(BACKLOG)  # so that what comes while a worker is replaced waits
            Processes(settings.workers, work, listener, shared).run(ready)
    finally:
        listener.close()


def _check_processes(settings: ServeSettings) -> None:
    """Refuse several processes before a cluster: each would have shards of its own.

    Raises
    ------
    UsageError
        There are several.
    """
    if settings.cluster.ray and settings.workers > 1:
        raise UsageError(
            f"workers is {settings.workers} and the indexes are searched on the cluster {settings.cluster.ray}: only "
            "one process can serve from a cluster; leave one of the two out"
        )


def _heap_mb(n_processes: int) -> int:
    """The most memory for Java's objects of each of several processes, in MB: their part of a quarter of all."""
    total: int = psutil.virtual_memory().total
    return max(64, (total >> 20) // (4 * n_processes))


def _work_app(listener: socket.socket, settings: ServeSettings, place: Place, ready: Callable[[], None]) -> None:
    from ragqa.serve.serving import work_app

    work_app(listener, settings, place, ready)


def _work_mcp(listener: socket.socket, settings: ServeSettings, place: Place, ready: Callable[[], None]) -> None:
    from ragqa.serve.serving import work_mcp

    work_mcp(listener, settings, place, ready)


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
    except UnicodeError as error:  # from the encoding of names of hosts
        raise UsageError(
            f"{host[:100]!r} is no name of a host; give an address of this machine, or 127.0.0.1"
        ) from error
    except OSError as error:
        raise BackendError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port (0 takes a free one)"
        ) from error
    return listener
