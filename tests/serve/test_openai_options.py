"""Wishes for the form of a reply, the responses and the embeddings, by the official ``openai`` client."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import openai
import pytest

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
MESSAGES = [{"role": "user", "content": STATINS}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def client(server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.address}v1", api_key="none-is-needed-here", max_retries=0) as opened:
        yield opened


def complete(client: openai.OpenAI, **more: object):
    return client.chat.completions.create(model="sample", messages=MESSAGES, **more)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_of_tokens_is_kept_and_told(name: str, client: openai.OpenAI) -> None:
    whole = complete(client).choices[0].message.content

    cut = complete(client, **{name: 12})
    streamed = list(complete(client, **{name: 12}, stream=True))

    text = cut.choices[0].message.content
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage.completion_tokens <= 12
    assert whole.startswith(text)
    assert len(text) > 10
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == text
    assert streamed[-1].choices[0].finish_reason == "length"


def test_a_stop_sign_ends_the_text_before_it(client: openai.OpenAI) -> None:
    choice = complete(client, stop=["\n\nSources:"]).choices[0]

    assert choice.finish_reason == "stop"
    assert choice.message.content.startswith("Probably yes, from 1 ")
    assert "Sources" not in choice.message.content


def test_a_json_object_is_the_whole_answer(client: openai.OpenAI) -> None:
    completion = complete(client, response_format={"type": "json_object"})

    answer = json.loads(completion.choices[0].message.content)
    assert answer == completion.model_extra["ragqa"]
    assert answer["verdict"] == "yes"


def test_tools_that_need_not_be_called_are_declined_in_the_text(client: openai.OpenAI) -> None:
    text = complete(client, tools=[TOOL]).choices[0].message.content
    streamed = complete(client, tools=[TOOL], tool_choice="auto", stream=True)

    assert text.endswith("Tools were offered, but ragqa calls none: it answers from its index.")
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed).strip() == text
    assert "Tools" not in complete(client, tools=[TOOL], tool_choice="none").choices[0].message.content
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}
    assert "Tools" in complete(client, tools=[TOOL], tool_choice=allowed).choices[0].message.content
    assert "search of the web" in complete(client, web_search_options={}).choices[0].message.content


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"n": 2}, "n is 2; ragqa gives one answer"),
        ({"logprobs": True}, "no log probabilities"),
        ({"tools": [TOOL], "tool_choice": "required"}, "a call of a tool is demanded"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "look"}}}, "a call of a tool"),
        ({"modalities": ["text", "audio"]}, "ragqa writes text only"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
            "'json_schema'; ragqa gives 'text', or 'json_object'",
        ),
    ],
)
def test_what_ragqa_cannot_do_is_refused_in_words(more: dict, message: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match=re.escape(message)):
        complete(client, **more)


def test_a_response_has_the_answer_and_its_sources(client: openai.OpenAI) -> None:
    response = client.responses.create(model="sample", instructions="Be brief.", input=STATINS, metadata={"ward": "7"})

    assert response.status == "completed"
    assert response.metadata == {"ward": "7"}
    assert response.output_text == complete(client).choices[0].message.content
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.model_extra is not None
    assert response.model_extra["ragqa"]["verdict"] == "yes"


def test_a_streamed_response_adds_up(client: openai.OpenAI) -> None:
    history = [
        {"role": "user", "content": [{"type": "input_text", "text": "Is the earth flat?"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "No."}]},
        {"type": "function_call", "name": "look", "arguments": "{}", "call_id": "c"},
        {"role": "user", "content": [{"type": "input_text", "text": STATINS}]},
    ]

    with client.responses.stream(model="sample", input=history) as stream:  # type: ignore[arg-type]
        events = list(stream)
        final = stream.get_final_response()

    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(pieces) > 3
    assert "".join(pieces) == final.output_text
    assert final.output_text.startswith("Probably yes, from 1 ")
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")] == sorted(
        event.sequence_number for event in events if hasattr(event, "sequence_number")
    )
    assert {event.type for event in events} >= {"response.created", "response.output_item.done", "response.completed"}


def test_a_response_that_is_cut_is_incomplete(client: openai.OpenAI) -> None:
    response = client.responses.create(model="sample", input=STATINS, max_output_tokens=16)

    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"previous_response_id": "resp_1"}, "stores no responses"),
        ({"background": True}, "answers at once"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt names a template"),
        ({"top_logprobs": 3}, "log probabilities are asked for"),
        ({"include": ["message.output_text.logprobs"]}, "log probabilities are asked for"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "reads no images"),
        ({"input": [{"role": "system", "content": "x"}]}, "none of the role 'user'"),
        ({"model": "sampel"}, "did you mean 'sample'"),
    ],
)
def test_responses_that_cannot_be_given_are_refused_in_words(more: dict, message: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match=message):
        client.responses.create(**{"model": "sample", "input": STATINS, **more})


def test_embeddings_are_those_of_the_encoder_of_the_index(client: openai.OpenAI) -> None:
    texts = ["Statins lower cholesterol.", "A statin reduces LDL.", "Appendicitis in children."]

    as_base64 = client.embeddings.create(model="sample", input=texts)
    as_numbers = client.embeddings.create(model="sample", input=texts, encoding_format="float")

    vectors = np.array([item.embedding for item in as_numbers.data])
    np.testing.assert_allclose(vectors, [item.embedding for item in as_base64.data], rtol=1e-6)
    assert [item.index for item in as_numbers.data] == [0, 1, 2]
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > likeness[0, 2]
    one = client.embeddings.create(model="sample", input=texts[0], dimensions=vectors.shape[1])
    np.testing.assert_allclose(one.data[0].embedding, vectors[0], atol=0.05)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"input": [[1, 2, 3]]}, "takes texts, not numbers of tokens"),
        ({"input": ["x"] * 257}, "257 texts"),
        ({"input": [""]}, "text 0 of input has 0 characters"),
        ({"dimensions": 7}, "dimensions is 7; the vectors of this index have"),
        ({"model": "sampel"}, "did you mean 'sample'"),
    ],
)
def test_embeddings_that_cannot_be_given_are_refused_in_words(more: dict, message: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match=message):
        client.embeddings.create(**{"model": "sample", "input": "x", **more})


def test_an_index_without_an_encoder_says_how_to_get_one(
    client: openai.OpenAI, served_home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="has no encoder") as caught:
        client.embeddings.create(model="hostile", input="x")

    found = re.search(r"ragqa (index build NAME [^,]+),", str(caught.value))
    assert found
    monkeypatch.setenv("RAGQA_HOME", str(served_home))
    arguments = found[1].replace("NAME", "with-vectors").split()
    subprocess.run([sys.executable, "-m", "ragqa", *arguments], check=True, capture_output=True)
