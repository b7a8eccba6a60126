"""Few-shot examples as turns of a conversation: the same sources, task and form of reply as the question's own."""

import asyncio
import json
from collections.abc import Sequence

from ragqa.answer.chat.conversation import Conversation, Sample, Spent, choose, reason, reply_in_statements
from ragqa.answer.chat.examples import Example
from ragqa.answer.chat.replies import reply_schema
from ragqa.answer.chat.sources import NumberedSource
from ragqa.answer.passages import passages_of
from ragqa.answer.question import analyse
from ragqa.llm.model import Message
from ragqa.llm.prompt import Prompts
from ragqa.types import Document, Question, Section

VERDICTS = ("yes", "no", "maybe")


class OwnReasoning:
    """Reasoning that the model wrote for examples that come without, kept where it led to the right answer.

    Medprompt (Nori et al. 2023) calls it self-generated chain of thought. Each example is reasoned about once.
    """

    def __init__(self) -> None:
        self._made: dict[str, str] = {}

    async def fill(self, examples: Sequence[Example], prompts: Prompts, sample: Sample, spent: Spent) -> list[Example]:
        """The examples with reasoning; those that the model gets wrong are left out."""
        texts = await asyncio.gather(*(self._of(example, prompts, sample, spent) for example in examples))
        return [_with_rationale(example, text) for example, text in zip(examples, texts, strict=True) if text]

    async def _of(self, example: Example, prompts: Prompts, sample: Sample, spent: Spent) -> str:
        if example.rationale:
            return example.rationale
        if example.id not in self._made:
            conversation = as_conversation(example, prompts)
            opening = conversation.opening(conversation.task("reason"))
            thought = await reason(sample, opening, spent)
            turns = (*thought, Message("user", conversation.task(example.type)))
            right = await _is_right(example, sample, turns, len(conversation.sources), spent)
            self._made[example.id] = thought[-1].content if right else ""
        return self._made[example.id]


def solved_turns(examples: Sequence[Example], prompts: Prompts, *, with_reasoning: bool) -> tuple[Message, ...]:
    """The examples as turns, each asked and solved as the question itself will be."""
    return tuple(turn for example in examples for turn in _turns(example, prompts, with_reasoning=with_reasoning))


def as_conversation(example: Example, prompts: Prompts) -> Conversation:
    """The conversation in which an example would be asked."""
    question = Question(example.question, example.id, example.type)
    documents = [
        Document(str(number), (Section("title", source.title), Section("abstract", source.text)))
        for number, source in enumerate(example.sources, start=1)
    ]
    passages = [p for p in passages_of(analyse(question), documents) if p.section.name != "title"]
    sources = tuple(
        NumberedSource(place + 1, document, tuple(p for p in passages if p.document == place))
        for place, document in enumerate(documents)
    )
    return Conversation(prompts, question, sources)


def _turns(example: Example, prompts: Prompts, *, with_reasoning: bool) -> list[Message]:
    conversation = as_conversation(example, prompts)
    task = conversation.task(example.type)
    reply = Message("assistant", _reply(example))
    if not with_reasoning or not example.rationale:
        return [conversation.asking(task), reply]
    first = conversation.asking(conversation.task("reason"))
    return [first, Message("assistant", example.rationale), Message("user", task), reply]


def _reply(example: Example) -> str:
    if example.type == "yesno":
        return example.answer
    numbers = list(range(1, len(example.sources) + 1))[:3]

    def cited(text: str) -> dict[str, object]:
        return {"text": text, "sources": numbers} if numbers else {"text": text}

    reply: dict[str, object] = {"answerable": True}
    if example.type != "summary":
        reply["answers"] = [cited(text) for text in example.answers or (example.answer,)]
    reply["statements"] = [cited(text) for text in example.statements or (example.answer,)]
    return json.dumps(reply, ensure_ascii=False)


async def _is_right(example: Example, sample: Sample, turns: tuple[Message, ...], n_sources: int, spent: Spent) -> bool:
    """Whether the reasoning led to the example's answer; a summary has no single one, so any readable reply counts."""
    if example.type == "yesno":
        probabilities = await choose(sample, turns, VERDICTS, spent)
        return bool(probabilities) and max(probabilities, key=probabilities.__getitem__) == example.answer.lower()
    reply = await reply_in_statements(sample, turns, reply_schema(example.type, n_sources), spent)
    if example.type == "summary":
        return reply.readable and reply.answerable
    wanted = {text.casefold() for text in example.answers or (example.answer,)}
    return any(answer.text.casefold() in wanted for answer in reply.answers)


def _with_rationale(example: Example, text: str) -> Example:
    return Example(
        example.id, example.question, example.type, example.answer, example.split, text, example.sources,
        example.answers, example.statements,
    )  # fmt: skip
