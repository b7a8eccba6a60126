"""The routes of ragqa's own: ask, search, documents, indexes, health and figures."""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from ragqa.answer.related import RelatedQuestion
from ragqa.corpus.evidence import LEVELS
from ragqa.serve import metrics as figures
from ragqa.serve import streams
from ragqa.serve.disconnect import unless_gone
from ragqa.serve.events import Report
from ragqa.serve.metrics import Metrics
from ragqa.serve.models import AskRequest, Health, RelatedRequest, SearchRequest
from ragqa.serve.problem import documented, problem_response
from ragqa.serve.service import Service
from ragqa.serve.settings import ServeSettings
from ragqa.serve.shown import Found, IndexInfo, Shown
from ragqa.types import Answer

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The documents that fit a question best, best first; ``total`` is how many a query with fields finds in all."""

    question: str
    hits: list[Found]
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """Questions near the one that was given, as the titles of articles ask them; the nearest first."""

    questions: tuple[RelatedQuestion, ...]


@dataclass(frozen=True, slots=True)
class IndexList:
    """The served indexes, the default first, and the levels of evidence that sources carry, the strongest first.

    ``most_hits`` is the most that one search or export may ask for; ``history``: whether the page may keep questions;
    ``watch``: whether this key may have questions watched.
    """

    indexes: list[IndexInfo]
    most_hits: int
    history: bool
    watch: bool = False
    evidence_levels: tuple[str, ...] = LEVELS


def router(service: Service, metrics: Metrics, settings: ServeSettings) -> APIRouter:
    """The routes over an opened service."""
    routes = APIRouter()

    @routes.post(
        "/v1/ask",
        response_model=Answer,
        responses={
            200: {
                "description": "The answer, or, where the client asks for it, server-sent events: `stage` as each "
                "stage ends, `read_as` where a question was completed, `statement` for each statement as it is there, "
                "then `answer` with the checked answer; `error` where it fails on the way.",
                "content": {streams.MEDIA_TYPE: {}},
            },
            **documented(400, 401, 404, 408, 413, 422, 503, 504),
        },
        tags=["questions"],
    )
    async def ask(request: Request, body: AskRequest) -> Response:
        """Answer a question; every statement names its articles and the very words that it rests on.

        With `"stream": true`, or `Accept: text/event-stream`, the answer comes as server-sent events.
        """
        facts = request.state.facts
        facts |= asked(body.question, body.index or service.names[0], settings)
        question, allowed = body.to_question(), body.filter.to_filter()

        async def answered(report: Report | None) -> Answer:
            answer = await service.ask(body.index, question, allowed, report, body.turns())
            metrics.answer(facts["index"], answer)
            facts["abstained"] = answer.abstained
            return answer

        if body.stream or streams.MEDIA_TYPE in request.headers.get("accept", ""):
            stream = await unless_gone(request, streams.opened(streams.events(answered)))
            return StreamingResponse(streams.all_as_bytes(stream), 200, streams.HEADERS, streams.MEDIA_TYPE)
        return json_response(await unless_gone(request, answered(None)))

    @routes.post(
        "/v1/search",
        response_model=SearchResult,
        responses=documented(400, 401, 404, 408, 413, 422, 503, 504),
        tags=["questions"],
    )
    async def search(request: Request, body: SearchRequest) -> Response:
        """The documents that fit a question best, with the scores of each stage."""
        request.state.facts |= asked(body.question, body.index or service.names[0], settings)
        work = service.search(body.index, body.question, body.k, body.filter.to_filter(), fielded=body.fielded)
        hits, total = await unless_gone(request, work)
        return json_response(SearchResult(body.question, hits, total))

    @routes.post(
        "/v1/related",
        response_model=Related,
        responses=documented(400, 401, 404, 408, 413, 422, 503, 504),
        tags=["questions"],
    )
    async def related(request: Request, body: RelatedRequest) -> Response:
        """Questions near a question: the titles of the nearest articles, where they are questions or tell one."""
        request.state.facts |= asked(body.question, body.index or service.names[0], settings)
        work = service.related(body.index, body.question, body.n, body.filter.to_filter())
        return json_response(Related(await unless_gone(request, work)))

    @routes.get(
        "/v1/documents/{document_id:path}",
        response_model=Shown,
        responses=documented(401, 404, 422, 503, 504),
        tags=["documents"],
    )
    async def document(document_id: str, index: str | None = None) -> Response:
        """One document: its sections (the offsets of spans count in their texts) and its metadata."""
        return json_response(await service.document(index, document_id))

    @routes.get("/v1/indexes", response_model=IndexList, responses=documented(401), tags=["documents"])
    async def indexes(request: Request) -> Response:
        """The indexes that are served here."""
        may_watch = request.state.facts.get("key", "") in settings.watch.keys
        return json_response(IndexList(service.indexes(), service.limits.k, settings.page.history, may_watch))

    return routes


def operations_router(service: Service, metrics: Metrics) -> APIRouter:
    """The routes for whoever runs the server."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/healthz")
    async def healthz() -> Health:
        """Whether the process is alive."""
        return Health(status="alive")

    @routes.get("/readyz", response_model=Health, responses=documented(503))
    async def readyz() -> Response:
        """Whether questions are taken, and from which state of each index.

        503 while the queue is full, so that a balancer sends them elsewhere.
        """
        if service.workers.full:
            return problem_response(503, "the queue is full", {"retry-after": "1"})
        return json_response(
            {
                "status": "ready",
                "indexes": service.names,
                "degraded": service.degraded,
                "states": await asyncio.to_thread(service.states),  # it reads files
            }
        )

    @routes.get("/metrics", responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
    async def prometheus() -> Response:
        """Figures for Prometheus."""
        return Response(metrics.text(), headers={"content-type": figures.CONTENT_TYPE})

    return routes


def json_response(value: Any) -> Response:
    """A value of plain or ragqa's own types as JSON."""
    return Response(msgspec.json.encode(value), media_type=JSON)


def asked(question: str, index: str, settings: ServeSettings) -> dict[str, Any]:
    """What the log says about a question: its text only where the settings allow it."""
    facts: dict[str, Any] = {"index": index[:100], "question_characters": len(question)}
    if settings.logs.questions:
        facts["question"] = question
    return facts
