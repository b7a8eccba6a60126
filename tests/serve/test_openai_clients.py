"""The official ``openai`` client against a running server."""

from collections.abc import Iterator

import openai
import pytest

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


@pytest.fixture
def openai_client(server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.address}v1", api_key="none-is-needed-here", max_retries=0) as client:
        yield client


def test_models_are_the_indexes(openai_client: openai.OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == ["sample", "hostile"]
    assert openai_client.models.retrieve("sample").owned_by == "ragqa"


def test_a_completion_has_footnotes_with_pmids(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(
        model="sample",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Is the earth flat?"},
            {"role": "assistant", "content": "No."},
            {"role": "user", "content": [{"type": "text", "text": STATINS}]},
        ],
        temperature=0,
    )

    content = completion.choices[0].message.content
    assert content is not None
    body, _, footnotes = content.partition("Sources:")
    assert body.startswith("Probably yes, from 1 ")
    assert "[1]" in body
    assert "PMID " in footnotes
    assert "https://pubmed.ncbi.nlm.nih.gov/" in footnotes
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion.model_extra is not None
    assert completion.model_extra["ragqa"]["verdict"] == "yes"


def test_a_stream_adds_up_to_the_completion(openai_client: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": STATINS}]
    whole = openai_client.chat.completions.create(model="sample", messages=messages).choices[0].message.content
    stream = openai_client.chat.completions.create(
        model="sample", messages=messages, stream=True, stream_options={"include_usage": True}
    )

    chunks = list(stream)

    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert len(pieces) > 3
    assert "".join(pieces).strip() == whole
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert len({chunk.id for chunk in chunks}) == 1


def test_type_and_filter_travel_in_the_extra_body(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(
        model="sample",
        messages=[{"role": "user", "content": STATINS}],
        extra_body={"ragqa": {"type": "summary", "filter": {"year_to": 2000}}},
    )

    assert completion.model_extra is not None
    answer = completion.model_extra["ragqa"]
    assert answer["verdict"] is None
    assert all(source["year"] <= 2000 for source in answer["sources"])


def test_an_unknown_model_is_not_found(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="did you mean 'sample'"):
        openai_client.chat.completions.create(model="sampel", messages=[{"role": "user", "content": "x"}])
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("gpt-4")


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "system", "content": "x"}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
        [{"role": "user", "content": "x" * 2_001}],
    ],
)
def test_messages_without_a_question_are_refused(messages: list, openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        openai_client.chat.completions.create(model="sample", messages=messages)

    assert caught.value.body["type"] == "invalid_request_error"  # type: ignore[index]


def test_a_wrong_key_is_an_authentication_error(guarded_server) -> None:
    with openai.OpenAI(base_url=f"{guarded_server.address}v1", api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
        right = client.with_options(api_key="a-key-made-for-this-test-only")
        assert [model.id for model in right.models.list()] == ["sample"]
