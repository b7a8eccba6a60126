"""Work that takes a while: how it tells of its progress, and how others do a part of it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Progress = Callable[[str, int, int | None], None]
"""Called as ``progress(stage, done, total)``; ``total`` is None where it is not known beforehand."""


def no_progress(_stage: str, _done: int, _total: int | None) -> None:
    """A :data:`Progress` for whoever wants to be told nothing."""


Tasks = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[tuple[int, Any]]]
"""Does ``function(*call)`` for each of some calls on other machines; yields the place of each and what came of it.

They come in the order in which they finish. Where a machine is lost, another one is given its calls: the function must
leave nothing half-done, and may be at work twice on the same call.
"""
