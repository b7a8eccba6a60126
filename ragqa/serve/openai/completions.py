"""OpenAI's models and chat completions: a model is an index, the last user message is the question."""

import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from ragqa.serve import streams
from ragqa.serve.api import json_response
from ragqa.serve.events import Event
from ragqa.serve.indexes import UnknownNameError
from ragqa.serve.openai.chores import Chore, chore_of
from ragqa.serve.openai.conversation import Conversation, conversation_of
from ragqa.serve.openai.objects import ChatCompletion, Model, ModelList
from ragqa.serve.openai.requests import ChatRequest
from ragqa.serve.openai.shape import Shape, shape_of_completion
from ragqa.serve.openai.talk import Order, Reply, Talk, data
from ragqa.serve.problem import documented, problem_of
from ragqa.serve.service import Service
from ragqa.serve.shown import IndexInfo

_DONE = b"data: [DONE]\n\n"


def router(service: Service, talk: Talk) -> APIRouter:
    """The routes ``/v1/models`` and ``/v1/chat/completions``."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.get("/v1/models", responses=documented(401))
    async def models() -> ModelList:
        """The served indexes."""
        return ModelList(data=[_model(info) for info in service.indexes()])

    @routes.get("/v1/models/{model}", responses=documented(401, 404, 422))
    async def one_model(model: str) -> Model:
        """One served index."""
        for info in service.indexes():
            if info.name == model:
                return _model(info)
        raise UnknownNameError(f"no index {model[:100]!r} is served here; known: {', '.join(service.names)}")

    @routes.post(
        "/v1/chat/completions",
        response_model=ChatCompletion,
        responses={
            200: {
                "description": "The completion, or, with `stream`, chunks as server-sent events.",
                "content": {streams.MEDIA_TYPE: {}},
            },
            **documented(400, 401, 404, 408, 413, 422, 503, 504),
        },
    )
    async def chat(request: Request, body: ChatRequest) -> Response:
        """Answer the last message of the user; citations are footnotes with PMIDs.

        What chat front-ends ask beside the conversation, a title for example, is answered by rule.
        """
        order = _order(body)
        if order.chore is not None and (call := _call(body, order.chore)):
            service.check_index(body.model)
            return json_response(_called(body.model, call))
        if body.stream:
            chunks = _chunks(await talk.stream(request, order), body)
            return StreamingResponse(chunks, 200, streams.HEADERS, streams.MEDIA_TYPE)
        return json_response(_completion(body.model, await talk.reply(request, order)))

    return routes


def _order(body: ChatRequest) -> Order:
    chore = chore_of(body.messages)
    if chore is None:
        return Order(body.model, conversation_of(body.messages), body.ragqa, shape_of_completion(body))
    if chore.title and body.response_format is not None and body.response_format.type == "json_schema":
        chore = Chore(chore.kind, json.dumps(_title_arguments(chore.title)), chore.title)
    return Order(body.model, Conversation(body.messages[-1].text()), body.ragqa, Shape(), chore)


def _model(info: IndexInfo) -> Model:
    return Model(id=info.name, created=int(datetime.fromisoformat(info.created).timestamp()))


def _title_arguments(title: str) -> dict[str, str]:
    """What LibreChat's schema of a title wants; the language is always given, since extra keys do no harm."""
    return {"language": "English", "title": title}


def _call(body: ChatRequest, chore: Chore) -> Mapping[str, Any] | None:
    """The call of the function by which a front-end demands its title; None where it demands none."""
    chosen = body.tool_choice
    if not chore.title or not isinstance(chosen, dict) or body.stream:
        return None
    name = chosen.get("function", {}).get("name") if isinstance(chosen.get("function"), dict) else None
    return {"name": str(name), "arguments": json.dumps(_title_arguments(chore.title))} if name else None


def _called(model: str, function: Mapping[str, Any]) -> dict[str, Any]:
    call = {"id": f"call_{uuid.uuid4().hex}", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return _whole(model, message, "tool_calls", (0, 0))


def _completion(model: str, reply: Reply) -> dict[str, Any]:
    whole = _whole(model, {"role": "assistant", "content": reply.text}, reply.finish, reply.usage)
    return whole if reply.answer is None else {**whole, "ragqa": reply.answer}


def _whole(model: str, message: Mapping[str, Any], finish: str, usage: Sequence[int]) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {**_head("chat.completion", model), "choices": [choice], "usage": _usage(usage)}


async def _chunks(stream: AsyncIterator[Event], body: ChatRequest) -> AsyncIterator[bytes]:
    head = _head("chat.completion.chunk", body.model)
    yield _chunk(head, {"role": "assistant", "content": ""})
    async for event in stream:
        if event.kind == "heartbeat":
            yield streams.as_bytes(event)
        elif event.kind == "error":
            status, detail, _ = problem_of(event.data)
            yield data({"error": {"message": detail, "type": "server_error", "code": str(status)}})
        elif event.kind == "text":
            yield _chunk(head, {"content": event.data})
        elif event.kind == "reply":
            yield _chunk(head, {}, event.data.finish)
            if body.stream_options is not None and body.stream_options.include_usage:
                yield data({**head, "choices": [], "usage": _usage(event.data.usage)})
    yield _DONE


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _chunk(head: dict[str, Any], delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return data({**head, "choices": [choice]})


def _usage(usage: Sequence[int]) -> dict[str, int]:
    n_prompt, n_completion = usage
    return {"prompt_tokens": n_prompt, "completion_tokens": n_completion, "total_tokens": n_prompt + n_completion}
