"""A server under pressure: full queues, time limits, clients that leave, keys, and the end."""

import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
KEY = "a-key-made-for-this-test-only"


def ask(client: httpx.Client, **more: object) -> httpx.Response:
    return client.post("/v1/ask", json={"question": STATINS, **more})


def until(condition, seconds: float = 30) -> bool:
    """Whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_full_queue_refuses_with_a_time_to_come_back(start_server) -> None:
    with (
        start_server("--set", "limits.threads=1", "--set", "limits.waiting=2") as server,
        server.client() as client,
        ThreadPoolExecutor(16) as threads,
    ):
        responses = list(threads.map(lambda _: ask(client), range(32)))
        answers = [response.json() for response in responses if response.status_code == 200]
        refusals = [response for response in responses if response.status_code != 200]

        assert {response.status_code for response in refusals} == {503}
        assert all(1 <= int(response.headers["retry-after"]) <= 60 for response in refusals)
        assert answers
        assert {answer["verdict"] for answer in answers} == {"yes"}
        assert ask(client).status_code == 200


def test_a_request_that_takes_too_long_is_given_up(start_server) -> None:
    with start_server("--set", "limits.request_seconds=0.001") as server, server.client() as client:
        response = ask(client)

        assert response.status_code == 504
        assert "took too long" in response.json()["detail"]
        assert client.get("/v1/indexes").status_code == 200


def test_a_body_that_trickles_in_is_given_up(start_server) -> None:
    with start_server("--set", "limits.body_seconds=0.3") as server:
        host, port = server.address.removeprefix("http://").rstrip("/").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(
                b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b'Content-Length: 100\r\n\r\n{"question": "'
            )
            assert connection.recv(64).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("stream", [False, True])
def test_work_for_a_client_that_left_is_given_up(stream: bool, start_server) -> None:
    with start_server("--set", "limits.threads=1") as server, server.client() as client:
        host, port = server.address.removeprefix("http://").rstrip("/").split(":")
        body = json.dumps({"question": STATINS, "stream": stream}).encode()
        request = (
            b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        connections = [socket.create_connection((host, int(port)), timeout=30) for _ in range(30)]
        for connection in connections:
            connection.sendall(request)
        assert until(lambda: "ragqa_waiting 0.0" not in client.get("/metrics").text)

        for connection in connections:
            connection.close()

        assert until(lambda: "ragqa_waiting 0.0" in client.get("/metrics").text)
        assert ask(client).json()["verdict"] == "yes"
        answered = client.get("/metrics").text.split('ragqa_answers_total{index="sample",outcome="answered"} ')[1]
        assert float(answered.split("\n")[0]) < len(connections)


def test_a_server_that_is_told_to_stop_finishes_what_it_began(start_server) -> None:
    with start_server("--set", "limits.threads=1") as server, ThreadPoolExecutor(6) as threads:
        with server.client() as client:
            answers = [threads.submit(ask, client) for _ in range(6)]
            with server.client() as other:
                assert until(lambda: "ragqa_running 1.0" in other.get("/metrics").text)
            server.process.send_signal(signal.SIGTERM)

            assert {answer.result().status_code for answer in answers} == {200}
        assert server.process.wait(60) == 0
        with pytest.raises(httpx.ConnectError), server.client() as client:
            client.get("/healthz")


def test_keys_are_asked_for_where_there_are_any(start_server, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"# for the test\n{KEY}\n")
    with start_server("--keys-file", str(keys)) as server, server.client() as client:
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
        right = {"authorization": f"Bearer {KEY}"}
        assert client.get("/v1/indexes", headers=right).status_code == 200
        assert client.get("/", headers={"host": "ragqa.example.org"}).status_code == 200
        assert client.get("/healthz").status_code == 200
        assert KEY not in server.log_path.read_text()


def test_keys_come_from_the_environment_too(start_server) -> None:
    with start_server(RAGQA_KEYS=f"{KEY},another-key-for-this-test") as server, server.client() as client:
        assert client.get("/v1/indexes").status_code == 401
        assert client.get("/v1/indexes", headers={"authorization": f"Bearer {KEY}"}).status_code == 200


def test_the_log_tells_about_requests_but_not_what_was_asked(start_server) -> None:
    with start_server() as server, server.client() as client:
        ask(client).raise_for_status()
        ask(client, type="poem")
        client.get("/v1/documents/0")
        lines = server.log()

        asked = [line for line in lines if line.get("route") == "/v1/ask"]
        assert [(line["status"], line["method"]) for line in asked] == [(200, "POST"), (422, "POST")]
        assert asked[0]["question_characters"] == len(STATINS)
        assert len(str(asked[0]["request_id"])) == 32
        assert "statins" not in server.log_path.read_text().lower()


def test_the_log_has_questions_only_where_that_is_set(start_server) -> None:
    with start_server("--set", "logs.questions=true") as server, server.client() as client:
        ask(client).raise_for_status()

        assert STATINS in [line.get("question") for line in server.log()]


def test_many_clients_at_once_get_the_same_right_answer(server) -> None:
    results: list[tuple[int, str]] = []

    def one_client() -> None:
        with server.client() as client:
            for _ in range(3):
                response = ask(client)
                results.append((response.status_code, response.json().get("verdict", "")))

    threads = [threading.Thread(target=one_client) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [(200, "yes")] * 48
