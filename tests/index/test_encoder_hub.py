"""Models are fetched from a hub by the real client, here from a mirror on this machine with a tiny model."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

REVISION = "0123456789abcdef0123456789abcdef01234567"


class Mirror(BaseHTTPRequestHandler):
    """What the hub answers to a download: the revision, the list of files, and the files."""

    folder: Path
    name = "owner/tiny-encoder"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        files = sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        if path.startswith(f"/api/models/{self.name}/tree/"):
            listing = [
                {"type": "file", "path": file, "size": (self.folder / file).stat().st_size, "oid": self._etag(file)}
                for file in files
            ]
            self._send(json.dumps(listing).encode(), body, {"Content-Type": "application/json"})
        elif path.startswith(f"/api/models/{self.name}"):
            table = {"id": self.name, "sha": REVISION, "siblings": [{"rfilename": file} for file in files]}
            self._send(json.dumps(table).encode(), body, {"Content-Type": "application/json"})
        elif path.startswith(f"/{self.name}/resolve/") and (file := path.split("/", 5)[5]) in files:
            headers = {"ETag": f'"{self._etag(file)}"', "X-Repo-Commit": REVISION}
            self._send((self.folder / file).read_bytes(), body, headers)
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _etag(self, file: str) -> str:
        return hashlib.sha1((self.folder / file).read_bytes()).hexdigest()  # noqa: S324

    def _send(self, data: bytes, body: bool, headers: dict[str, str]) -> None:
        self.send_response(200)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tiny_model: Callable[..., Path]) -> Iterator[str]:
    handler = type("TinyMirror", (Mirror,), {"folder": tiny_model("mean")})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def run(code: str, folder: Path, **environment: str) -> str:
    """In a process of its own: the client reads its environment when it is imported."""
    variables = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_HOME": str(folder / "hub"), **environment}
    shown = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env=variables, check=False
    )
    return shown.stdout + shown.stderr


def test_a_model_is_fetched_from_the_mirror_and_then_found_offline(mirror: str, tmp_path: Path) -> None:
    code = f"""
        from pathlib import Path
        from ragqa.index.encoder_build import build_encoder
        from ragqa.recipe import DenseSettings
        settings = DenseSettings(encoder="owner/tiny-encoder", precision="fp32")
        encoder = build_encoder(settings, Path({str(tmp_path)!r}) / "encoder", [("A", "text.")], "again")
        print(encoder.encode_queries(["fever"]).shape, encoder.spec.passage.max_tokens, encoder.spec.passage.pooling)
    """
    assert "(1, 32) 48 mean" in run(code, tmp_path, HF_ENDPOINT=mirror)
    assert "(1, 32) 48 mean" in run(code, tmp_path, HF_HUB_OFFLINE="1")


def test_a_model_that_the_hub_lacks_is_refused_with_what_to_put_where(mirror: str, tmp_path: Path) -> None:
    code = """
        from ragqa.errors import BackendError
        from ragqa.index.encoder_source import find_model
        try:
            find_model("owner/unknown")
        except BackendError as error:
            print(error)
    """
    for endpoint in (mirror, "http://127.0.0.1:9"):
        said = run(code, tmp_path, HF_ENDPOINT=endpoint)
        assert "the model 'owner/unknown' is neither a folder here nor could it be fetched" in said
        assert "put config.json, model.safetensors and tokenizer.json" in said
        assert "Traceback" not in said
