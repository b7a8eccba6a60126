"""What ``ragqa doctor`` looks at for serving: settings, packages, indexes, keys, address, audit file, descriptors."""

import os
import resource
import socket
import urllib.request
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ragqa.cli.doctor_check import Check
from ragqa.errors import RagqaError

if TYPE_CHECKING:
    from ragqa.serve.settings import ServeSettings

_MODULES = ("fastapi", "httptools", "mcp", "prometheus_client", "uvicorn")
_SOON = timedelta(days=14)
_OWN_DESCRIPTORS = 300
"""About so many a server needs for itself: files of indexes, Java, libraries."""


def serving() -> list[Check]:
    """What the server of ``services/server.toml`` has and lacks; one line where it is not installed."""
    lacking = [name for name in _MODULES if find_spec(name) is None]
    if lacking:
        return [Check("serving", "not installed", f"lacks {', '.join(lacking)}", "pip install 'ragqa[serve]'")]
    from ragqa.serve.settings import load

    try:
        settings = load("server")
    except RagqaError as error:
        return [Check("serving", "missing", str(error), "mend services/server.toml, or remove it")]
    return [_served(settings), _keys(settings), _address(settings), *_audit(settings), _descriptors(settings)]


def _served(settings: "ServeSettings") -> Check:
    from ragqa import home

    lacking = [name for name in settings.indexes if not (home.product_path("indexes", name) / "manifest.json").exists()]
    if not lacking:
        return Check("served indexes", "ok", ", ".join(settings.indexes))
    own = home.home() / "services/server.toml"
    state = "missing" if own.exists() and own != home.shipped() / "services/server.toml" else "warning"
    return Check("served indexes", state, f"{', '.join(lacking)}: not built", f"ragqa index build {lacking[0]}")


def _keys(settings: "ServeSettings") -> Check:
    from ragqa.serve import key_file
    from ragqa.serve.keys import check_exposure, open_keys

    path = key_file.path_of(settings.security.keys_file)
    try:
        check_exposure(settings.host, open_keys(settings.security), settings.security)
        keys = key_file.read(path) if path.exists() else None
    except RagqaError as error:
        return Check("keys", "missing", str(error), "the words before say it")
    if keys is None:
        return Check("keys", "ok", f"none: everybody on this machine may ask ({settings.host})")
    now = datetime.now(UTC)
    ended = [name for name, key in keys.items() if key.is_expired(now)]
    ending = [name for name, key in keys.items() if key.is_expired(now + _SOON) and name not in ended]
    if len(ended) == len(keys):
        return Check("keys", "missing", f"no key in {path} is accepted", "ragqa keys add NAME")
    if ended or ending:
        found = f"ended: {', '.join(ended) or 'none'}; end within {_SOON.days} days: {', '.join(ending) or 'none'}"
        return Check("keys", "warning", found, f"ragqa keys rotate {(ending + ended)[0]}")
    return Check("keys", "ok", f"{len(keys)} in {path}")


def _address(settings: "ServeSettings") -> Check:
    """Whether the server's address is free, or ragqa answers there already."""
    where = f"{settings.host}:{settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        if _answers(settings):
            return Check("address", "ok", f"ragqa answers at {where}")
        return Check("address", "warning", f"{where}: {error.strerror or error}", "serve with another --port")
    return Check("address", "ok", f"{where} is free")


def _answers(settings: "ServeSettings") -> bool:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        with urllib.request.urlopen(f"http://{host}:{settings.port}/healthz", timeout=2) as response:
            return b'"alive"' in response.read(1_000)
    except (OSError, ValueError):
        return False


def _audit(settings: "ServeSettings") -> list[Check]:
    if settings.audit.to in {"", "log"}:
        return []
    path = Path(settings.audit.to).absolute()
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return [Check("audit file", "missing", f"{path} cannot be written", "mend its folder, or change audit.to")]
    return [Check("audit file", "ok", str(path))]


def _descriptors(settings: "ServeSettings") -> Check:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.limits.connections + _OWN_DESCRIPTORS
    found = f"{allowed:,} allowed, about {needed:,} used at {settings.limits.connections:,} connections"
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        return Check("file descriptors", "warning", found, f"ulimit -n {needed}, or lower limits.connections")
    return Check("file descriptors", "ok", found)
