"""What stands before every route: request ids, host check, keys, body limits, security headers, log and figures."""

import asyncio
import contextlib
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragqa.serve import audit, key_cookie, logs, workers
from ragqa.serve.allowance import Allowances, OverdrawnError
from ragqa.serve.audit import Read, Trail
from ragqa.serve.keys import Keys, Known, RefusedKeyError
from ragqa.serve.ledger import Ledger
from ragqa.serve.metrics import Metrics
from ragqa.serve.problem import CHECK_PATH, is_openai, problem_response
from ragqa.serve.refused_page import refused_page
from ragqa.serve.settings import MCP_PATH, Limits
from ragqa.serve.traces import Tracer

_log = logging.getLogger("ragqa.serve.access")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")
_DISCARDED_AT_MOST = 256
"""A body that is too long is read on and thrown away up to this many times ``limits.body_bytes``, so that a client that
sends first and listens later gets the refusal instead of a reset connection."""
_REFUSAL_SECONDS = 0.5
"""A wrong key is told so late, which slows down who tries many."""
_REFUSALS_HELD_AT_MOST = 64

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_HEADERS = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class _Refused(Exception):  # noqa: N818 - an answer, not a fault
    """A request is answered with a problem before it reaches a route."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


class Guard:
    """An ASGI application around another.

    Parameters
    ----------
    needs_key
        Tells by the path whether a request must carry a key, where there are keys.
    allowed_hosts
        Host names that are answered while there are no keys, besides those of this machine; ``*`` allows any.
    ledger
        What the keys have left; one that other processes share, too, where there are any.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        keys: Keys,
        allowed_hosts: Sequence[str],
        needs_key: Callable[[str], bool],
        metrics: Metrics | None = None,
        trail: Trail | None = None,
        tracer: Tracer | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.app = app
        self._limits = limits
        self._keys = keys
        self._hosts = {*_THIS_MACHINE, *(host.lower() for host in allowed_hosts)}
        self._needs_key = needs_key
        self._metrics = metrics
        self._trail = trail
        self._tracer = tracer
        self._allowances = Allowances(ledger or Ledger())
        self._n_refusals_held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection of ASGI; everything but HTTP requests is passed on."""
        if scope["type"] != "http":
            try:
                await self.app(scope, receive, send)
            finally:
                if scope["type"] == "lifespan" and self._tracer is not None:
                    self._tracer.close()
            return
        began = time.perf_counter()
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        identifier = _identifier(headers)
        token = logs.request_id.set(identifier)
        facts: dict[str, Any] = {"method": scope["method"]}
        scope.setdefault("state", {})["facts"] = facts
        read = list[Read]()
        audit.reads.set(read)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_HEADERS, (b"x-request-id", identifier.encode())]
            await send(message)

        with self._traced(scope["method"], headers, facts):
            try:
                await self._admit(scope, headers, facts, receive, send_with_headers)
            except Exception:
                if status < 500:
                    raise
                # It became a problem with a status of its own, and was logged there.
            finally:
                # A status of 0 means that the client left before there was anything to send (499, as nginx says it).
                self._note(scope, facts, status or 499, time.perf_counter() - began)
                if self._trail is not None and self._needs_key(scope["path"]):
                    self._trail.request(identifier, facts, read)
                logs.request_id.reset(token)

    def _traced(
        self, method: str, headers: Mapping[bytes, str], facts: Mapping[str, Any]
    ) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._tracer is None else self._tracer.request(method, headers, facts)

    async def _admit(
        self, scope: Scope, headers: dict[bytes, str], facts: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        path = scope["path"]
        try:
            with contextlib.ExitStack() as under_way:
                self._check_host(scope, headers)
                if self._keys and self._needs_key(path):
                    known = await self._known(key_cookie.authorization(path, headers))
                    facts["key"] = known.name
                    under_way.enter_context(self._allowed(known))
                    workers.owner.set(known.name)
                is_large = is_openai(path) or path.startswith(CHECK_PATH)
                limit = self._limits.chat_body_bytes if is_large else self._limits.body_bytes
                body = await self._read_body(headers, receive, limit)
                # The server leaves out the body of an answer to HEAD by itself.
                asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
                try:
                    await self.app(asked, _replayed(body, receive), send)
                finally:
                    scope["route"] = asked.get("route")  # for the log
                return
        except _Refused as refused:
            headers_sent = {**refused.headers, "connection": "close"}
            response = await self._answered(path, refused, headers, headers_sent, receive)
        await response(scope, receive, send)

    async def _answered(
        self, path: str, refused: _Refused, headers: dict[bytes, str], sent: dict[str, str], receive: Receive
    ) -> Response:
        """A refusal as the client can read it: browsers without scripts get a page that says why, or asks for a key."""
        if not path.startswith(key_cookie.PAGE_PATH) or "text/html" not in headers.get(b"accept", ""):
            return problem_response(refused.status, refused.detail, sent, openai=is_openai(path))
        if refused.status != HTTPStatus.UNAUTHORIZED:
            return refused_page(refused.status, refused.detail, sent)
        try:
            body = await self._read_body(headers, receive, self._limits.body_bytes)
        except _Refused:
            body = b""
        given = key_cookie.authorization(path, headers)
        why = (
            "That key was not accepted: it is wrong, or has expired."
            if given
            else "Whoever runs the server makes keys."
        )
        response = key_cookie.asked_for(why, 401, body)
        response.headers.update(sent)
        return response

    def _check_host(self, scope: Scope, headers: dict[bytes, str]) -> None:
        """Refuse what a browser may have been led to send by a page of someone else."""
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            raise _Refused(400, "the request names its host more than once; send one Host header")
        host = headers.get(b"host", "")
        if not self._keys and not self._is_known_host(host):
            text = "this server does not answer to that host name; add it to security.allowed_hosts, or make keys"
            raise _Refused(421, text)
        origin = headers.get(b"origin")
        if origin is None or not scope["path"].startswith(MCP_PATH):
            return
        of_origin = origin.partition("://")[2]
        if self._is_known_host(of_origin) or (self._keys and of_origin == host):
            return
        raise _Refused(403, "pages of that origin may not use MCP here; add its host to security.allowed_hosts")

    async def _known(self, authorization: str) -> Known:
        """The key of a request; who sends a wrong one waits for the refusal."""
        try:
            return self._keys.known(authorization)
        except RefusedKeyError as error:
            if authorization and self._n_refusals_held < _REFUSALS_HELD_AT_MOST:
                self._n_refusals_held += 1
                try:
                    await asyncio.sleep(_REFUSAL_SECONDS)
                finally:
                    self._n_refusals_held -= 1
            raise _Refused(401, str(error), {"www-authenticate": "Bearer"}) from error

    @contextlib.contextmanager
    def _allowed(self, known: Known) -> Iterator[None]:
        """One request within what its key may ask."""
        with contextlib.ExitStack() as under_way:
            try:
                under_way.enter_context(self._allowances.request(known))
            except OverdrawnError as error:
                raise _Refused(429, str(error), {"retry-after": str(error.retry_after_seconds)}) from error
            yield

    async def _read_body(self, headers: dict[bytes, str], receive: Receive, limit: int) -> bytes:
        """The body; no more than ``limit`` bytes are ever held."""
        declared = headers.get(b"content-length", "")
        if not declared and b"transfer-encoding" not in headers:
            return b""
        chunks, n_read, complete = list[bytes](), 0, False
        read_at_most = limit + self._limits.body_bytes * _DISCARDED_AT_MOST
        if declared.isdecimal() and int(declared) > read_at_most:
            raise _too_long(limit)
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while not complete and n_read <= read_at_most:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        break
                    chunk = message.get("body", b"")
                    n_read += len(chunk)
                    if n_read <= limit:
                        chunks.append(chunk)
                    else:
                        chunks.clear()
                    complete = not message.get("more_body", False)
        except TimeoutError:
            raise _Refused(408, f"the request body did not arrive within {self._limits.body_seconds:g} s") from None
        if n_read > limit:
            raise _too_long(limit)
        return b"".join(chunks)

    def _is_known_host(self, host: str) -> bool:
        name = host.lower() if host.endswith("]") else host.lower().rpartition(":")[0] or host.lower()
        return "*" in self._hosts or name in self._hosts

    def _note(self, scope: Scope, facts: dict[str, Any], status: int, seconds: float) -> None:
        route = MCP_PATH if scope["path"] == MCP_PATH else getattr(scope.get("route"), "path", "other")
        if self._metrics is not None:
            self._metrics.request(route, scope["method"] if route != "other" else "other", status, seconds)
        facts |= {"route": route, "status": status, "ms": round(seconds * 1000, 1)}
        if client := scope.get("client"):
            facts["client"] = client[0]
        _log.info("request", extra={"facts": facts})


def _too_long(limit: int) -> _Refused:
    return _Refused(413, f"the request body is longer than the {limit:,} bytes that this server takes")


def _identifier(headers: dict[bytes, str]) -> str:
    """The id that the client gives to its request, if it is a harmless one, else a new one."""
    given = headers.get(b"x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body that was read already, and then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
