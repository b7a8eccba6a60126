"""Telling of the stages before reading while they run in a thread, and giving them up."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from ragqa.answer.as_read import AsRead
from ragqa.retrieve.fuse import Candidates
from ragqa.stages import Cancel, OnStage, StageDone

ReadyToRead = tuple[AsRead, Candidates]
"""A question, and its candidates in their final order."""
RunJob = Callable[[Callable[[Cancel], ReadyToRead]], Awaitable[ReadyToRead]]
"""Runs the stages before reading in a thread, handing them what tells whether they are given up."""


async def told(
    find: Callable[[OnStage, Cancel], ReadyToRead], run: RunJob | None = None
) -> AsyncGenerator[StageDone | ReadyToRead, None]:
    """Each stage of ``find`` as it ends, and last what it found.

    Whoever stops early gives it up: the stage that is under way ends, the next does not begin. ``run`` None takes a
    thread of asyncio's own.
    """
    loop = asyncio.get_running_loop()
    stages: asyncio.Queue[StageDone | None] = asyncio.Queue()

    def tell(stage: StageDone) -> None:
        loop.call_soon_threadsafe(stages.put_nowait, stage)

    finding = asyncio.ensure_future((run or _in_thread)(lambda cancel: find(tell, cancel)))
    finding.add_done_callback(lambda _: stages.put_nowait(None))
    try:
        while (stage := await stages.get()) is not None:
            yield stage
        yield await finding
    finally:
        finding.cancel()


async def _in_thread(find: Callable[[Cancel], ReadyToRead]) -> ReadyToRead:
    cancel = Cancel()
    try:
        return await asyncio.to_thread(find, cancel)
    finally:
        cancel.cancel()
