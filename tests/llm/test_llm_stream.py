"""A reply in pieces that ends before it is whole."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ragqa import recipe
from ragqa.errors import EndpointError
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.model import Completion, Message, Request
from ragqa.recipe import EndpointSettings


def _chunk(text: str, finish: str | None, *, has_delta: bool = True) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if has_delta else None, "finish_reason": finish}
    value = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "tiny", "choices": [choice]}
    return f"data: {json.dumps(value)}\n\n".encode()


class _Endpoint(BaseHTTPRequestHandler):
    """Sends two pieces and closes in good order; the second says why it ended only at ``/whole/v1``.

    At ``/null/v1`` it is a third that says so, and has no text at all.
    """

    def do_GET(self) -> None:
        self._send(json.dumps({"data": [{"id": "tiny", "object": "model", "max_model_len": 4096}]}).encode())

    def do_POST(self) -> None:
        whole = self.path.startswith("/whole")
        last = _chunk("", "stop", has_delta=False) if self.path.startswith("/null") else b""
        self._send(_chunk("It ", None) + _chunk("does", "stop" if whole else None) + last, "text/event-stream")

    def _send(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Where the endpoint listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


async def _pieces(base_url: str, pieces: list[str | Completion]) -> None:
    model = EndpointModel(recipe.from_table({"base_url": base_url, "model": "tiny"}, EndpointSettings))
    async for piece in model.stream(Request((Message("user", "Does it?"),))):
        pieces += [piece]


def test_a_stream_that_ends_without_a_reason_is_a_broken_one(address: str) -> None:
    pieces: list[str | Completion] = []
    with pytest.raises(EndpointError, match="broke in the middle of a reply: it ended without a finish_reason"):
        loop.run(_pieces(f"{address}/broken/v1", pieces))
    assert pieces == ["It ", "does"]


@pytest.mark.parametrize("ending", ["whole", "null"])
def test_a_stream_that_says_why_it_ended_is_whole(ending: str, address: str) -> None:
    pieces: list[str | Completion] = []
    loop.run(_pieces(f"{address}/{ending}/v1", pieces))
    assert pieces[:2] == ["It ", "does"]
    assert isinstance(pieces[2], Completion)
    assert pieces[2].text == "It does"
