"""What Open WebUI and LibreChat send, in the shapes in which they send it: long histories, images, titles and tags."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ragqa.serve.openai.chores import chore_of
from ragqa.serve.openai.requests import ChatMessage

CHAT = "/v1/chat/completions"
STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
SAMPLE_QUESTIONS = Path(__file__).parents[2] / "corpora/sample/questions.jsonl"
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgo" * 2_000}}
TITLE_PROMPT = (
    "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.\n### Output:\n"
    'JSON format: { "title": "your concise title here" }\n### Examples:\n- { "title": "Stock Market Trends" }\n'
    "### Chat History:\n<chat_history>\n%s\n</chat_history>"
)
TAGS_PROMPT = (
    "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history, along with 1-3 more specific "
    'subtopic tags.\n\n### Output:\nJSON format: { "tags": ["tag1", "tag2", "tag3"] }\n\n'
    "### Chat History:\n<chat_history>\n%s\n</chat_history>"
)
FOLLOW_UPS_PROMPT = (
    "### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might naturally ask next in this "
    'conversation as a **user**.\n### Output:\nJSON format: { "follow_ups": ["Question 1?", "Question 2?"] }\n'
    "### Chat History:\n<chat_history>\n%s\n</chat_history>"
)
QUERIES_PROMPT = (
    "### Task:\nAnalyze the chat history to determine the necessity of generating search queries, in the given "
    'language.\n### Guidelines:\n- respond in the format: { "queries": ["query1", "query2"] }\n'
    "### Chat History:\n<chat_history>\n%s\n</chat_history>"
)
AUTOCOMPLETE_PROMPT = (
    '### Task:\nYou are an autocompletion system.\n5. If unsure, return: `{ "text": "" }`.\n### Context:\n'
    "<chat_history>\n%s\n</chat_history>\n<type>General</type>\n<text>Do statins</text>\n#### Output:\n"
)
LIBRECHAT_TITLE_PROMPT = (
    "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the title "
    "itself.\n\nConversation:\nUser: %s\nAI: Yes (81%%)."
)


def said(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def written(text: str) -> str:
    """A conversation of one question as Open WebUI writes it into its templates."""
    return f"USER: {text}\nASSISTANT: Yes (81%). Statins reduced it [1].\n\nSources:\n\n- [1] A title. PMID 1."


def send(client: httpx.Client, messages: list, **more: object) -> httpx.Response:
    return client.post(CHAT, json={"model": "sample", "messages": messages} | more)


def content_of(response: httpx.Response) -> str:
    """The text of a completion, whole or streamed."""
    assert response.status_code == 200, response.text
    if not response.headers["content-type"].startswith("text/event-stream"):
        return response.json()["choices"][0]["message"]["content"]
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert not any("error" in chunk for chunk in chunks)
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


@pytest.fixture(scope="module")
def quick_server(start_server) -> Iterator:
    """A server over one index, with questions in its log."""
    with start_server("--index", "sample", "--set", "logs.questions=true") as running:
        yield running


@pytest.fixture
def quick_client(quick_server) -> Iterator[httpx.Client]:
    with quick_server.client() as opened:
        yield opened


def test_a_long_history_and_a_long_system_message_are_trimmed_and_not_refused(quick_client: httpx.Client) -> None:
    turns = [said(role, "word " * 500) for _ in range(200) for role in ("user", "assistant")]

    text = content_of(send(quick_client, [said("system", "x" * 70_000), *turns, said("user", STATINS)]))

    assert text.startswith("Probably yes, from 1 ")
    assert "PMID" in text


def test_images_of_earlier_turns_are_passed_over_and_one_of_the_last_is_refused_in_words(
    quick_client: httpx.Client,
) -> None:
    with_image = said("user", [{"type": "text", "text": "What is this?"}, IMAGE])
    later = [with_image, said("assistant", "I see no images."), said("user", STATINS)]

    assert "PMID" in content_of(send(quick_client, later))
    refused = send(quick_client, later[:1])

    assert refused.status_code == 422
    assert "'image_url', and ragqa reads no images" in refused.json()["error"]["message"]


def test_odd_earlier_messages_do_not_stop_the_last(quick_client: httpx.Client) -> None:
    body = {
        "model": "sample",
        "messages": [
            {"role": "user", "content": None},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "x", "type": "function"}]},
            {"role": "tool", "tool_call_id": "x", "content": "{}"},
            {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "hm"}, "loose"]},
            {"role": "user", "content": "cut in an emoji \ud83d"},
            {"role": "user", "content": STATINS},
        ],
    }

    response = quick_client.post(CHAT, content=json.dumps(body), headers={"content-type": "application/json"})

    assert "PMID" in content_of(response)


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        (TITLE_PROMPT % written(STATINS), {"title": "Preoperative Statins Reduce Atrial Fibrillation"}),
        (TAGS_PROMPT % written(STATINS), {"tags": ["Health", "Statins", "Fibrillation"]}),
        (FOLLOW_UPS_PROMPT % written(STATINS), {"follow_ups": []}),
        (QUERIES_PROMPT % written(STATINS), {"queries": [STATINS]}),
        (
            QUERIES_PROMPT % f"{written(STATINS)}\nUSER: And in women?",
            {"queries": [STATINS.replace("?", " in women?")]},
        ),
        (AUTOCOMPLETE_PROMPT % written(STATINS), {"text": ""}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_open_webui_asks_beside_the_conversation_is_answered_by_rule(
    prompt: str, reply: dict, stream: bool, quick_server, quick_client: httpx.Client
) -> None:
    more = {"stream": stream, "max_completion_tokens": 1_000, "metadata": {"task": "x"}}

    response = send(quick_client, [said("user", prompt)], **more)

    assert json.loads(content_of(response)) == reply
    assert "chore" in quick_server.logged(response)


@pytest.mark.parametrize(
    ("messages", "reply"),
    [
        ([said("user", LIBRECHAT_TITLE_PROMPT % STATINS)], "Preoperative Statins Reduce Atrial Fibrillation"),
        (
            [
                said(
                    "system",
                    "Write a concise title for this conversation in the given language. Title in 5 Words or Less.\n"
                    f"||>User:\n{STATINS}\n||>Response:\nYes",
                ),
                said("user", "Language: English"),
            ],
            "Preoperative Statins Reduce Atrial Fibrillation",
        ),
        ([said("user", (LIBRECHAT_TITLE_PROMPT % STATINS).partition("User:")[0])], "Question"),
        ([said("system", "Detect the language used in the following text."), said("user", STATINS)], "English"),
        ([said("system", LIBRECHAT_TITLE_PROMPT % STATINS)], "Preoperative Statins Reduce Atrial Fibrillation"),
    ],
)
def test_what_librechat_asks_beside_the_conversation_is_answered_by_rule(
    messages: list, reply: str, quick_client: httpx.Client
) -> None:
    assert content_of(send(quick_client, messages)) == reply


def test_a_title_that_librechat_demands_as_the_call_of_a_function_is_one(quick_client: httpx.Client) -> None:
    prompt = (
        "Analyze this conversation and provide:\n1. The detected language of the conversation\n2. A concise title in "
        f"the detected language (5 words or less, no punctuation or quotation)\n\nUser: {STATINS}\nAI: Yes."
    )
    tool = {"type": "function", "function": {"name": "extract", "parameters": {"type": "object"}}}
    choice = {"type": "function", "function": {"name": "extract"}}

    answer = send(quick_client, [said("user", prompt)], tools=[tool], tool_choice=choice).json()["choices"][0]
    schema = {"type": "json_schema", "json_schema": {"name": "extract", "schema": {"type": "object"}}}
    text = content_of(send(quick_client, [said("user", prompt)], response_format=schema))

    call = answer["message"]["tool_calls"][0]["function"]
    assert (answer["finish_reason"], call["name"]) == ("tool_calls", "extract")
    wanted = {"language": "English", "title": "Preoperative Statins Reduce Atrial Fibrillation"}
    assert json.loads(call["arguments"]) == json.loads(text) == wanted


def test_many_marks_of_a_history_are_looked_through_once() -> None:
    def seconds(n: int) -> float:
        began = time.perf_counter()
        assert chore_of([ChatMessage(role="user", content='{"title":' + "<chat_history>" * n)]) is None
        return time.perf_counter() - began

    assert seconds(16_000) < 32 * max(seconds(2_000), 0.001), "eight times as many take eight times as long"


@pytest.mark.parametrize("question", ["What is the title role of albumin in the dialogue?", STATINS])
def test_questions_of_people_are_no_chores(question: str, quick_server, quick_client: httpx.Client) -> None:
    response = send(quick_client, [said("user", question)])

    assert content_of(response)
    assert "chore" not in quick_server.logged(response)
    assert quick_server.logged(response)["question"] == question


def test_the_question_is_found_beside_the_documents_that_open_webui_adds(
    quick_server, quick_client: httpx.Client
) -> None:
    with_documents = (
        "### Task:\nRespond to the user query using the provided context, incorporating inline citations.\n"
        f"<context>\n{'A document of the user. ' * 200}\n</context>\n{STATINS}"
    )

    response = send(quick_client, [said("user", with_documents)])

    assert content_of(response)
    assert quick_server.logged(response)["question"] == STATINS


def questions() -> list[str]:
    return [json.loads(line)["text"] for line in SAMPLE_QUESTIONS.read_text().splitlines()]


@pytest.fixture(scope="module")
def brief_client(start_server) -> Iterator[httpx.Client]:
    """A client of a server that reads one document for an answer: many turns are what is looked at."""
    with start_server("--index", "brief") as running, running.client() as opened:
        yield opened


def test_200_turns_of_open_webui_are_answered(brief_client: httpx.Client) -> None:
    history = [said("system", "You are a friendly assistant. " * 50)]
    for turn in range(200):
        question = questions()[turn % 40]
        content = [{"type": "text", "text": question}] if turn % 7 else question
        history.append(said("user", content))
        more = {"stream_options": {"include_usage": True}, "tools": [], "temperature": 0.8, "chat_id": "c"}
        text = content_of(send(brief_client, history, stream=True, model="brief", **more))
        if turn % 50 == 0:
            history[-1] = said("user", [{"type": "text", "text": question}, IMAGE])
        history.append(said("assistant", text))
        for prompt in (TITLE_PROMPT, TAGS_PROMPT, FOLLOW_UPS_PROMPT):
            task = [said("user", prompt % f"USER: {question}\nASSISTANT: {text}")]
            json.loads(content_of(send(brief_client, task, model="brief", stream=False, max_completion_tokens=1_000)))


def test_200_turns_of_librechat_are_answered(brief_client: httpx.Client) -> None:
    history: list = []
    for turn in range(200):
        question = questions()[(turn * 3) % 40]
        history.append(said("user", [{"type": "text", "text": question}]))
        more = {"user": "665f", "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "max_tokens": 4_096}
        text = content_of(send(brief_client, history, stream=True, model="brief", **more))
        history.append(said("assistant", [{"type": "text", "text": text}]))
        if turn == 0:
            assert content_of(send(brief_client, [said("user", LIBRECHAT_TITLE_PROMPT % question)], model="brief"))
