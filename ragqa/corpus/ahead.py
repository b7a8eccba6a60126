"""Runs an iterator ahead of its consumer in one thread.

Unpacking and parsing leave the interpreter lock while they work in C, so that they overlap with what is done with
their results. That pays for large pieces only: after each piece the thread waits for the lock.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_END: Any = object()


def read_ahead(items: Iterator[T], depth: int = 2) -> Iterator[T]:
    """The items in order, up to ``depth`` of them made before they are asked for; errors are raised in their turn.

    >>> list(read_ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        pending = deque(pool.submit(next, items, _END) for _ in range(depth))
        while (item := pending.popleft().result()) is not _END:
            pending.append(pool.submit(next, items, _END))
            yield item
