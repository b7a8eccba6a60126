"""A small server that speaks as much of OpenAI's protocol as a judge needs, and a finished run to be judged."""

import json
import math
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run

MODEL = "small/judge"
CUT_OFF, DROPPED = "cut off: ", "dropped: "


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]{3,}", text.lower()))


def between(prompt: str, begin: str, end: str) -> str:
    return "\n".join(re.findall(rf"{begin}\n(.*?)\n{end}", prompt, re.DOTALL))


def honest(prompt: str) -> str:
    """Reads what it is shown: a statement is borne out by its words; the answer nearer to the reference is better."""
    if "<statement>" in prompt:
        said = words(between(prompt, "<statement>", "</statement>"))
        return (
            "yes"
            if len(said & words(between(prompt, '<source number="\\d+">', "</source>"))) > 0.7 * len(said)
            else "no"
        )
    if "<sentence>" in prompt:
        return json.dumps({"facts": re.split(r" and |, ", between(prompt, "<sentence>", "</sentence>"))})
    known = words(between(prompt, "<reference>", "</reference>"))
    first, second = (words(between(prompt, f'<answer name="{name}">', "</answer>")) for name in ("first", "second"))
    gain = len(first & known) - len(second & known)
    return "first" if gain > 0 else "second" if gain < 0 else "tie"


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a judge is asked about many statements at once
    daemon_threads = True


class JudgeServer:
    """Replies to each prompt as ``reply`` says: a text, a text that is cut off or broken off, or an HTTP status."""

    def __init__(self) -> None:
        self.reply: Callable[[str], str | int] = honest
        self.prompts: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def options(self) -> list[str]:
        """What makes the command line use it as judge."""
        address = f"http://127.0.0.1:{self._server.server_port}/v1"
        return ["--judge", "llm", "--endpoint", address, "--set", "answer.chat.retry_s=0.0"]

    @property
    def overrides(self) -> list[str]:
        """The same as settings."""
        return [f"answer.chat.base_url={self.options[3]}", self.options[5]]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(judge: JudgeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served = {"id": MODEL, "object": "model", "created": 0, "owned_by": "test", "max_model_len": 8192}
            self._send(200, {"object": "list", "data": [served]})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self.path.endswith("/chat/completions"):
                self._send(404, {"error": {"message": "no such route"}})
                return
            prompt = asked["messages"][-1]["content"]
            judge.prompts.append(prompt)
            reply = judge.reply(prompt)
            if isinstance(reply, int):
                self._send(reply, {"error": {"message": "the judge is ill"}})
                return
            finish = "length" if reply.startswith(CUT_OFF) else "stop"
            text = reply.removeprefix(CUT_OFF).removeprefix(DROPPED)
            choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
            if asked.get("logprobs"):
                token = {"token": text, "logprob": math.log(0.9), "bytes": None}
                choice["logprobs"] = {"content": [{**token, "top_logprobs": [token]}]}
            body = {"id": "1", "object": "chat.completion", "created": 0, "model": MODEL, "choices": [choice]}
            self._send(200, body, missing=20 if reply.startswith(DROPPED) else 0)

        def _send(self, status: int, body: object, missing: int = 0) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) - missing])
            self.close_connection = bool(missing)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    return Handler


@pytest.fixture
def judge_server() -> Iterator[JudgeServer]:
    server = JudgeServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _answered(built_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two finished runs of the sample's first questions: up to three sentences an answer, and one."""
    folder = tmp_path_factory.mktemp("answered")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(built_sample))
        for name, overrides in (("three", ()), ("one", ("answer.n_statements=1",))):
            run(Request("sample", index="sample", overrides=overrides, out=folder / name, limit=12))
    return {name: folder / name for name in ("three", "one")}


@pytest.fixture
def answered(_answered: dict[str, Path], sample_home: Path, tmp_path: Path) -> dict[str, Path]:
    """Copies of these runs that the test may judge."""
    return {name: Path(shutil.copytree(path, tmp_path / name)) for name, path in _answered.items()}
