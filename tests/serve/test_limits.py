"""A server under pressure: full queues, time limits, clients that leave, keys, and the end."""

import json
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
KEY = "a-key-made-for-this-test-only"
OTHER_KEY = "another-key-made-for-this-test-only"


def ask(client: httpx.Client, **more: object) -> httpx.Response:
    return client.post("/v1/ask", json={"question": STATINS, **more})


def n_answered(client: httpx.Client) -> float:
    found = re.search(r'outcome="answered"} ([0-9.]+)', client.get("/metrics").text)
    return float(found[1]) if found else 0.0


def until(condition, seconds: float = 30) -> bool:
    """Whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module")
def narrow_server(start_server):
    with start_server(
        "--set", "limits.threads=1", "--set", "limits.waiting=10", "--set", "limits.body_seconds=0.5"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def slow_server(start_server):
    """One thread, and room for many that wait; a question takes a while."""
    many = ("answer.n_documents=100", "rerank.depth=100", "retrieve.depth=1000")
    options = [word for one in ("limits.threads=1", "limits.waiting=20", *many) for word in ("--set", one)]
    with start_server(*options) as running:
        yield running


def test_a_full_queue_refuses_with_a_time_to_come_back(narrow_server) -> None:
    with narrow_server.client() as client, ThreadPoolExecutor(24) as threads:
        responses = list(threads.map(lambda _: ask(client), range(24)))
        answers = [response.json() for response in responses if response.status_code == 200]
        refusals = [response for response in responses if response.status_code != 200]

        assert {response.status_code for response in refusals} == {503}
        assert all(1 <= int(response.headers["retry-after"]) <= 60 for response in refusals)
        assert len(answers) >= 11
        assert {answer["verdict"] for answer in answers} == {"yes"}
        assert ask(client).status_code == 200


def test_a_request_that_takes_too_long_is_given_up(start_server) -> None:
    with start_server("--set", "limits.request_seconds=0.001") as server, server.client() as client:
        response = ask(client)

        assert response.status_code == 504
        assert "took too long" in response.json()["detail"]
        assert client.get("/v1/indexes").status_code == 200


def test_a_body_that_trickles_in_is_given_up(narrow_server) -> None:
    with narrow_server.connection() as connection:
        connection.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"question": "'
        )
        assert connection.recv(64).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("stream", [False, True])
def test_work_for_clients_that_left_is_given_up(stream: bool, narrow_server) -> None:
    body = json.dumps({"question": STATINS, "stream": stream}).encode()
    request = (
        b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    with narrow_server.client() as client:
        before = n_answered(client)
        connections = [narrow_server.connection() for _ in range(8)]
        for connection in connections:
            connection.sendall(request)
        assert until(lambda: "ragqa_waiting 0.0" not in client.get("/metrics").text)

        for connection in connections:
            connection.close()

        assert until(lambda: "ragqa_waiting 0.0" in client.get("/metrics").text)
        assert ask(client).json()["verdict"] == "yes"
        assert n_answered(client) - before < len(connections)


ABANDONED = (
    ("/v1/ask", {"question": STATINS, "stream": True}),
    ("/v1/check", {"text": f"{STATINS[:-1]} in all patients.", "stream": True}),
    ("/v1/chat/completions", {"model": "sample", "messages": [{"role": "user", "content": STATINS}], "stream": True}),
    (
        "/mcp",
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "ask", "arguments": {"question": STATINS}},
        },
    ),
)


@pytest.mark.parametrize(("path", "body"), ABANDONED, ids=[path for path, _ in ABANDONED])
def test_queued_requests_of_clients_that_left_are_cleared_sooner_than_one_is_worked(
    path: str, body: dict, slow_server
) -> None:
    content = json.dumps(body).encode()
    accept = "application/json, text/event-stream"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: {accept}\r\n"
        f"Content-Length: {len(content)}"
    )
    request = head.encode() + b"\r\n\r\n" + content
    with slow_server.client() as client:

        def n_waiting() -> int:
            return int(float(re.search(r"ragqa_waiting ([0-9.]+)", client.get("/metrics").text)[1]))  # type: ignore[index]

        began = time.monotonic()
        client.post(path, json=body, headers={"accept": accept}).raise_for_status()
        one = time.monotonic() - began
        connections = [slow_server.connection() for _ in range(13)]
        for connection in connections:
            connection.sendall(request)
        assert until(lambda: n_waiting() == 12)

        began = time.monotonic()
        for connection in connections:
            connection.close()
        assert until(lambda: n_waiting() == 0)
        cleared = time.monotonic() - began

        assert cleared < one
        assert ask(client).json()["verdict"] == "yes"


def test_a_server_that_is_told_to_stop_finishes_what_it_began(start_server) -> None:
    with start_server("--set", "limits.threads=1") as server, ThreadPoolExecutor(6) as threads:
        with server.client() as client:
            answers = [threads.submit(ask, client) for _ in range(6)]
            with server.client() as other:
                assert until(lambda: "ragqa_waiting 5.0" in other.get("/metrics").text)
            server.process.send_signal(signal.SIGTERM)

            assert {answer.result().status_code for answer in answers} == {200}
        assert server.process.wait(60) == 0
        with pytest.raises(httpx.ConnectError), server.client() as client:
            client.get("/healthz")


def test_keys_are_asked_for_where_there_are_any(guarded_server) -> None:
    with guarded_server.client() as client:
        wrong = [
            {},
            {"authorization": "Bearer wrong-key-wrong-key"},
            {"authorization": KEY},
            {"authorization": "Basic x"},
        ]
        for path in ("/v1/indexes", "/v1/documents/1", "/v1/models", "/metrics", "/mcp", "/v1/nowhere"):
            for headers in wrong:
                response = client.get(path, headers=headers)
                assert response.status_code == 401, path
                assert response.headers["www-authenticate"] == "Bearer"
                assert KEY not in response.text
        for key in (KEY, OTHER_KEY):
            assert client.get("/v1/indexes", headers={"authorization": f"Bearer {key}"}).status_code == 200
        assert client.get("/", headers={"host": "ragqa.example.org"}).status_code == 200
        assert client.get("/healthz").status_code == 200
        assert KEY not in guarded_server.log_path.read_text()
        assert {"ours", "theirs"} <= {line.get("key") for line in guarded_server.log()}


def test_the_log_tells_about_requests_but_not_what_was_asked(server, client: httpx.Client) -> None:
    ask(client).raise_for_status()
    ids = [ask(client).headers["x-request-id"], ask(client, type="poem").headers["x-request-id"]]

    assert until(lambda: ids[1] in [line.get("request_id") for line in server.log()])
    lines = [line for line in server.log() if line.get("request_id") in ids]

    assert [(line["status"], line["method"], line["route"]) for line in lines] == [
        (200, "POST", "/v1/ask"),
        (422, "POST", "/v1/ask"),
    ]
    assert lines[0]["question_characters"] == len(STATINS)
    assert "preoperative" not in server.log_path.read_text().lower()


def test_the_log_has_questions_where_that_is_set(guarded_server) -> None:
    with guarded_server.client(headers={"authorization": f"Bearer {KEY}"}) as client:
        ask(client).raise_for_status()

    assert until(lambda: STATINS in [line.get("question") for line in guarded_server.log()])


def test_many_clients_at_once_get_the_same_right_answer(server) -> None:
    results: list[tuple[int, str]] = []

    def one_client() -> None:
        with server.client() as client:
            for _ in range(2):
                response = ask(client)
                results.append((response.status_code, response.json().get("verdict", "")))

    threads = [threading.Thread(target=one_client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [(200, "yes")] * 16
