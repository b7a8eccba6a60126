"""The key of a browser without scripts: given in a form, kept in a cookie that only the page without scripts gets."""

import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, Response

from ragqa.errors import UsageError
from ragqa.render.page import page

PAGE_PATH = "/ask"
KEY_PATH = "/key"
"""Where the form is sent; it needs no key."""
_NAME = "ragqa_key"
_KEY = re.compile(r"[A-Za-z0-9!#$%&'*+./:<=>?@^_`|~()\[\]{}-]{1,200}")
_MOST_FIELDS = 1_200


def authorization(path: str, headers: Mapping[bytes, str]) -> str:
    """What a request gives as its key: its header, or, for the page without scripts, its cookie."""
    given = headers.get(b"authorization", "")
    if given or not path.startswith(PAGE_PATH):
        return given
    try:
        cookies = SimpleCookie(headers.get(b"cookie", ""))
    except CookieError:
        return ""
    return f"Bearer {cookies[_NAME].value}" if _NAME in cookies else ""


def keep(response: Response, key: str, *, secure: bool) -> None:
    """Have the browser keep a key until it is closed; "" has it forget the key.

    Raises
    ------
    UsageError
        No key looks so.
    """
    options = {"path": PAGE_PATH, "secure": secure, "httponly": True}
    if not key:
        response.delete_cookie(_NAME, samesite="strict", **options)  # type: ignore[arg-type]
        return
    if not _KEY.fullmatch(key):
        raise UsageError(
            "a key holds only unaccented letters, digits and signs, and no spaces; copy it as it was given"
        )
    response.set_cookie(_NAME, key, samesite="strict", **options)  # type: ignore[arg-type]


def asked_for(detail: str, status: int, body: bytes = b"") -> Response:
    """The page that asks for a key, and keeps what the refused form said."""
    try:
        form = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS)
    except ValueError:
        form = {}
    kept = [(name, value) for name, values in form.items() if name != "key" for value in values]
    content = page("ragqa.serve", "key.html", detail=detail, kept=kept, path=PAGE_PATH, key_path=KEY_PATH)
    return HTMLResponse(content, status, {"cache-control": "no-store"})
