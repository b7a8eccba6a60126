"""What completions and responses share: a conversation in, the text of a reply out, whole or as it is written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Request

from ragqa.render import markdown
from ragqa.serve import streams
from ragqa.serve.api import asked
from ragqa.serve.disconnect import unless_gone
from ragqa.serve.events import Event, Report
from ragqa.serve.metrics import Metrics
from ragqa.serve.openai.chores import Chore
from ragqa.serve.openai.conversation import Conversation
from ragqa.serve.openai.requests import RagqaOptions
from ragqa.serve.openai.shape import Finish, Shape, n_tokens
from ragqa.serve.service import Service
from ragqa.serve.settings import ServeSettings
from ragqa.types import Answer, Question


@dataclass(frozen=True, slots=True)
class Order:
    """What a client asked for: of which index, what, and in which form; a chore needs no index."""

    model: str
    conversation: Conversation
    options: RagqaOptions
    shape: Shape
    chore: Chore | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; ``answer`` is None for a chore."""

    text: str
    finish: Finish
    n_prompt: int
    answer: Answer | None = None

    @property
    def usage(self) -> tuple[int, int]:
        """Tokens of the question and of the reply, estimated."""
        return self.n_prompt, n_tokens(self.text)


class Talk:
    """Answers orders from the service."""

    def __init__(self, service: Service, metrics: Metrics, settings: ServeSettings) -> None:
        self._service = service
        self._metrics = metrics
        self._settings = settings

    async def reply(self, request: Request, order: Order) -> Reply:
        """The whole reply; given up when the client leaves."""
        self._service.check_index(order.model)
        if order.chore is not None:
            return self._chore(request, order, order.chore)
        answer = await unless_gone(request, self._answered(request, order, None))
        return _reply(order, "".join(_pieces(order.shape, answer)).strip(), answer)

    async def stream(self, request: Request, order: Order) -> AsyncIterator[Event]:
        """The reply as it is written: events ``text`` (a piece), ``heartbeat``, ``error``, and at last ``reply``.

        What goes wrong before the first piece is raised here; until then, too, it is given up when the client leaves.
        """
        self._service.check_index(order.model)
        if order.chore is not None:
            return _told(self._chore(request, order, order.chore))
        events = streams.events(lambda report: self._answered(request, order, report))
        stream = await unless_gone(request, streams.opened(events))
        live = self._service.generates(order.model) and order.shape.is_free
        return _written(stream, order, live=live)

    def _chore(self, request: Request, order: Order, chore: Chore) -> Reply:
        request.state.facts |= {"index": order.model[:100], "chore": chore.kind}
        return _reply(order, chore.text, None)

    async def _answered(self, request: Request, order: Order, report: Report | None) -> Answer:
        facts = request.state.facts
        conversation = order.conversation
        question = Question(conversation.question, type=order.options.type)
        facts |= asked(question.text, order.model, self._settings)
        allowed = order.options.filter.to_filter()
        answer = await self._service.ask(order.model, question, allowed, report, conversation.earlier)
        self._metrics.answer(facts["index"], answer)
        facts["abstained"] = answer.abstained
        return answer


async def _written(stream: AsyncIterator[Event], order: Order, *, live: bool) -> AsyncIterator[Event]:
    """The text of a stream of stages and statements; ``live``: each statement as it comes, else all at once."""
    text, told = markdown.LiveText(), list[str]()
    async for event in stream:
        if event.kind in {"heartbeat", "error"}:
            yield event
        elif event.kind == "read_as" and live:
            told.append(text.read_as(event.data))
            yield Event("text", told[-1])
        elif event.kind == "statement" and live:
            told.append(text.statement(event.data))
            yield Event("text", told[-1])
        elif event.kind == "answer" and order.shape.is_free:
            for piece in [*text.rest(event.data), *_note(order.shape)]:
                told.append(piece)
                yield Event("text", piece)
            yield Event("reply", _reply(order, "".join(told), event.data))
        elif event.kind == "answer":
            reply = _reply(order, "".join(_pieces(order.shape, event.data)).strip(), event.data)
            async for part in _told(reply):
                yield part


async def _told(reply: Reply) -> AsyncIterator[Event]:
    yield Event("text", reply.text)
    yield Event("reply", reply)


def _pieces(shape: Shape, answer: Answer) -> list[str]:
    if shape.as_json:
        return [msgspec.json.encode(answer).decode()]
    return [*markdown.lines(answer), *_note(shape)]


def _note(shape: Shape) -> list[str]:
    return [f"\n\nNote: {shape.note}"] if shape.note else []


def _reply(order: Order, text: str, answer: Answer | None) -> Reply:
    cut, finish = order.shape.cut(text)
    return Reply(cut, finish, n_tokens(order.conversation.question), answer)


def data(value: Any, event: str = "") -> bytes:
    """A server-sent event as OpenAI writes them."""
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + msgspec.json.encode(value) + b"\n\n"
