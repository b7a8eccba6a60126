"""What the chat reader asks and what it makes of the replies; the model is scripted, everything else is real."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from ragqa.answer.chat.reader import ChatReader
from ragqa.answer.reading import Reading
from ragqa.errors import UsageError
from ragqa.llm.model import Completion, Message, Request
from ragqa.recipe import AnswerSettings, ChatSettings
from ragqa.types import Document, Question, Section

QUESTION = Question("Does atorvastatin reduce atrial fibrillation after bypass grafting?")
ARTICLE = Document(
    "101",
    (
        Section("title", "Atorvastatin before bypass grafting."),
        Section("abstract", "Atorvastatin reduced atrial fibrillation after bypass grafting (35% vs 57%)."),
    ),
)
SAYS = {"answerable": True, "statements": [{"text": "Atorvastatin reduced atrial fibrillation.", "sources": [1]}]}
Replies = Callable[[Request], str | Completion]


class Scripted:
    """A language model that replies as a function of the request says, and remembers what it was asked."""

    name = "scripted"
    in_flight = 4
    max_tokens = 100

    def __init__(self, reply: Replies) -> None:
        self.asked: list[Request] = []
        self._reply = reply

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        await asyncio.sleep(0)
        reply = self._reply(request)
        if isinstance(reply, Completion):
            return reply
        chosen = {choice: float(choice == reply) for choice in request.choices}
        return Completion(reply, choice_probabilities=chosen if reply in chosen else {})

    async def stream(self, request: Request) -> AsyncIterator[str | Completion]:
        completion = await self.complete(request)
        yield completion.text
        yield completion

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content) for message in messages) // 4

    async def context_length(self) -> int:
        return 100_000

    async def close(self) -> None:
        pass


def last(request: Request) -> str:
    return request.messages[-1].content


def verdict(label: str, says: dict[str, object] = SAYS) -> Replies:
    return lambda request: label if request.choices else json.dumps(says)


def read(model: Scripted, question: Question = QUESTION, **chat: object) -> Reading:
    settings = AnswerSettings(abstain_below=0.0, chat=ChatSettings(**chat))  # type: ignore[arg-type]
    return ChatReader(settings, [model]).read(question, [ARTICLE], [1.0])


def kinds(reading: Reading) -> list[str]:
    return [notice.kind for notice in reading.notices]


def test_votes_without_sampling_are_refused() -> None:
    with pytest.raises(UsageError, match="vote_temperature"):
        read(Scripted(verdict("yes")), votes=3, vote_temperature=0.0)


def test_a_verdict_that_its_statements_support_stays() -> None:
    reading = read(Scripted(verdict("yes")))

    assert reading.verdict == "yes"
    assert "verdict_withheld" not in kinds(reading)


@pytest.mark.parametrize(
    ("question", "label"),
    [
        (QUESTION, "no"),
        (Question("Does atorvastatin increase atrial fibrillation after bypass grafting?"), "yes"),
        (Question("Is it false that atorvastatin reduces atrial fibrillation?"), "yes"),
    ],
)
def test_a_verdict_that_its_own_statements_deny_is_withheld(question: Question, label: str) -> None:
    reading = read(Scripted(verdict(label)), question)

    assert (reading.verdict, dict(reading.verdict_probabilities)) == (None, {})
    assert "verdict_withheld" in kinds(reading)
    assert reading.statements


def test_a_verdict_that_is_not_likely_enough_is_withheld_and_its_probabilities_stay() -> None:
    split = Completion("yes", choice_probabilities={"yes": 0.52, "no": 0.46, "maybe": 0.02})
    reading = read(Scripted(lambda request: split if request.choices else json.dumps(SAYS)))

    assert reading.verdict is None
    assert reading.verdict_probabilities["yes"] == pytest.approx(0.52)
    assert kinds(reading).count("verdict_withheld") == 1
    assert reading.statements


def test_a_false_presupposition_is_carried_into_every_later_task() -> None:
    correction = {"statements": [{"text": "Atorvastatin reduced atrial fibrillation.", "sources": [1]}]}

    def reply(request: Request) -> str:
        if request.choices == ("yes", "no"):
            return "yes"
        return "yes" if request.choices else json.dumps(correction if "report instead" in last(request) else SAYS)

    model = Scripted(reply)
    reading = read(model, check_presuppositions=True)

    later = [request for request in model.asked if request.choices == ("yes", "no", "maybe")]
    later += [request for request in model.asked if request.schema is not None][1:]
    assert len(later) == 2
    for request in later:
        text = "\n".join(message.content for message in request.messages)
        assert "takes for granted: Atorvastatin reduced atrial fibrillation." in text
    assert "false_presupposition" in kinds(reading)


def test_missing_probabilities_and_unreadable_replies_are_counted_and_shown() -> None:
    replies = iter([Completion("yes"), Completion("perhaps so"), Completion("yes")])

    def reply(request: Request) -> str | Completion:
        return next(replies) if request.choices else json.dumps(SAYS)

    reading = read(Scripted(reply), votes=3)

    told = " ".join(notice.message for notice in reading.notices if notice.kind == "degraded")
    assert "no log probabilities: 2" in told
    assert "nothing could be read: 1" in told
    assert reading.verdict == "yes"


def example(**values: object) -> dict[str, object]:
    solved = {"id": "e1", "question": "Is ginkgo useful in tinnitus?", "type": "yesno", "answer": "no", "split": "dev"}
    return solved | {"sources": [{"title": "Ginkgo", "text": "Ginkgo did not help tinnitus."}]} | values


def pool(folder: Path, *examples: dict[str, object]) -> str:
    path = folder / "examples.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in examples))
    return str(path)


def test_examples_have_the_form_of_the_task(tmp_path: Path) -> None:
    without = example(id="e2", sources=[], question="Do statins reduce atrial fibrillation?", answer="yes")
    model = Scripted(verdict("yes"))

    read(model, examples=pool(tmp_path, example(), without), n_examples=2)

    first = model.asked[0].messages
    assert [message.role for message in first] == ["system", "user", "assistant", "user"]
    shown, answer, asked = (message.content for message in first[1:])
    assert "Ginkgo did not help tinnitus." in shown
    assert answer == "no"
    assert shown.split("Question: ")[1].partition("\n")[2] == asked.split("Question: ")[1].partition("\n")[2]


def test_an_example_of_a_list_is_answered_as_the_reply_must_be(tmp_path: Path) -> None:
    listed = example(type="list", question="Which genes cause QT?", answer="KCNQ1", answers=["KCNQ1", "KCNH2"])
    model = Scripted(lambda _: json.dumps(SAYS | {"answers": [{"text": "KCNH2", "sources": [1]}]}))

    read(model, Question("Which genes cause long QT syndrome?"), examples=pool(tmp_path, listed), n_examples=1)

    reply = json.loads(model.asked[0].messages[2].content)
    assert [answer["text"] for answer in reply["answers"]] == ["KCNQ1", "KCNH2"]
    assert all(item["sources"] == [1] for item in (*reply["answers"], *reply["statements"]))


def test_the_model_reasons_itself_for_examples_without_reasoning_and_wrong_ones_go(tmp_path: Path) -> None:
    wrong = example(id="e2", question="Is zinc useful in tinnitus?", answer="yes")

    def reply(request: Request) -> str:
        if not request.choices and request.schema is None:
            return "Because of the trial."
        about_example = "tinnitus" in last(request) or "tinnitus" in request.messages[1].content
        return ("no" if about_example and len(request.messages) < 5 else "yes") if request.choices else json.dumps(SAYS)

    model = Scripted(reply)
    read(model, examples=pool(tmp_path, example(), wrong), n_examples=2, chain_of_thought=True)

    asked = [request for request in model.asked if "atorvastatin" in " ".join(m.content for m in request.messages)]
    contents = [message.content for message in asked[-1].messages]
    assert any("ginkgo" in text for text in contents)
    assert not any("zinc" in text for text in contents)
    assert "Because of the trial." in contents


def test_the_prompts_of_expansion_count_in_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    from ragqa.llm import prompt

    reader = ChatReader(AnswerSettings(), [Scripted(verdict("yes"))])
    before, real = reader.prompts_hash, prompt._read

    def changed(package: str, folder: str, name: str) -> str:
        return real(package, folder, name) + ("!" if (package, name) == ("ragqa.retrieve", "hyde") else "")

    monkeypatch.setattr(prompt, "_read", changed)

    assert reader.prompts_hash != before
