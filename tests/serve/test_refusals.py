"""Requests that a running server must refuse, each with a problem that says why, and never with a 500."""

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest

ASK = "/v1/ask"


def problem_of(response: httpx.Response, status: int) -> str:
    """The detail of a problem, which must be well-formed and must not show the server's inside."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    return problem["detail"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "JSON"),
        (b'{"question": "x"', "JSON"),
        (b"\xff\xfe", "JSON"),
        (b'{"question": "\xff"}', "send UTF-8"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"{}", "question"),
        (b'{"question": 1}', "question"),
        (b'{"question": ["x"]}', "question"),
        (b'{"question": ""}', "empty"),
        (b'{"question": " \\n "}', "empty"),
        (b'{"question": "\\ud800"}', "question"),
        (b'{"question": "x", "typ": "yesno"}', "typ"),
        (b'{"question": "x", "type": "poem"}', "type"),
        (b'{"question": "x", "filter": {"year": 2000}}', "year"),
        (b'{"question": "x", "filter": {"year_from": 2020, "year_to": 2010}}', "no year lies between"),
        (b'{"question": "x", "filter": {"year_from": 1e400}}', "year_from"),
        (b'{"question": "x", "filter": {"mesh": "x"}}', "mesh"),
        (b"[" * 30_000, ""),
        (b"[" * 30_000 + b"]" * 30_000, "not nested deeply"),
    ],
)
def test_a_malformed_body_is_refused(body: bytes, message: str, client: httpx.Client) -> None:
    response = client.post(ASK, content=body, headers={"content-type": "application/json"})

    assert response.status_code in {400, 422}
    assert message in problem_of(response, response.status_code)


def test_a_question_that_is_too_long_is_refused(client: httpx.Client) -> None:
    assert "2,001 characters" in problem_of(client.post(ASK, json={"question": "x" * 2_001}), 422)
    assert client.post(ASK, json={"question": "statin " * 285}).status_code == 200


def test_an_unknown_index_is_refused_with_the_nearest(client: httpx.Client) -> None:
    detail = problem_of(client.post(ASK, json={"question": "x", "index": "sampel"}), 404)

    assert "did you mean 'sample'" in detail


def test_an_unknown_index_is_refused_before_a_stream_begins(client: httpx.Client) -> None:
    problem_of(client.post(ASK, json={"question": "x", "index": "sampel", "stream": True}), 404)


@pytest.mark.parametrize("document_id", ["0", "abc", "%00", "%F0%9F%A7%AA", "x" * 201, "-1", "9" * 30])
def test_an_unknown_document_is_refused(document_id: str, client: httpx.Client) -> None:
    problem_of(client.get(f"/v1/documents/{document_id}"), 404)


@pytest.mark.parametrize("k", [0, -1, 101, 10**30, "ten", 1.5])
def test_k_is_bounded(k: object, client: httpx.Client) -> None:
    problem_of(client.post("/v1/search", json={"question": "statins", "k": k}), 422)


def test_a_ten_megabyte_body_is_refused(client: httpx.Client) -> None:
    body = json.dumps({"question": "x" * 10_000_000})

    response = client.post(ASK, content=body, headers={"content-type": "application/json"})

    assert "longer than the 65,536 bytes" in problem_of(response, 413)


def test_a_ten_megabyte_body_that_does_not_tell_its_length_is_refused(client: httpx.Client) -> None:
    def chunks():
        for _ in range(160):
            yield b"x" * 65_536

    response = client.post(ASK, content=chunks(), headers={"content-type": "application/json"})

    problem_of(response, 413)


def test_a_body_that_announces_far_too_much_is_refused_before_it_is_sent(server) -> None:
    with server.connection() as connection:
        connection.sendall(b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n{")

        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_an_endless_body_is_cut_off(server) -> None:
    sent = 0
    with server.connection() as connection:
        connection.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        try:
            while sent < 2_000:
                connection.sendall(chunk)
                sent += 1
        except OSError:
            pass  # the server closed the connection

    assert sent < 2_000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/ask", 405), ("DELETE", "/v1/indexes", 405), ("GET", "/v2", 404), ("POST", "/", 405)],
)
def test_wrong_routes_and_methods_are_problems_too(method: str, path: str, status: int, client: httpx.Client) -> None:
    assert "/openapi.json" in problem_of(client.request(method, path), status)


def test_a_body_of_another_type_is_refused(client: httpx.Client) -> None:
    response = client.post(ASK, content=b'{"question": "x"}', headers={"content-type": "text/plain"})

    problem_of(response, 422)


def test_a_foreign_host_name_is_refused_while_there_are_no_keys(client: httpx.Client) -> None:
    detail = problem_of(client.post(ASK, json={"question": "x"}, headers={"host": "evil.example:80"}), 421)

    assert "allowed_hosts" in detail


@pytest.mark.parametrize(
    "question",
    [
        "the of and",
        "阿司匹林有效吗？",
        '(") AND title:[',
        "\x00",
        "<script>alert(1)</script>",
        "'; DROP TABLE documents; --",
        "{{7*7}} ${jndi:ldap://127.0.0.1/x}",
        "𝛼 🧪 \u202e",
    ],
)
def test_hostile_questions_are_answered_or_abstained_from(question: str, client: httpx.Client) -> None:
    answer = client.post(ASK, json={"question": question, "index": "hostile"}).raise_for_status().json()

    assert answer["question"]["text"] == question
    assert answer["abstained"] == (not answer["statements"])


def test_instructions_inside_an_abstract_are_quoted_and_not_obeyed(client: httpx.Client) -> None:
    body = {"question": "What was the daily dose of tocopherol?", "index": "hostile"}

    answer = client.post(ASK, json=body).raise_for_status().json()

    document = client.get("/v1/documents/h1", params={"index": "hostile"}).json()["document"]
    text = next(section["text"] for section in document["sections"] if section["name"] == "abstract")
    for statement in answer["statements"]:
        for span in statement["spans"]:
            if span["document_id"] == "h1" and span["section"] == "abstract":
                assert text[span["begin"] : span["end"]] == span["quote"]


def test_a_host_that_is_named_twice_is_refused(server) -> None:
    with server.connection() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere.example\r\n\r\n")
        answer = b""
        while piece := connection.recv(65_536):  # it is closed after a refusal
            answer += piece

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"more than once" in answer


def test_allowed_hosts_hold_where_other_machines_are_answered(start_server) -> None:
    options = ("--host", "0.0.0.0", "--set", "security.allow_without_keys=true")  # noqa: S104
    with start_server("--index", "hostile", *options, "--set", 'security.allowed_hosts=["ours.example"]') as server:
        statuses = [  # the address that it tells works
            httpx.get(server.address + "healthz", headers={"host": name}).status_code
            for name in ("ours.example", "127.0.0.1", "evil.example")
        ]

    assert statuses == [200, 200, 421]


def test_head_is_answered_as_get_without_a_body(server, client: httpx.Client) -> None:
    for path in ("/healthz", "/readyz", "/", "/v1/indexes"):
        head, get = client.head(path), client.get(path)
        assert head.status_code == get.status_code == 200, path
        assert head.content == b""
        assert head.headers["content-type"] == get.headers["content-type"]
        logged = server.logged(head)
        assert (logged["method"], logged["route"]) == ("HEAD", path)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://localhost:6274", 200),
        ("http://127.0.0.1", 200),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_pages_of_other_origins_may_not_use_mcp(origin: str | None, status: int, client: httpx.Client) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"accept": "application/json, text/event-stream"} | ({} if origin is None else {"origin": origin})

    response = client.post("/mcp", json=body, headers=headers)

    assert response.status_code == status
    if status == 403:
        assert "allowed_hosts" in problem_of(response, 403)


def test_make_serve_does_not_take_its_host_from_the_environment() -> None:
    command = ["make", "--dry-run", "serve", "--always-make"]
    folder = Path(__file__).parents[2]
    said = subprocess.run(
        command, cwd=folder, env={**os.environ, "HOST": "x86_64-conda"}, capture_output=True, text=True, check=True
    )
    asked = subprocess.run([*command, "HOST=::1"], cwd=folder, capture_output=True, text=True, check=True)

    assert "--host 127.0.0.1" in said.stdout
    assert "--host ::1" in asked.stdout
