"""OpenAI's responses, as far as a question and its answer need them: text in, text out, nothing stored."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from ragqa.serve import streams
from ragqa.serve.api import json_response
from ragqa.serve.events import Event
from ragqa.serve.openai.chores import chore_of
from ragqa.serve.openai.conversation import Conversation, conversation_of
from ragqa.serve.openai.objects import ResponseObject
from ragqa.serve.openai.requests import ChatMessage, ResponsesRequest
from ragqa.serve.openai.shape import Shape, shape_of_response
from ragqa.serve.openai.talk import Order, Reply, Talk, data
from ragqa.serve.problem import documented, problem_of


def router(talk: Talk) -> APIRouter:
    """The route ``/v1/responses``."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.post(
        "/v1/responses",
        response_model=ResponseObject,
        responses={
            200: {
                "description": "The response, or, with `stream`, its events as server-sent events.",
                "content": {streams.MEDIA_TYPE: {}},
            },
            **documented(400, 401, 404, 408, 413, 422, 503, 504),
        },
    )
    async def respond(request: Request, body: ResponsesRequest) -> Response:
        """Answer the last message of the user among the input; nothing is stored."""
        order = _order(body)
        if body.stream:
            told = _Told(body)
            events = told.events(await talk.stream(request, order))
            return StreamingResponse(events, 200, streams.HEADERS, streams.MEDIA_TYPE)
        return json_response(_Told(body).whole(await talk.reply(request, order)))

    return routes


def _order(body: ResponsesRequest) -> Order:
    messages = body.messages()
    with_instructions = [ChatMessage(role="system", content=body.instructions or ""), *messages]
    chore = chore_of(with_instructions)
    if chore is None:
        return Order(body.model, conversation_of(messages), body.ragqa, shape_of_response(body))
    return Order(body.model, Conversation(with_instructions[-1].text()), body.ragqa, Shape(), chore)


class _Told:
    """One response while it is told: it has an id, its message another, and its events are numbered."""

    def __init__(self, body: ResponsesRequest) -> None:
        self._model = body.model
        self._limit = body.max_output_tokens
        self._instructions = body.instructions
        self._metadata = body.metadata or {}
        self._id = f"resp_{uuid.uuid4().hex}"
        self._message_id = f"msg_{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._n_events = 0

    def whole(self, reply: Reply) -> dict[str, Any]:
        """The response with its text."""
        is_whole = reply.finish != "length"
        status = "completed" if is_whole else "incomplete"
        n_input, n_output = reply.usage
        usage = {
            "input_tokens": n_input,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": n_output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": n_input + n_output,
        }
        response = {
            **self._response(status),
            "output": [self._message(status, reply.text)],
            "usage": usage,
            "incomplete_details": None if is_whole else {"reason": "max_output_tokens"},
        }
        return response if reply.answer is None else {**response, "ragqa": reply.answer}

    async def events(self, stream: AsyncIterator[Event]) -> AsyncIterator[bytes]:
        """The events of a stream, from ``response.created`` to ``response.completed``."""
        place = {"item_id": self._message_id, "output_index": 0, "content_index": 0}
        yield self._event("response.created", response=self._response("in_progress"))
        yield self._event("response.in_progress", response=self._response("in_progress"))
        yield self._event("response.output_item.added", output_index=0, item=self._message("in_progress"))
        yield self._event("response.content_part.added", **place, part=_part(""))
        async for event in stream:
            if event.kind == "heartbeat":
                yield streams.as_bytes(event)
            elif event.kind == "error":
                yield self._failed(event.data)
            elif event.kind == "text":
                yield self._event("response.output_text.delta", **place, delta=event.data, logprobs=[])
            elif event.kind == "reply":
                whole, text = self.whole(event.data), event.data.text
                yield self._event("response.output_text.done", **place, text=text, logprobs=[])
                yield self._event("response.content_part.done", **place, part=_part(text))
                yield self._event("response.output_item.done", output_index=0, item=whole["output"][0])
                yield self._event(f"response.{whole['status']}", response=whole)

    def _failed(self, error: Exception) -> bytes:
        _, detail, _ = problem_of(error)
        failed = {**self._response("failed"), "error": {"code": "server_error", "message": detail}}
        return self._event("response.failed", response=failed)

    def _event(self, kind: str, **more: Any) -> bytes:
        self._n_events += 1
        return data({"type": kind, "sequence_number": self._n_events - 1, **more}, kind)

    def _response(self, status: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "model": self._model,
            "instructions": self._instructions,
            "output": [],
            "error": None,
            "incomplete_details": None,
            "max_output_tokens": self._limit,
            "metadata": self._metadata,
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "store": False,
            "tool_choice": "none",
            "tools": [],
            "usage": None,
        }

    def _message(self, status: str, text: str | None = None) -> dict[str, Any]:
        content = [] if text is None else [_part(text)]
        return {"id": self._message_id, "type": "message", "role": "assistant", "status": status, "content": content}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
