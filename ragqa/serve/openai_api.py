"""OpenAI's chat completions over an engine: a model is an index, the last user message is the question."""

import time
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from ragqa.errors import UsageError
from ragqa.render import markdown
from ragqa.serve import streams
from ragqa.serve.api import asked, json_response
from ragqa.serve.disconnect import unless_gone
from ragqa.serve.events import Event, Report
from ragqa.serve.metrics import Metrics
from ragqa.serve.models import ChatCompletion, ChatRequest, Model, ModelList, Usage
from ragqa.serve.problem import documented, problem_of
from ragqa.serve.service import IndexInfo, Service, UnknownNameError
from ragqa.serve.settings import ServeSettings
from ragqa.types import Answer, Question

_DONE = b"data: [DONE]\n\n"


def router(service: Service, metrics: Metrics, settings: ServeSettings) -> APIRouter:
    """The routes that OpenAI clients use."""
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

        Earlier messages are not read: every question stands for itself.
        """
        question = Question(_question_of(body), type=body.ragqa.type)
        facts = request.state.facts
        facts |= asked(question.text, body.model, settings)

        async def answered(report: Report | None) -> Answer:
            answer = await service.ask(body.model, question, body.ragqa.filter.to_filter(), report)
            metrics.answer(facts["index"], answer)
            facts["abstained"] = answer.abstained
            return answer

        if body.stream:
            stream = await streams.opened(streams.events(answered))
            with_usage = body.stream_options is not None and body.stream_options.include_usage
            chunks = _chunks(stream, body.model, live=service.generates(body.model), with_usage=with_usage)
            return StreamingResponse(chunks, 200, streams.HEADERS, streams.MEDIA_TYPE)
        return json_response(_completion(body.model, await unless_gone(request, answered(None))))

    return routes


def _question_of(body: ChatRequest) -> str:
    for message in reversed(body.messages):
        if message.role == "user":
            return message.text()
    raise UsageError("messages has none of the role 'user'; the last of them is the question")


def _model(info: IndexInfo) -> Model:
    return Model(id=info.name, created=int(datetime.fromisoformat(info.created).timestamp()))


def _completion(model: str, answer: Answer) -> dict[str, Any]:
    text = "".join(markdown.lines(answer)).strip()
    return {
        **_head("chat.completion", model),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": _usage(answer, text).model_dump(),
        "ragqa": answer,
    }


async def _chunks(stream: AsyncIterator[Event], model: str, *, live: bool, with_usage: bool) -> AsyncIterator[bytes]:
    """The answer as chunks; ``live``: each statement as it comes, else all at once with the verdict first."""
    text, pieces = markdown.LiveText(), list[str]()
    head = _head("chat.completion.chunk", model)
    yield _chunk(head, {"role": "assistant", "content": ""})
    async for event in stream:
        if event.kind == "heartbeat":
            yield streams.as_bytes(event)
        elif event.kind == "error":
            status, detail, _ = problem_of(event.data)
            yield _data({"error": {"message": detail, "type": "server_error", "code": str(status)}})
        elif event.kind == "statement" and live:
            pieces.append(text.statement(event.data))
            yield _chunk(head, {"content": pieces[-1]})
        elif event.kind == "answer":
            for piece in text.rest(event.data):
                pieces.append(piece)
                yield _chunk(head, {"content": piece})
            yield _chunk(head, {}, finish_reason="stop")
            if with_usage:
                usage = _usage(event.data, "".join(pieces)).model_dump()
                yield _data({**head, "choices": [], "usage": usage})
    yield _DONE


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _chunk(head: dict[str, Any], delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return _data({**head, "choices": [choice]})


def _data(value: Any) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def _usage(answer: Answer, text: str) -> Usage:
    n_prompt, n_completion = len(answer.question.text.split()), len(text.split())
    return Usage(prompt_tokens=n_prompt, completion_tokens=n_completion, total_tokens=n_prompt + n_completion)
