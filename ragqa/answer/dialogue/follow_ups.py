"""Messages of a conversation: completed by rule or by the generator, kept to their topic, or asked back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from ragqa.answer.dialogue.rewriting import is_faithful
from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.dialogue.understand import Understood, asking_back, understand
from ragqa.answer.question import question_type
from ragqa.types import Answer, Notice, Question, QuestionType

Rewrite = Callable[[str, Sequence[Turn]], Awaitable[str | None]]
"""Asks a generator for the message as a question that stands alone: "" if that is unclear, None if there is none."""


async def read_message(message: str, earlier: Sequence[Turn], rewrite: Rewrite | None) -> Understood:
    """How a message is read: as the generator rewrites it where it can be believed, else by rule."""
    ruled = understand(message, earlier)
    if rewrite is None or not any(turn.role == "user" for turn in earlier):
        return ruled
    question = await rewrite(message, earlier)
    if not question or not is_faithful(question, message, earlier) or _same(question, message):
        return ruled
    topic = ruled.topic if ruled.is_completed else question
    return Understood(question, topic, ruled.limit, is_aspect=ruled.is_aspect)


def asked_back(question: Question, read: Understood, earlier: Sequence[Turn], manifest_hash: str) -> Answer:
    """The answer to a message that could be read in several ways: it asks which is meant."""
    sentence = asking_back(question.text, read, earlier)
    told = (Notice("asked_back", sentence),)
    return Answer(question, abstained=True, reason=sentence, notices=told, manifest_hash=manifest_hash)


def type_of_aspect(asked: str) -> QuestionType:
    """The type of a question that was asked of a topic: never one with a verdict, which would be the topic's.

    >>> type_of_aspect("Are they safe?"), type_of_aspect("What is the dose?")
    ('summary', 'factoid')
    """
    kind = question_type(asked)
    return "summary" if kind == "yesno" else kind


def as_understood(question: Question, read: Understood) -> Question:
    """The question that is asked for a message."""
    kind = question.type or (type_of_aspect(read.limit) if read.is_aspect else None)
    return replace(question, text=read.question, type=kind)


def read_as(question: str) -> str:
    """What is shown of a completed question."""
    return f"Read as: {question}"


def told(answer: Answer, read: Understood) -> Answer:
    """The answer with a notice of how its question was read."""
    if not read.is_completed:
        return answer
    return replace(answer, notices=(Notice("completed", read_as(read.question)), *answer.notices))


def _same(one: str, other: str) -> bool:
    return one.strip(" ?.!").lower() == other.strip(" ?.!").lower()
