"""The web page: files that come with the package, held in memory, served with a validator and compressed."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

_GZIP = re.compile(r"(?i)\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_SPARED = re.compile(rb"(?m)^[ ]*//.*\n|^[ ]*/\*[\s\S]*?\*/[ ]*\n|^[ ]+")
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    compressed: bytes
    media_type: str
    etag: str


def router() -> APIRouter:
    """The page at ``/`` and its parts under ``/page/``."""
    files = _read_files()
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def index(request: Request) -> Response:
        return _respond(files["index.html"], request)

    @routes.get("/page/{name}")
    async def part(name: str, request: Request) -> Response:
        if name not in files:
            raise HTTPException(404, "the page has no such part")
        return _respond(files[name], request)

    return routes


def _read_files() -> dict[str, _File]:
    files = {}
    for path in resources.files("ragqa.serve").joinpath("page").iterdir():
        ending = path.name.rpartition(".")[2]
        if ending in _TYPES:
            content = _without_comments(path.read_bytes(), ending)
            files[path.name] = _File(
                content,
                gzip.compress(content, mtime=0),
                _TYPES[ending],
                f'"{hashlib.sha256(content).hexdigest()[:16]}"',
            )
    return files


def _without_comments(content: bytes, ending: str) -> bytes:
    r"""A script or style without indentation and comments that have lines of their own: a sixth less to transfer.

    >>> _without_comments(b"// Why.\n/** What.\n */\nf(() => {\n  g(); // now\n});\n", "js")
    b'f(() => {\ng(); // now\n});\n'
    """
    return _SPARED.sub(b"", content) if ending in {"js", "css"} else content


def _respond(file: _File, request: Request) -> Response:
    headers = {"etag": file.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    headers["content-type"] = file.media_type
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(file.compressed, headers={**headers, "content-encoding": "gzip"})
    return Response(file.content, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether a client takes gzip.

    >>> _takes_gzip("br, gzip;q=0.8"), _takes_gzip("gzip;q=0"), _takes_gzip("identity")
    (True, False, False)
    """
    return _GZIP.search(accepted) is not None
