"""The audit trail: who asked, of which state, and which documents were told; never the question unless asked for."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from ragqa.cli import run
from ragqa.serve import key_file
from ragqa.serve.key_file import Key

QUESTION = "What was the daily dose of tocopherol?"


@pytest.fixture(scope="module")
def audited(start_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """A client with the key ``clinic`` of a server that keeps a trail, and the trail."""
    folder = tmp_path_factory.mktemp("audited")
    key_file.write(folder / "keys.toml", {"clinic": Key(key_file.digest("secret"), datetime(2026, 1, 1, tzinfo=UTC))})
    trail = folder / "audit.jsonl"
    options = ("--keys-file", str(folder / "keys.toml"), "--set", f"audit.to={trail}")
    with (
        start_server("--index", "hostile", *options) as server,
        server.client(headers={"authorization": "Bearer secret"}) as client,
    ):
        yield client, trail


def line_of(response: httpx.Response, trail: Path) -> dict[str, object]:
    """The line of a request, which is written once its response has gone."""
    for _ in range(100):
        for line in trail.read_text().splitlines():
            if json.loads(line)["request_id"] == response.headers["x-request-id"]:
                return json.loads(line)
        time.sleep(0.05)
    pytest.fail(f"no line for {response.url}")


def call_tool(name: str, arguments: dict[str, object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/ask", {"question": QUESTION}),
        ("/v1/ask", {"question": QUESTION, "stream": True}),
        ("/v1/search", {"question": QUESTION}),
        ("/v1/chat/completions", {"model": "hostile", "messages": [{"role": "user", "content": QUESTION}]}),
        ("/v1/responses", {"model": "hostile", "input": QUESTION}),
        ("/mcp", call_tool("ask", {"question": QUESTION})),
        ("/mcp", call_tool("search", {"question": QUESTION})),
    ],
)
def test_each_way_in_leaves_the_key_the_state_and_the_documents(
    path: str, body: dict[str, object], audited: tuple[httpx.Client, Path]
) -> None:
    client, trail = audited
    state = client.get("/readyz").json()["states"]["hostile"]["serving"]
    headers = {"accept": "application/json, text/event-stream"} if path == "/mcp" else {}

    response = client.post(path, json=body, headers=headers)

    line = line_of(response, trail)
    assert response.status_code == 200, response.text
    assert (line["key"], line["route"], line["method"], line["status"]) == ("clinic", path, "POST", 200)
    (read,) = line["reads"]
    assert (read["index"], read["state"]) == ("hostile", state)
    assert "h1" in read["documents"]
    assert datetime.fromisoformat(str(line["time"])).tzinfo is not None


def test_a_document_that_is_read_is_named(audited: tuple[httpx.Client, Path]) -> None:
    client, trail = audited

    (read,) = line_of(client.get("/v1/documents/a/b%3Fc%23d"), trail)["reads"]

    assert read["documents"] == ["a/b?c#d"]


def test_who_is_refused_is_in_the_trail_and_nothing_was_read(audited: tuple[httpx.Client, Path]) -> None:
    client, trail = audited

    refused = line_of(client.post("/v1/ask", json={"question": "x"}, headers={"authorization": "Bearer no"}), trail)
    failed = line_of(client.get("/v1/documents/none"), trail)

    assert (refused["status"], refused.get("key"), refused["reads"]) == (401, None, [])
    assert failed["status"] == 404
    assert [read["documents"] for read in failed["reads"]] == [[]]


def test_questions_and_requests_for_no_data_are_not_in_it(audited: tuple[httpx.Client, Path]) -> None:
    client, trail = audited
    for path in ("/healthz", "/readyz", "/"):
        client.get(path).raise_for_status()
    line_of(client.post("/v1/ask", json={"question": QUESTION}), trail)

    text = trail.read_text()
    assert "tocopherol" not in text
    assert not re.search(r'"route":"/(healthz|readyz|)"', text)
    assert trail.stat().st_mode & 0o777 == 0o600


def test_a_trail_that_is_moved_away_begins_anew(audited: tuple[httpx.Client, Path]) -> None:
    client, trail = audited
    line_of(client.get("/v1/indexes"), trail)
    trail.rename(trail.with_suffix(".1"))

    client.get("/v1/indexes")
    line_of(client.get("/v1/models"), trail)

    assert len(trail.read_text().splitlines()) == 2


def test_questions_are_in_it_where_that_is_set_and_it_may_go_to_the_log(start_server) -> None:
    options = ("--set", "audit.to=log", "--set", "audit.questions=true")
    with start_server("--index", "hostile", *options) as server, server.client() as client:
        client.post("/v1/ask", json={"question": QUESTION}).raise_for_status()
        for _ in range(100):
            lines = [line for line in server.log() if line["logger"] == "ragqa.serve.audit"]
            if lines:
                break
            time.sleep(0.05)

    assert [read["question"] for read in lines[0]["reads"]] == [QUESTION]
    assert lines[0]["request_id"]


def test_a_trail_that_cannot_be_written_is_told_at_the_start(
    sample_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--port", "0", "--set", "audit.to=/nowhere/audit.jsonl"]) == 2

    assert "cannot write the audit file /nowhere/audit.jsonl" in capsys.readouterr().err
