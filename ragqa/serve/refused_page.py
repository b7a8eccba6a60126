"""What a browser without scripts is shown in place of what it asked for."""

from collections.abc import Mapping

from starlette.responses import HTMLResponse, Response

from ragqa.render.page import page
from ragqa.serve.key_cookie import PAGE_PATH


def refused_page(status: int, detail: str, headers: Mapping[str, str]) -> Response:
    """A page that says why a request was not answered; ``detail`` is a sentence without its capital and full stop."""
    content = page("ragqa.serve", "refused.html", detail=detail, path=PAGE_PATH)
    return HTMLResponse(content, status, {"cache-control": "no-store", **headers})
