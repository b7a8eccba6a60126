"""The endpoint client against the real server: replies, forms, limits, and what it says when something is wrong."""

import asyncio
import gc
import json
import re
import signal
import threading
import time
import urllib.request
from typing import Any

import jsonschema
import pytest

from ragqa.errors import BackendError, EndpointError, UsageError
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.model import Completion, Message, Request
from ragqa.llm.probe import probe

ASKED = (Message("system", "Answer from the sources."), Message("user", "Do statins prevent atrial fibrillation?"))
YES_NO = ("yes", "no", "maybe")


def test_tokens_are_counted_by_the_servers_own_tokenizer(vllm: Any) -> None:
    model = EndpointModel(vllm.settings())

    counted = loop.run(model.count_tokens(ASKED))
    completion = loop.run(model.complete(Request(ASKED, max_tokens=5)))

    assert model.counts_exactly
    assert completion.prompt_tokens == counted
    assert loop.run(model.context_length()) == 4096


def test_a_stream_adds_up_to_the_whole_reply(vllm: Any) -> None:
    model = EndpointModel(vllm.settings())

    async def pieces() -> list[str | Completion]:
        return [piece async for piece in model.stream(Request(ASKED, max_tokens=30))]

    *texts, whole = loop.run(pieces())

    assert len(texts) >= 2
    assert isinstance(whole, Completion)
    assert "".join(text for text in texts if isinstance(text, str)).strip() == whole.text
    assert whole.cut_off
    assert whole.completion_tokens == 30


@pytest.mark.parametrize("kind", ["vllm", "json-schema"])
def test_a_choice_is_one_of_the_choices_and_has_probabilities(vllm: Any, kind: str) -> None:
    model = EndpointModel(vllm.settings(structured_output=kind))

    completion = loop.run(model.complete(Request(ASKED, choices=YES_NO)))

    assert completion.text in YES_NO
    assert set(completion.choice_probabilities) == set(YES_NO)
    assert sum(completion.choice_probabilities.values()) == pytest.approx(1.0)
    assert all(0.0 < p < 1.0 for p in completion.choice_probabilities.values())


def test_probabilities_agree_with_how_often_each_choice_is_sampled(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(temperature=1.0))

    async def sample(n: int) -> list[Completion]:
        return await asyncio.gather(*(model.complete(Request(ASKED, choices=YES_NO, seed=i)) for i in range(n)))

    drawn = loop.run(sample(300))

    told = drawn[0].choice_probabilities
    for choice in YES_NO:
        share = sum(completion.text == choice for completion in drawn) / len(drawn)
        assert share == pytest.approx(told[choice], abs=0.12)  # four standard errors


def test_a_reply_of_a_schema_is_of_that_schema(vllm: Any) -> None:
    model = EndpointModel(vllm.settings())
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "enum": [1, 2]}, "word": {"type": "string", "maxLength": 20}},
        "required": ["n", "word"],
        "additionalProperties": False,
    }

    completion = loop.run(model.complete(Request(ASKED, schema=schema)))

    jsonschema.validate(json.loads(completion.text), schema)


def test_no_more_requests_are_under_way_than_allowed(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(in_flight=16))

    async def many() -> list[Completion]:
        return await asyncio.gather(*(model.complete(Request(ASKED, max_tokens=8, seed=i)) for i in range(60)))

    assert len(loop.run(many())) == 60
    assert model.most_under_way == 16


def test_models_that_are_thrown_away_do_not_disturb_others(vllm: Any) -> None:
    async def many(model: EndpointModel) -> list[Completion]:
        return await asyncio.gather(*(model.complete(Request(ASKED, choices=YES_NO, seed=i)) for i in range(24)))

    n_retries = 0
    for _ in range(12):
        model = EndpointModel(vllm.settings(timeout_s=30.0))
        loop.run(many(model))
        n_retries += model.n_retries
        del model
        gc.collect()

    assert n_retries == 0


def test_cancelling_a_request_stops_the_server_from_generating(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(max_tokens=3800))
    endless = {"type": "array", "minItems": 900, "items": {"type": "integer"}}  # free text may end at any word
    request = Request((Message("user", "Go on."),), temperature=1.0, schema=endless)

    async def ask() -> Completion:
        return await loop.await_on_loop(model.complete(request))

    async def ask_and_leave() -> None:
        await asyncio.wait_for(ask(), timeout=0.5)

    with pytest.raises(TimeoutError):
        asyncio.run(ask_and_leave())

    patience = time.monotonic() + 5
    while _running(vllm) and time.monotonic() < patience:
        time.sleep(0.05)
    assert _running(vllm) == 0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"model": "absent"}, "`absent` does not exist"),
        ({"max_tokens": 100_000}, "max_tokens"),
        ({"api_key_variable": "RAGQA_TEST_WRONG_KEY"}, "refuses the key in $RAGQA_TEST_WRONG_KEY"),
    ],
)
def test_a_refusal_is_explained_at_once(
    vllm: Any, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], told: str
) -> None:
    monkeypatch.setenv("RAGQA_TEST_WRONG_KEY", "wrong")
    model = EndpointModel(vllm.settings(**values))

    with pytest.raises(EndpointError, match=re.escape(told)):
        loop.run(model.complete(Request(ASKED)))
    assert model.n_retries == 0


def test_a_wrong_route_names_the_usual_ending(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(base_url=vllm.base_url.removesuffix("/v1")))

    with pytest.raises(EndpointError, match="usually ends with /v1"):
        loop.run(model.complete(Request(ASKED)))


def test_an_unset_key_is_a_mistake_of_the_caller(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(api_key_variable="RAGQA_TEST_UNSET_KEY"))

    with pytest.raises(UsageError, match="RAGQA_TEST_UNSET_KEY"):
        loop.run(model.complete(Request(ASKED)))


def test_one_of_several_models_must_be_named(vllm: Any) -> None:
    with pytest.raises(UsageError, match="serves 2 models"):
        loop.run(EndpointModel(vllm.settings(model="")).complete(Request(ASKED)))


def test_a_server_that_hangs_is_given_up(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(timeout_s=1.0, retry_s=0.5))
    vllm.signal(signal.SIGSTOP)
    try:
        with pytest.raises(EndpointError, match="did not reply within"):
            loop.run(model.complete(Request(ASKED, max_tokens=4)))
    finally:
        vllm.signal(signal.SIGCONT)


def test_the_probe_finds_everything_in_order(vllm: Any) -> None:
    findings = probe(vllm.settings())

    assert {finding.state for finding in findings} == {"ok"}
    assert {"endpoint context", "endpoint choice", "endpoint probabilities", "endpoint JSON"} <= {
        finding.name for finding in findings
    }


def test_the_probe_says_what_is_wrong(vllm: Any) -> None:
    absent = probe(vllm.settings(model="absent"))
    loose = probe(vllm.settings(structured_output="none"))

    assert [(f.state, f.to_do) for f in absent][-1] == ("missing", "set answer.chat.model to one of: tiny, second")
    assert "warning" in {finding.state for finding in loose}


def test_many_threads_share_one_model(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(in_flight=4))
    replies: list[Completion] = []

    def ask() -> None:
        replies.append(loop.run(model.complete(Request(ASKED, max_tokens=4))))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert len(replies) == 12


def test_a_model_is_not_waited_for_on_the_loop_itself(vllm: Any) -> None:
    async def on_the_loop() -> None:
        loop.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="await the coroutine instead"):
        loop.run(on_the_loop())


def test_endpoint_errors_are_backend_errors() -> None:
    assert issubclass(EndpointError, BackendError)


def _running(vllm: Any) -> float:
    with urllib.request.urlopen(vllm.base_url.removesuffix("/v1") + "/metrics", timeout=10) as reply:
        text = reply.read().decode()
    values = re.findall(r"^vllm:num_requests_running\{[^}]*\} (\S+)$", text, re.MULTILINE)
    assert values
    return sum(map(float, values))
