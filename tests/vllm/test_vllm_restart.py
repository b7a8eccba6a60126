"""The real server dies while many questions are under way, and comes back."""

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from ragqa.answer.chat.reader import ReadJob
from ragqa.answer.reading import Reading
from ragqa.errors import EndpointError
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.model import Completion, Message, Request
from ragqa.llm.probe import probe
from ragqa.types import Document, Question

HELLO = (Message("user", "Hello?"),)


def test_a_killed_server_loses_no_question_and_is_told_of(vllm: Any, articles: Sequence[Document]) -> None:
    # Eight votes a question keep the line full, however fast the server is beside the reading of the articles.
    reader = vllm.reader(
        in_flight=24, write_statements=False, chain_of_thought=True, votes=8, max_tokens=120, retry_s=300.0
    )
    model = reader.models[0]
    questions = [Question(f"Do statins reduce arrhythmia in group {n}?", str(n), "yesno") for n in range(30)]
    readings: list[Reading] = []

    def read_all() -> None:
        readings.extend(reader.read_many([ReadJob(question, articles, (3.0, 2.0, 1.0)) for question in questions]))

    reading = threading.Thread(target=read_all)
    reading.start()
    under_way = loop.run(_until_many_are_under_way(model))
    try:
        with pytest.raises(EndpointError, match="broke in the middle"):
            loop.run(_read_until_killed(vllm))
        with pytest.raises(EndpointError, match=r"nothing answers at .*make vllm"):
            loop.run(EndpointModel(vllm.settings()).complete(Request(HELLO)))
        (finding,) = probe(vllm.settings())
    finally:
        if vllm.process is None:  # the tests that follow need it
            vllm.start()
    reading.join(timeout=400)

    assert under_way >= 16
    assert (finding.name, finding.state) == ("endpoint", "missing")
    assert len(readings) == len(questions)
    assert all(reading.verdict in {"yes", "no", "maybe"} for reading in readings)
    assert model.n_retries > 0


async def _until_many_are_under_way(model: Any) -> int:
    """Wait on the loop of the requests, where no moment is missed; the number of them then, or after a minute."""
    patience = time.monotonic() + 60
    while (model.n_completed < 100 or model.n_under_way < 20) and time.monotonic() < patience:
        await asyncio.sleep(0.001)
    return int(model.n_under_way)


async def _read_until_killed(vllm: Any) -> None:
    """Read streams that would be long, and kill the server after the first pieces of any; raise for one that broke.

    There are several, since one alone may be whole already where its first pieces are seen late. Where other programs
    keep the cores, those that had begun may all be whole: then it is tried again.
    """
    model = EndpointModel(vllm.settings(max_tokens=3800, temperature=1.0))
    for _ in range(3):
        if vllm.process is None:
            await asyncio.to_thread(vllm.start)
        ends = await asyncio.gather(*(_read_or_kill(model, vllm) for _ in range(6)), return_exceptions=True)
        broken = [end for end in ends if isinstance(end, EndpointError) and "broke in the middle" in str(end)]
        if broken:
            raise broken[0]
    raise AssertionError(ends)


async def _read_or_kill(model: EndpointModel, vllm: Any) -> str | Completion:
    endless = {"type": "array", "minItems": 900, "items": {"type": "integer"}}
    said: list[str | Completion] = []
    async for piece in model.stream(Request(HELLO, schema=endless)):
        said.append(piece)
        if len(said) == 3 and vllm.process is not None:
            vllm.kill()
    return said[-1]
