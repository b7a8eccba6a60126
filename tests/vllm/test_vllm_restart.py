"""The real server dies and comes back while many questions are under way."""

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
from ragqa.llm.model import Message, Request
from ragqa.llm.probe import probe
from ragqa.types import Document, Question


def test_no_question_is_lost_when_the_server_is_restarted(vllm: Any, articles: Sequence[Document]) -> None:
    reader = vllm.reader(in_flight=24, write_statements=False, chain_of_thought=True, max_tokens=120, retry_s=240.0)
    model = reader.models[0]
    questions = [Question(f"Do statins reduce arrhythmia in group {n}?", str(n), "yesno") for n in range(72)]
    readings: list[Reading] = []

    def read_all() -> None:
        readings.extend(reader.read_many([ReadJob(question, articles, (3.0, 2.0, 1.0)) for question in questions]))

    reading = threading.Thread(target=read_all)
    reading.start()
    patience = time.monotonic() + 60
    while model.n_completed < 30 and time.monotonic() < patience:
        time.sleep(0.01)
    assert model.n_under_way >= 16

    vllm.kill()
    _dead_server_is_told_of(vllm)
    vllm.start()
    reading.join(timeout=300)

    assert len(readings) == len(questions)
    assert all(reading.verdict in {"yes", "no", "maybe"} for reading in readings)
    assert model.n_retries >= 16


def _dead_server_is_told_of(vllm: Any) -> None:
    with pytest.raises(EndpointError, match=r"nothing answers at .*make vllm"):
        loop.run(EndpointModel(vllm.settings()).complete(Request((Message("user", "Hello?"),))))
    (finding,) = probe(vllm.settings())
    assert (finding.name, finding.state) == ("endpoint", "missing")


def test_a_stream_that_breaks_is_an_error_not_an_answer(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(max_tokens=3800, temperature=1.0))

    async def read() -> int:
        n_pieces = 0
        async for _ in model.stream(
            Request(
                (Message("user", "Go on and on."),),
                schema={"type": "array", "minItems": 900, "items": {"type": "integer"}},
            )
        ):
            n_pieces += 1
            if n_pieces == 3:
                vllm.kill()
        return n_pieces

    try:
        with pytest.raises(EndpointError, match="broke in the middle"):
            loop.run(read())
    finally:
        vllm.start()
