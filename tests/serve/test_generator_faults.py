"""A server whose generator is dead or hangs: the extractive reader answers, and the answer says so."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator, Sequence

import openai
import pytest

import ragqa
from ragqa.answer.dialogue.turn import Turn
from ragqa.engine import Engine
from ragqa.serve import generator
from ragqa.serve.settings import Limits

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


def test_rewriting_a_message_and_answering_it_have_one_time_limit(start_server, hanging_endpoint: str) -> None:
    chat = ("--set", "answer.reader=chat", "--set", f'answer.chat.base_url="{hanging_endpoint}"')
    limits = ("--set", "limits.generator_seconds=20.0", "--set", "limits.request_seconds=2.0")
    with start_server(*chat, *limits) as server, server.client() as client:
        response = client.post("/v1/ask", json={"question": "And in women?", "earlier": [STATINS]})

    assert response.status_code == 504


def test_one_message_alone_tries_a_generator_that_was_given_up(
    served_home, monkeypatch: pytest.MonkeyPatch, hanging_endpoint: str
) -> None:
    monkeypatch.setenv("RAGQA_HOME", str(served_home))
    monkeypatch.setattr(generator, "_PAUSE_SECONDS", 0.0)
    tries: list[str] = []

    async def six_messages(engine: Engine) -> list[str | None]:
        rewrite = engine.rewrite

        async def counted(message: str, earlier: Sequence[Turn]) -> str | None:
            tries.append(message)
            return await rewrite(message, earlier)

        monkeypatch.setattr(engine, "rewrite", counted)
        tried = generator.Generator(engine, Limits(generator_seconds=0.5))
        first = await tried.rewrite("And in women?", [Turn("user", STATINS)])
        others = (tried.rewrite("And in men?", [Turn("user", STATINS)]) for _ in range(5))
        return [first, *await asyncio.gather(*others)]

    with ragqa.open("hostile", ("answer.reader=chat", f'answer.chat.base_url="{hanging_endpoint}"')) as engine:
        assert asyncio.run(six_messages(engine)) == [None] * 6

    assert tries == ["And in women?", "And in men?"]


def test_a_generator_that_is_set_up_wrongly_is_no_fault_of_who_asks(start_server, hanging_endpoint: str) -> None:
    chat = ("--set", "answer.reader=chat", "--set", f'answer.chat.base_url="{hanging_endpoint}"')
    key = ("--set", "answer.chat.api_key_variable=RAGQA_KEY_THAT_IS_NOT_SET")
    with start_server(*chat, *key) as server, server.client() as client:
        alone = client.post("/v1/ask", json={"question": STATINS})
        after = client.post("/v1/ask", json={"question": "And in women?", "earlier": [STATINS]})

        for response in (alone, after):
            assert response.status_code == 200, response.text
            assert "degraded" in [notice["kind"] for notice in response.json()["notices"]]
            assert "RAGQA_KEY_THAT_IS_NOT_SET" not in response.text
        assert alone.json()["statements"]
        assert "RAGQA_KEY_THAT_IS_NOT_SET" in server.log_path.read_text()
        assert client.get("/readyz").json()["degraded"] == [], "the next question may suit it"


def test_a_model_that_search_needs_is_named_in_the_log_and_not_to_those_who_search(start_server, chat_endpoint) -> None:
    endpoint = contextlib.ExitStack()
    address = endpoint.enter_context(chat_endpoint(lambda _: "yes"))
    chat = [f'answer.chat.base_url="{address}"', "answer.chat.retry_s=0.0", "answer.chat.in_flight=2"]
    options = [word for one in ("rerank.reranker=llm", *chat) for word in ("--set", one)]
    with start_server(*options) as server:
        endpoint.close()
        with server.client() as client:
            response = client.post("/v1/search", json={"question": STATINS})

        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0
        assert "language model" in response.json()["detail"]
        assert address not in response.text
        assert address in server.log_path.read_text()


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
