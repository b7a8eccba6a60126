"""How long a model's context is, is told by the server or by the settings, never guessed."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ragqa.errors import UsageError
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.recipe import EndpointSettings

SERVED = [{"id": "known", "object": "model", "max_model_len": 2048}, {"id": "silent", "object": "model"}]


class Models(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"object": "list", "data": SERVED}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Models)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def context_of(base_url: str, name: str, tokens: int = 0) -> int:
    model = EndpointModel(EndpointSettings(base_url=base_url, model=name, context_tokens=tokens))
    try:
        return loop.run(model.context_length())
    finally:
        loop.run(model.close())


def test_the_server_or_the_settings_tell(base_url: str) -> None:
    assert context_of(base_url, "known") == 2048
    assert context_of(base_url, "silent", 512) == 512


def test_a_context_that_nobody_tells_is_an_error_with_what_to_set(base_url: str) -> None:
    with pytest.raises(UsageError, match=r"answer\.chat\.context_tokens="):
        context_of(base_url, "silent")


def test_a_model_that_is_not_served_is_refused(base_url: str) -> None:
    with pytest.raises(UsageError, match="does not serve 'knwon'; did you mean 'known'"):
        context_of(base_url, "knwon")
