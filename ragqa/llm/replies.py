"""A reply as a server gives it, whole or in pieces, and the completion that it makes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ragqa.llm.choice import Position, choice_probabilities
from ragqa.llm.model import Completion, Request
from ragqa.llm.reasoning import split_reasoning

_AROUND_CHOICE = " \n\t\"'.*()"


@dataclass(slots=True)
class RawReply:
    """A reply as the server gave it, gathered piece by piece where it is streamed."""

    text: str = ""
    reasoning: str = ""
    finish: str = ""
    positions: list[Position] = field(default_factory=list)
    usage: tuple[int, int] = (0, 0)

    def add(self, choice: Any, said: Any) -> str:
        """Take in what a choice says, whole (``said`` is its message) or a piece (its delta); returns the text.

        Some servers give None as the last piece.
        """
        content = getattr(said, "content", None) or ""
        self.text += content
        self.reasoning += _reasoning_of(said)
        self.finish = choice.finish_reason or self.finish
        self.positions += _positions(choice.logprobs)
        return content

    def count(self, usage: Any) -> None:
        """Take in the server's count of tokens; None where it gives none."""
        if usage:
            self.usage = (usage.prompt_tokens or 0, usage.completion_tokens or 0)

    def completion(self, request: Request) -> Completion:
        """The completion, its reasoning apart from its text and one of the request's choices as it is written there."""
        thought, reply = split_reasoning(self.text)
        positions = _after_reasoning(self.positions) if thought else self.positions
        if request.choices:
            said = reply.strip(_AROUND_CHOICE).lower()
            reply = next((choice for choice in request.choices if choice.lower() == said), reply)
        chose = reply in request.choices
        return Completion(
            text=reply,
            reasoning="\n".join(part for part in (self.reasoning.strip(), thought) if part),
            cut_off=self.finish == "length",
            prompt_tokens=self.usage[0],
            completion_tokens=self.usage[1],
            choice_probabilities=choice_probabilities(request.choices, positions) if chose else {},
        )


def _reasoning_of(message: Any) -> str:
    """What a server's reasoning parser took out of the text; servers differ in the field's name."""
    return getattr(message, "reasoning", None) or getattr(message, "reasoning_content", None) or ""


def _positions(logprobs: Any) -> list[Position]:
    content = getattr(logprobs, "content", None) or []
    return [(item.token, {top.token: top.logprob for top in item.top_logprobs or ()}) for item in content]


def _after_reasoning(positions: Sequence[Position]) -> Sequence[Position]:
    """The positions after ``</think>``, which may be one token or several."""
    text = ""
    last = 0
    for place, (token, _) in enumerate(positions):
        text += token
        if text.rstrip().endswith("</think>"):
            last = place + 1
    return positions[last:]
