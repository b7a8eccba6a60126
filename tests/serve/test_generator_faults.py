"""A server whose generator is dead or hangs: the extractive reader answers, and the answer says so."""

import json
import socket
from collections.abc import Iterator

import openai
import pytest

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


@pytest.fixture(scope="module")
def hanging_endpoint() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def server_with_hanging_generator(start_server, hanging_endpoint: str):
    with start_server(
        "--set", "answer.reader=chat",
        "--set", f'answer.chat.base_url="{hanging_endpoint}"',
        "--set", "limits.generator_seconds=1.0",
    ) as running:  # fmt: skip
        yield running


def test_a_generator_that_hangs_is_given_up(server_with_hanging_generator) -> None:
    with server_with_hanging_generator.client() as client:
        answer = client.post("/v1/ask", json={"question": STATINS}).raise_for_status().json()

        assert answer["verdict"] == "yes"
        assert answer["statements"]
        assert [notice["kind"] for notice in answer["notices"]].count("degraded") == 1
        assert client.get("/readyz").json()["degraded"] == ["sample"]
        assert 'ragqa_answers_total{index="sample",outcome="degraded"}' in client.get("/metrics").text


def test_while_it_is_given_up_nobody_waits_for_it(server_with_hanging_generator) -> None:
    with server_with_hanging_generator.client() as client:
        client.post("/v1/ask", json={"question": STATINS}).raise_for_status()
        answers = [client.post("/v1/ask", json={"question": STATINS}).json() for _ in range(3)]

    told = [notice["message"] for answer in answers for notice in answer["notices"] if notice["kind"] == "degraded"]
    assert len(told) == 3
    assert sum("failed a moment ago" in message for message in told) >= 2
    assert not any("127.0.0.1" in message for message in told), "the address of the generator is for the log"


def test_a_stream_ends_with_the_degraded_answer(server_with_hanging_generator) -> None:
    with server_with_hanging_generator.client() as client:
        text = client.post("/v1/ask", json={"question": STATINS, "stream": True}).raise_for_status().text

    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("event: ")]
    events = [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in blocks]
    answer = events[-1][1]
    assert events[-1][0] == "answer"
    assert "degraded" in [notice["kind"] for notice in answer["notices"]]
    assert [data for kind, data in events if kind == "statement"] == answer["statements"]


def test_an_openai_client_reads_that_it_was_degraded(server_with_hanging_generator) -> None:
    address = f"{server_with_hanging_generator.address}v1"
    with openai.OpenAI(base_url=address, api_key="none", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="sample", messages=[{"role": "user", "content": STATINS}], stream=True
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert "The generator was not available" in text
    assert "PMID " in text


def test_a_generator_that_is_not_there_is_named_in_the_log_and_not_to_those_who_ask(start_server) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    options = ("--set", "answer.reader=chat", "--set", f'answer.chat.base_url="{address}"')
    with start_server(*options) as server, server.client() as client:
        answer = client.post("/v1/ask", json={"question": STATINS}).raise_for_status().json()

        told = " ".join(notice["message"] for notice in answer["notices"])
        assert "could not be reached" in told
        assert address not in told
        assert address in server.log_path.read_text()
        assert answer["statements"]
