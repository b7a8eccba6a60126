"""The messages of a chat → the question that is asked now, and what was said before it, trimmed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragqa.answer.dialogue.turn import Turn
from ragqa.errors import UsageError
from ragqa.serve.openai.requests import ChatMessage

MOST_TURNS = 60
"""How many messages before the last are kept: the latest."""
LONGEST_TURN = 2_000
"""How many characters of each are kept: the first."""

_OPEN_WEBUI_CONTEXT = re.compile(r"\A\s{0,9}### Task:\s{0,9}Respond to the user query using the provided context")
_OPEN_WEBUI_MERGE = re.compile(
    r'\A\s{0,9}You have been provided with a set of responses from various models to the latest user query: "(.*?)"\s+'
    r"Your task is to synthesize",
    re.S,
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is asked, and the turns before it, the oldest first."""

    question: str
    earlier: tuple[Turn, ...] = ()


def conversation_of(messages: Sequence[ChatMessage]) -> Conversation:
    """Take the last message of the user as the question; nothing that came before it is refused, only trimmed.

    Messages of other roles (system, tool) are not read, nor are images of earlier messages.

    Raises
    ------
    UsageError
        No message is the user's, or the last of them has parts that are not text.
    """
    places = [place for place, message in enumerate(messages) if message.role == "user"]
    if not places:
        raise UsageError("messages has none of the role 'user'; the last of them is the question")
    last = messages[places[-1]]
    if others := last.other_parts():
        raise UsageError(
            f"the last message has a part of type {others[0]!r}, and ragqa reads no images, sounds or files; ask the "
            "question in words, in parts of type 'text'"
        )
    said = [message for message in messages[: places[-1]] if message.role in {"user", "assistant"}]
    turns = [message.turn() for message in said[-MOST_TURNS:]]
    earlier = tuple(Turn(turn.role, asked_in(turn.text)[:LONGEST_TURN]) for turn in turns if turn.text.strip())
    return Conversation(asked_in(last.text()), earlier)


def asked_in(text: str) -> str:
    r"""The question in a message into which Open WebUI put documents, or answers of other models; else all of it.

    >>> asked_in("### Task:\nRespond to the user query using the provided context, …<context>x</context>\nWhy?")
    'Why?'
    """
    if _OPEN_WEBUI_CONTEXT.match(text) and "</context>" in text:
        _, _, query = text.rpartition("</context>")
        return query.replace("<user_query>", "").replace("</user_query>", "").strip()
    merged = _OPEN_WEBUI_MERGE.match(text)
    return merged[1] if merged else text
