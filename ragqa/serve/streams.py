"""Server-sent events: the stages of a question while it is worked on, then its answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from ragqa.serve.events import Event, Report
from ragqa.serve.problem import problem_of

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
MEDIA_TYPE = "text/event-stream"
_HEARTBEAT_SECONDS = 10.0
_HEARTBEAT = b": still working\n\n"


def encoded(kind: str, data: Any) -> bytes:
    r"""One event.

    >>> encoded("stage", {"name": "read"})
    b'event: stage\ndata: {"name":"read"}\n\n'
    """
    return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def as_bytes(event: Event) -> bytes:
    """An event of :func:`events` as it is sent; a heartbeat is a comment, which every client passes over."""
    if event.kind == "heartbeat":
        return _HEARTBEAT
    if event.kind == "error":
        status, detail, headers = problem_of(event.data)
        return encoded("error", {"status": status, "detail": detail, "retry_after": headers.get("retry-after")})
    return encoded(event.kind, event.data)


async def all_as_bytes(stream: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    """Events as they are sent."""
    async for event in stream:
        yield as_bytes(event)


async def opened(stream: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """The same events, once the first is there.

    An error that comes first (the queue is full, the index is unknown) is raised here, while the response can
    still have a status of its own.
    """
    first = await anext(stream)
    if first.kind == "error":
        raise first.data

    async def rest() -> AsyncIterator[Event]:
        yield first
        async for event in stream:
            yield event

    return rest()


async def events(ask: Callable[[Report], Awaitable[Any]], last: str = "answer") -> AsyncIterator[Event]:
    """The events of one question as they happen; the last is of the kind ``last``, or ``error`` with the exception.

    Between events that are long in coming there is one of kind ``heartbeat``. When the consumer stops early
    (the client is gone), the question is given up.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()

    async def work() -> Any:
        try:
            return await ask(queue.put_nowait)
        finally:
            queue.put_nowait(None)

    task = asyncio.create_task(work())
    try:
        while (event := await _next(queue)) is not None:
            yield event
        yield await _outcome(task, last)
    finally:
        task.cancel()


async def _next(queue: asyncio.Queue[Event | None]) -> Event | None:
    try:
        async with asyncio.timeout(_HEARTBEAT_SECONDS):
            return await queue.get()
    except TimeoutError:
        return Event("heartbeat", None)


async def _outcome(task: asyncio.Task[Any], last: str) -> Event:
    try:
        return Event(last, await task)
    except Exception as error:  # noqa: BLE001 - the consumer decides what to tell the client
        return Event("error", error)
