"""The page for browsers without scripts: a form that is answered with a whole page, which has the same exports."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from ragqa.errors import UsageError
from ragqa.render import html
from ragqa.render.page import page
from ragqa.serve import key_cookie, library
from ragqa.serve.api import asked
from ragqa.serve.disconnect import unless_gone
from ragqa.serve.metrics import Metrics
from ragqa.serve.models import AskRequest
from ragqa.serve.problem import problem_of
from ragqa.serve.refused_page import refused_page
from ragqa.serve.service import Service
from ragqa.serve.settings import ServeSettings
from ragqa.types import Answer

PATH = key_cookie.PAGE_PATH
KINDS = {"yesno": "yes, no or maybe", "factoid": "a fact", "list": "a list", "summary": "a summary"}
YEARS = {"year_from": "Published from", "year_to": "Published to"}
LISTS = {
    "publication_types": "Publication types",
    "mesh": "MeSH headings, with narrower ones",
    "journals": "Journals",
    "languages": "Languages",
}
CHECKS = {"has_abstract": "with an abstract", "not_retracted": "without retracted articles"}
_MOST_FIELDS = 1_200
_MOST_EARLIER = 59
"""Questions before that are kept: with the last one as many as a request may have."""
Form = Mapping[str, list[str]]


def router(service: Service, metrics: Metrics, settings: ServeSettings) -> APIRouter:
    """The form and what it is answered with; questions come in the body, so that no server logs them."""
    routes = APIRouter(include_in_schema=False)

    def shown(form: Form, answer: Answer | None = None, problem: str = "", status: int = 200) -> Response:
        content = _page(form, service.names, answer, problem)
        return HTMLResponse(content, status, {"cache-control": "no-store"})

    @routes.get(PATH)
    async def empty() -> Response:
        return shown({})

    @routes.post(PATH)
    async def ask(request: Request) -> Response:
        form = dict[str, list[str]]()
        try:
            form = await _form_of(request)
            body = _request_of(form)
            request.state.facts |= asked(body.question, body.index or service.names[0], settings)
            work = service.ask(body.index, body.to_question(), body.filter.to_filter(), None, body.turns())
            answer = await unless_gone(request, work)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person gets a page that says it
            status, detail, headers = problem_of(error)
            response = shown(form, problem=detail, status=status)
            response.headers.update(headers)
            return response
        metrics.answer(body.index or service.names[0], answer)
        if (wanted := _one(form, "format")) in library.ANSWER_FORMATS:
            return library.answer_file(answer, wanted)
        return shown(form, answer)

    @routes.post(key_cookie.KEY_PATH)
    async def key(request: Request) -> Response:
        return await _key_given(request, shown(await _form_of(request)))

    @routes.post(f"{PATH}/articles")
    async def articles(request: Request) -> Response:
        try:
            form = await _form_of(request)
            wanted = _article_format(form)
            ids = list(dict.fromkeys(form.get("ids", [])))
            index = _one(form, "index") or None
            return await service.documents(index, ids, lambda found: library.articles_file(found, wanted))
        except Exception as error:  # noqa: BLE001 - as above
            return refused_page(*problem_of(error))

    return routes


async def _key_given(request: Request, kept: Response) -> Response:
    """``kept``, the form as it was, with the key in a cookie.

    Whether it is right is told by the next request, as for every key: nobody can try keys here.
    """
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise UsageError(f"a key is given on this server's own page; open {PATH}")
    try:
        key_cookie.keep(kept, _one(await _form_of(request), "key"), secure=request.url.scheme == "https")
    except UsageError as error:
        return key_cookie.asked_for(str(error), 422, await request.body())
    return kept


async def _form_of(request: Request) -> dict[str, list[str]]:
    try:
        text = (await request.body()).decode()
        return parse_qs(text, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise UsageError(f"the form cannot be read: {error}; send it as the page at {PATH} does") from error


def _one(form: Form, name: str) -> str:
    return form.get(name, [""])[0].strip()


def _article_format(form: Form) -> str:
    wanted = _one(form, "format")
    if wanted not in library.ARTICLE_FORMATS:
        raise UsageError(f"format is {wanted[:40]!r}; it must be one of {', '.join(library.ARTICLE_FORMATS)}")
    return wanted


def _request_of(form: Form) -> AskRequest:
    """What the form asks, checked as if it had come as JSON."""
    filters: dict[str, Any] = {name: _one(form, name) for name in YEARS if _one(form, name)}
    filters |= {name: [part.strip() for part in _one(form, name).split(";") if part.strip()] for name in LISTS}
    filters |= {name: True for name in CHECKS if _one(form, name)}
    asks: dict[str, Any] = {name: _one(form, name) for name in ("index", "type") if _one(form, name)}
    if earlier := form.get("earlier"):
        asks["earlier"] = earlier
    try:
        return AskRequest.model_validate({"question": _one(form, "question"), "filter": filters, **asks})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def _page(form: Form, indexes: Sequence[str], answer: Answer | None, problem: str) -> bytes:
    kept = ("index", "type", *YEARS, *LISTS, *CHECKS)
    return page(
        "ragqa.serve",
        "plain.html",
        form={name: _one(form, name) for name in ("question", *kept)},
        kept=kept,
        earlier=form.get("earlier", [])[-_MOST_EARLIER:],
        indexes=indexes,
        kinds=KINDS,
        years=YEARS,
        lists=LISTS,
        checks=CHECKS,
        problem=problem,
        answer=answer,
        fragment=html.fragment(answer) if answer else "",
        ids=[hit.document_id for hit in answer.hits] if answer else [],
        answer_formats=library.ANSWER_FORMATS,
        article_formats=library.ARTICLE_FORMATS,
        path=PATH,
    )
