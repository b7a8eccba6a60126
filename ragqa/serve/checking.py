"""The route that checks a text: each claim and reference as it is judged, or the whole at the end."""

import base64
import json
from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from ragqa.check import page, table
from ragqa.check.text.blocks import Block, blocks_of
from ragqa.check.types import Checked, summary_of
from ragqa.errors import SourceError, UsageError
from ragqa.serve import streams
from ragqa.serve.api import json_response
from ragqa.serve.disconnect import unless_gone
from ragqa.serve.events import Report
from ragqa.serve.models import Closed, Name, Text
from ragqa.serve.problem import CHECK_PATH, documented
from ragqa.serve.service import Service


class CheckRequest(Closed):
    """A text to check."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "Preoperative statins reduce atrial fibrillation after surgery."}]},
    )
    text: Annotated[Text, Field(description="The text; not with `file`.")] = ""
    file: Annotated[str, Field(description="A DOCX or PDF file in Base64; its `form` must be named.")] = ""
    form: Annotated[Literal["text", "markdown", "html", "docx", "pdf"], Field(description="What it is.")] = "text"
    index: Name | None = Field(None, description="A name of /v1/indexes; else the server's default.")
    stream: bool = Field(False, description="Answer with server-sent events.")

    def blocks(self) -> tuple[Block, ...]:
        """The text as the engine takes it.

        Raises
        ------
        RagqaError
            There is none, or it is not of the form that is named.
        """
        if bool(self.text) == bool(self.file):
            raise UsageError("give either 'text' or 'file', with something in it")
        if not self.file:
            return blocks_of(self.text, self.form)
        try:
            content = base64.b64decode(self.file, validate=True)
        except ValueError as error:  # not Base64, or not even ASCII
            raise UsageError(f"'file' is not Base64: {error}") from error
        return blocks_of(content, self.form, "the file")


class RenderCheckedRequest(Closed):
    """A checked text to be taken along."""

    checked: Annotated[Checked, Field(description="As `/v1/check` gave it.")]
    format: Literal["html", "csv"]

    def sound(self) -> Checked:
        """The checked text, its counts made anew.

        Raises
        ------
        UsageError
            A reference names a claim that is not there, an address is none of the web, or a text is none.
        """
        checked = self.checked
        if wrong := [n for one in checked.references for n, _ in one.supports if not 0 <= n < len(checked.claims)]:
            raise UsageError(f"a reference names claim {wrong[0]}; there are {len(checked.claims)}, counted from 0")
        cited = [one for claim in checked.claims for one in (*claim.supporting, *claim.contradicting)]
        if wrong_url := [one.url for one in cited if one.url and not one.url.startswith(("https://", "http://"))]:
            raise UsageError(f"the url {wrong_url[0][:80]!r} must begin with https:// or http://")
        try:
            json.dumps(msgspec.to_builtins(checked), ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise UsageError("a text has half of a surrogate pair in it") from error
        return replace(checked, summary=summary_of(checked.claims, checked.references, len(checked.skipped)))


def router(service: Service) -> APIRouter:
    """The route over an opened service."""
    routes = APIRouter()

    @routes.post(
        CHECK_PATH,
        response_model=Checked,
        responses={
            200: {
                "description": "The checked text, or, where the client asks for it, server-sent events: `claim` and "
                "`reference` as each is judged, then `checked` with the whole; `error` where it fails on the way.",
                "content": {streams.MEDIA_TYPE: {}},
            },
            **documented(400, 401, 404, 408, 413, 422, 503, 504),
        },
        tags=["texts"],
    )
    async def check(request: Request, body: CheckRequest) -> Response:
        """Check each claim and each reference of a text; every verdict quotes the very words that it rests on.

        With `"stream": true`, or `Accept: text/event-stream`, each comes as a server-sent event once it is judged.
        """
        request.state.facts |= {"index": body.index or service.names[0], "characters": len(body.text or body.file)}

        async def checked(report: Report | None) -> Checked:
            try:
                return await service.check(body.index, body.blocks, report)
            except SourceError as error:
                raise UsageError(str(error)) from error  # the client's text, not a file of the server's

        if body.stream or streams.MEDIA_TYPE in request.headers.get("accept", ""):
            stream = await unless_gone(request, streams.opened(streams.events(checked, "checked")))
            return StreamingResponse(streams.all_as_bytes(stream), 200, streams.HEADERS, streams.MEDIA_TYPE)
        return json_response(await unless_gone(request, checked(None)))

    @routes.post(
        f"{CHECK_PATH}/render",
        response_class=Response,
        responses={
            200: {"description": "The checked text as a file.", "content": {"text/html": {}, "text/csv": {}}},
            **documented(400, 401, 408, 413, 422),
        },
        tags=["texts"],
    )
    async def render(body: RenderCheckedRequest) -> Response:
        """A checked text as a page of its own that loads nothing, or as a table."""
        checked = body.sound()
        content = page.as_html(checked) if body.format == "html" else table.as_csv(checked)
        headers = {"content-disposition": f'attachment; filename="checked.{body.format}"'}
        return Response(content, headers=headers, media_type=f"text/{body.format}; charset=utf-8")

    return routes
