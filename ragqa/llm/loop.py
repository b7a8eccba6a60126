"""One event loop in a thread of its own, on which all requests to language models run.

Synchronous callers wait for it, asynchronous ones await it from their own loop; connections, limits and retries
thus belong to one loop however many threads and loops ask.
"""

import asyncio
import functools
import os
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_lock = threading.Lock()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop and wait for its result; an interrupted wait cancels it.

    Raises
    ------
    RuntimeError
        It was called on the loop's own thread, which would wait for itself.
    """
    loop = _loop()
    if threading.current_thread().name == _THREAD:
        work.close()
        raise RuntimeError("run() was called on the loop it runs on; await the coroutine instead")
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def await_on_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop and await it from another; cancelling the waiting task cancels the work."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _loop()))


async def iterate_on_loop(items: AsyncIterator[T]) -> AsyncIterator[T]:
    """Iterate in one task on the loop and hand the items to the caller's loop; leaving early cancels the task."""
    here = asyncio.get_running_loop()
    queue: asyncio.Queue[T | _End] = asyncio.Queue()

    async def pump() -> None:
        try:
            async for item in items:
                here.call_soon_threadsafe(queue.put_nowait, item)
        finally:
            here.call_soon_threadsafe(queue.put_nowait, _END)

    pumping = asyncio.run_coroutine_threadsafe(pump(), _loop())
    try:
        while not isinstance(item := await queue.get(), _End):
            yield item
        await asyncio.wrap_future(pumping)
    finally:
        pumping.cancel()


class _End:
    """Stands in the queue where the items end."""


_END = _End()
_THREAD = "ragqa-language-models"


def _loop() -> asyncio.AbstractEventLoop:
    with _lock:
        return _start(os.getpid())


@functools.lru_cache(maxsize=1)
def _start(_process: int) -> asyncio.AbstractEventLoop:
    """The loop of this process: a forked child starts its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name=_THREAD, daemon=True).start()
    return loop
