"""Errors as ``application/problem+json`` (RFC 9457): what is wrong and what to do, never a traceback."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ragqa.errors import ClusterError, EndpointError, RagqaError, UsageError
from ragqa.serve import logs
from ragqa.serve.indexes import UnknownNameError
from ragqa.serve.workers import BusyError

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_MAX_FAULTS = 5
_NO_MODEL = "a language model that this index searches with is not available at the moment; try again in 10 s"
_REMEDIES = {
    404: "nothing is served at this address; /openapi.json lists what there is",
    405: "this address takes another method; /openapi.json tells which",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as every route returns it.

    ``error`` says the same in the form that OpenAI clients read, on the routes that they use.
    """

    title: str
    status: int
    detail: str
    request_id: str
    type: str = "about:blank"
    error: dict[str, str | None] | None = None


def problem_of(error: Exception) -> tuple[int, str, dict[str, str]]:
    """Status, detail and headers for an error; one that is the server's own fault is logged."""
    match error:
        case UnknownNameError():
            status, detail = 404, str(error)
        case UsageError():
            status, detail = 422, str(error)
        case BusyError():
            return 503, str(error), {"retry-after": str(error.retry_after_seconds)}
        case EndpointError():
            _log.warning("a language model failed: %s", error)
            return 503, _NO_MODEL, {"retry-after": "10"}  # its address and what it said are for the log alone
        case ClusterError():
            _log.warning("%s", error)
            return 503, str(error), {"retry-after": "5"}
        case TimeoutError():
            status, detail = 504, "the request took too long and was given up; try later, or ask something narrower"
        case RequestValidationError():
            status, detail = 422, _faults(error)
        case HTTPException():
            return error.status_code, _told(error), dict(error.headers or {})
        case _:
            _log.error("a request failed: %s", error, exc_info=error)
            known = "something went wrong here; the server's log has the details under the request id"
            status, detail = 500, str(error) if isinstance(error, RagqaError) else known
    return status, detail, {}


def _told(error: HTTPException) -> str:
    """What an error of the framework says, with what to do where it says nothing."""
    detail = str(error.detail)
    if detail == "There was an error parsing the body":
        return "the body cannot be read as JSON; send UTF-8 that is not nested deeply, as /openapi.json describes it"
    if error.status_code in _REMEDIES and detail == HTTPStatus(error.status_code).phrase:
        return _REMEDIES[error.status_code]
    return detail


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None, *, openai: bool = False
) -> Response:
    """The response for an error."""
    problem = _problem(status, detail, openai=openai)
    body = {key: value for key, value in msgspec.to_builtins(problem).items() if value is not None}
    return Response(msgspec.json.encode(body), status, dict(headers or {}), MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Let every error of the application become a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        status, detail, headers = problem_of(error)
        return problem_response(status, detail, headers, openai=is_openai(request.url.path))

    for kind in (RagqaError, BusyError, TimeoutError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)
    app.add_exception_handler(Exception, handle)


CHECK_PATH = "/v1/check"


def is_openai(path: str) -> bool:
    """Whether OpenAI clients use the route."""
    return path.startswith(("/v1/chat/", "/v1/models", "/v1/responses", "/v1/embeddings"))


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route for its OpenAPI document; one that wants a key refuses those that ask too much, too."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    told = sorted({*statuses, *([429] if 401 in statuses else [])})
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in told}


def _problem(status: int, detail: str, *, openai: bool) -> Problem:
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error: dict[str, str | None] | None = {"message": detail, "type": kind, "code": str(status)} if openai else None
    return Problem(title, status, detail, logs.request_id.get(), error=error)


def _faults(error: RequestValidationError) -> str:
    """What is wrong with a body or a parameter, without repeating the value that was sent."""
    faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
    more = f" (and {len(faults) - _MAX_FAULTS} more)" if len(faults) > _MAX_FAULTS else ""
    return "; ".join(faults[:_MAX_FAULTS]).encode("utf-8", "replace").decode() + more
