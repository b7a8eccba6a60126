"""Conversations of two and more turns against a running server: no verdict is of another topic than the question."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

CHAT = "/v1/chat/completions"
STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
BARE = STATINS.removesuffix("?")
SAMPLE = Path(__file__).parents[2] / "corpora/sample/questions.jsonl"
WRIST = "Does vitamin C protect against complex regional pain syndrome after a broken wrist?"
ASTHMA = "Can dexamethasone replace prednisone for asthma attacks in children?"
SEX = "Does the sex of a patient influence the outcome of thrombolysis in ischemic stroke?"
EXERCISE = "Does exercising while pregnant protect against postnatal depression?"
SLEEVE = "Does removing a larger part of the stomach in sleeve gastrectomy lead to more weight loss?"
APPENDIX = "Does a longer wait before appendectomy lead to more complications?"
RECOVERY = "Is recovery after a stroke better in people who were already taking a statin?"
REFLUX = "Do reflux symptoms rebound after a few days of a proton pump inhibitor?"
OBESITY = "Is obesity associated with poorer asthma control in urban patients?"
GAMBLING = "Which antipsychotic drug may be a risk factor for pathological gambling?"
SCHIZOPHRENIA = "Do brain changes in schizophrenia progress over time?"
HEPATITIS = "Can nucleoside analogues be stopped in e-antigen negative chronic hepatitis B?"
CANNULAE = "Does changing intravenous cannulae every 48 hours reduce thrombophlebitis?"

# What the sample's articles allow: an answer on the topic, silence of the articles, or a question back.
DIALOGUES = [
    (STATINS, "And in women?", "silent"),
    (STATINS, "What about older patients?", "answered"),
    (STATINS, "Is that also true in children?", "silent"),
    (STATINS, "Are they safe?", "silent"),
    (STATINS, "What is the dose?", "silent"),
    (STATINS, "Why?", "answered"),
    (STATINS, "What about aspirin?", "asked back"),
    (STATINS, "And for stroke?", "asked back"),
    (STATINS, "Does ablation keep more patients free of it?", "asked back"),
    (ASTHMA, "And in adults?", "silent"),
    (ASTHMA, "Does it reduce vomiting?", "answered"),
    (ASTHMA, "Side effects?", "silent"),
    (ASTHMA, "Is it cheaper?", "silent"),
    (WRIST, "And in women?", "answered"),
    (WRIST, "What dose?", "answered"),
    (WRIST, "And in older patients?", "answered"),
    (WRIST, "Are there side effects?", "silent"),
    (WRIST, "What about vitamin D?", "asked back"),
    (SEX, "And in women?", "answered"),
    (SEX, "In men?", "answered"),
    (SEX, "Does aspirin help?", "asked back"),
    (EXERCISE, "And in smokers?", "silent"),
    (EXERCISE, "Are there risks?", "silent"),
    (EXERCISE, "And in men?", "silent"),
    (EXERCISE, "Medication?", "asked back"),
    (EXERCISE, "Is medication better?", "asked back"),
    (EXERCISE, "Is it common?", "silent"),
    (SLEEVE, "And in women?", "silent"),
    (SLEEVE, "How much does it cost?", "silent"),
    (APPENDIX, "And in children?", "silent"),
    (APPENDIX, "And in the elderly?", "silent"),
    (RECOVERY, "And in women?", "answered"),
    (RECOVERY, "And in diabetics?", "silent"),
    (RECOVERY, "Thanks!", "asked back"),
    (REFLUX, "And in women?", "silent"),
    (REFLUX, "And with surgery?", "asked back"),
    (OBESITY, "And in women?", "answered"),
    (OBESITY, "Does this hold for children?", "silent"),
    (GAMBLING, "How many patients?", "silent"),
    (GAMBLING, "What dose?", "silent"),
    (SCHIZOPHRENIA, "Und bei Frauen?", "asked back"),
    (SCHIZOPHRENIA, "And in older people?", "silent"),
    (HEPATITIS, "And in pregnant women?", "silent"),
    (CANNULAE, "And in children?", "silent"),
    (CANNULAE, "Is depression more common in women?", "a new topic"),
]


def gold() -> dict[str, set[str]]:
    """The articles that each question of the sample rests on."""
    lines = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    return {line["text"]: set(line["document_ids"]) for line in lines}


def outcome(answer: dict) -> str:
    kinds = {notice["kind"] for notice in answer["notices"]}
    if "asked_back" in kinds:
        return "asked back"
    if "completed" not in kinds:
        return "a new topic"
    return "silent" if answer["abstained"] else "answered"


def said(*texts: str) -> list[dict[str, str]]:
    """Messages of a user and, in between, of an assistant."""
    return [{"role": "assistant" if place % 2 else "user", "content": text} for place, text in enumerate(texts)]


def chat(client: httpx.Client, *texts: str, **more: object) -> dict:
    body = {"model": "sample", "messages": said(*texts), **more}
    return client.post(CHAT, json=body).raise_for_status().json()


def content(completion: dict) -> str:
    return completion["choices"][0]["message"]["content"]


def test_there_are_more_than_forty_dialogues() -> None:
    assert len(DIALOGUES) >= 40
    assert {first for first, _, _ in DIALOGUES} <= gold().keys()


@pytest.mark.parametrize(("first", "then", "expected"), DIALOGUES)
def test_no_verdict_is_off_topic(first: str, then: str, expected: str, client: httpx.Client) -> None:
    answer = chat(client, first, "Yes (81%). It does [1].", then)["ragqa"]

    assert outcome(answer) == expected, (answer["question"]["text"], answer["reason"])
    if expected == "answered":
        cited = {span["document_id"] for statement in answer["statements"] for span in statement["spans"]}
        assert cited <= gold()[first]
    elif expected in {"silent", "asked back"}:
        assert (answer["verdict"], answer["statements"], answer["exact_answers"]) == (None, [], [])
        assert answer["reason"]


@pytest.mark.parametrize("then", ["And in women?", "Are they safe?", "Does it improve survival?", "After one year?"])
def test_no_verdict_is_off_topic_after_any_question_of_the_sample(then: str, client: httpx.Client) -> None:
    for first, articles in gold().items():
        answer = client.post("/v1/ask", json={"question": then, "earlier": [first]}).raise_for_status().json()

        cited = {span["document_id"] for statement in answer["statements"] for span in statement["spans"]}
        assert answer["verdict"] is None or cited <= articles, (first, answer["question"]["text"])
        if then == "Are they safe?":
            assert answer["verdict"] is None, "a verdict on the topic is none on its safety"


def test_how_a_question_was_read_stands_first(client: httpx.Client) -> None:
    completed = chat(client, STATINS, "Yes.", "What about older patients?")
    streamed = client.post(
        CHAT,
        json={
            "model": "sample",
            "stream": True,
            "messages": said(STATINS, "Yes.", "What about older patients?"),
        },
    ).raise_for_status()

    read_as = f"{BARE} in older patients?"
    text = content(completed)
    likely = completed["ragqa"]["verdict_probabilities"]["yes"]  # near .9, and int8 differs between processors
    verdict = "Probably yes" if likely < 0.9 else "Yes, as far as these articles tell"
    assert text.startswith(f"Read as: {read_as}\n\n{verdict}, from 1 ")
    assert text.count("Read as") == 1
    assert completed["ragqa"]["question"]["text"] == read_as
    lines = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line.startswith("data: {")]
    pieces = [choice["delta"].get("content") or "" for line in lines for choice in json.loads(line)["choices"]]
    assert "".join(pieces).strip() == text


def test_a_question_back_names_the_likeliest_reading_and_yes_is_taken_for_it(client: httpx.Client) -> None:
    back = content(chat(client, STATINS, "Yes.", "And for stroke?"))
    agreed = chat(client, STATINS, "Yes.", "And for stroke?", back, "yes")

    assert back.startswith("It is not clear what “And for stroke?” asks here.")
    assert f"{BARE} for stroke?" in back
    assert agreed["ragqa"]["question"]["text"] == f"{BARE} for stroke?"


def test_the_topic_is_kept_over_many_turns(client: httpx.Client) -> None:
    turns = [STATINS, "Yes.", *(["And in women?", "Nothing on that."] * 20), "And in older patients?"]

    answer = chat(client, *turns)["ragqa"]

    assert answer["question"]["text"] == f"{BARE} in older patients?"
    assert answer["verdict"] == "yes"


def test_a_first_message_without_a_topic_is_asked_back(client: httpx.Client) -> None:
    text = content(chat(client, "And in women?"))

    assert text.startswith("It is not clear what “And in women?” asks. Ask a whole question")


def test_programs_send_the_earlier_questions_along(client: httpx.Client) -> None:
    body = {"question": "And in older patients?", "earlier": [STATINS], "stream": True}

    text = client.post("/v1/ask", json=body).raise_for_status().text
    alone = client.post("/v1/ask", json={"question": "And in women?"}).raise_for_status().json()

    read_as = f"event: read_as\ndata: {json.dumps(f'Read as: {BARE} in older patients?')}"
    assert text.startswith(read_as)
    assert "event: answer" in text
    assert "completed" not in [notice["kind"] for notice in alone["notices"]]


REWRITINGS = {
    "What about aspirin?": "Does aspirin reduce atrial fibrillation after coronary artery bypass grafting?",
    "And in older patients?": "<think>Older.</think>\nDo preoperative statins reduce atrial fibrillation after "
    "coronary artery bypass grafting in older patients?",
    "Does it help?": "Is depression in rural populations more frequent in winter?",
    "And Y?": "UNCLEAR",
}
"""What the endpoint makes of a message; it refuses everything else, so that extracts answer."""


def rewritten(prompt: str) -> str | None:
    """The reply to a prompt that has a message of the table."""
    return next((text for message, text in REWRITINGS.items() if f"<message>{message}</message>" in prompt), None)


@pytest.fixture(scope="module")
def generating_server(start_server, chat_endpoint) -> Iterator:
    """A server whose generator rewrites messages."""
    with chat_endpoint(rewritten) as address:
        options = ("answer.reader=chat", f'answer.chat.base_url="{address}"', 'answer.chat.model="m"')
        with start_server(*(part for option in options for part in ("--set", option))) as running:
            yield running


@pytest.mark.parametrize(
    ("then", "read_as"),
    [
        ("What about aspirin?", "Does aspirin reduce atrial fibrillation after coronary artery bypass grafting?"),
        ("And in older patients?", f"{BARE} in older patients?"),
        ("Does it help?", ""),  # what the generator makes of it is of another topic
        ("And Y?", ""),
    ],
)
def test_a_generator_rewrites_what_leans_on_the_conversation(then: str, read_as: str, generating_server) -> None:
    with generating_server.client() as client:
        answer = client.post("/v1/ask", json={"question": then, "earlier": [STATINS]}).raise_for_status().json()

    told = [notice["message"] for notice in answer["notices"] if notice["kind"] == "completed"]
    assert "winter" not in json.dumps(answer)
    if read_as:
        assert told == [f"Read as: {read_as}"]
        assert answer["question"]["text"] == read_as
    else:
        assert answer["verdict"] is None or told
