"""What is asynchronous, used from where it is not, be an event loop running there (a notebook's) or not."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def iterated(pieces: AsyncGenerator[T, None]) -> Iterator[T]:
    """The items of an asynchronous generator, made one by one in a thread that has an event loop of its own.

    Whoever stops early closes the generator.
    """
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1, thread_name_prefix="ragqa-stream") as thread:
        runner = thread.submit(asyncio.Runner).result()
        try:
            while True:
                try:
                    yield thread.submit(context.run, runner.run, _next(pieces)).result()
                except StopAsyncIteration:
                    return
        finally:
            thread.submit(runner.run, pieces.aclose()).result()
            thread.submit(runner.close).result()


async def _next(pieces: AsyncGenerator[T, None]) -> T:
    return await anext(pieces)
