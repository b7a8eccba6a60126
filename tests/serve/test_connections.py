"""Connections that cost a server much and its clients nothing: half-sent, endless, or too many of them."""

import json
import resource
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

HALF_SENT = b"GET /healthz HTTP/1.1\r\nHost: loc"
HEAD_SECONDS = 1.5


@pytest.fixture(scope="module")
def strict_server(start_server) -> Iterator:
    """A server with little patience and room for 20 connections."""
    options = ("limits.connections=20", f"limits.head_seconds={HEAD_SECONDS}", "limits.head_bytes=4096")
    with start_server("--index", "hostile", *(word for option in options for word in ("--set", option))) as server:
        yield server


def everything_from(connection: socket.socket) -> bytes:
    """What a connection says until it is closed; nothing where it is reset."""
    said = b""
    try:
        while piece := connection.recv(65_536):
            said += piece
    except ConnectionError:
        pass
    return said


def problem_in(said: bytes, status: int) -> str:
    """The detail of the problem that a bare connection got."""
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), said
    assert b"connection: close" in head
    return json.loads(body)["detail"]


def resident_bytes(server) -> int:
    found = Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(found[1]) * resource.getpagesize()


def is_connected(server, port: int) -> bool:
    """Whether the server has a connection from a port of this machine."""
    return any(
        connection.raddr and connection.raddr.port == port
        for connection in psutil.Process(server.process.pid).net_connections()
    )


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET", HALF_SENT, HALF_SENT + b"alhost\r\nX-More: "])
def test_a_head_that_does_not_arrive_is_given_up(sent: bytes, strict_server) -> None:
    with strict_server.connection() as connection:
        connection.sendall(sent)

        assert f"within {HEAD_SECONDS:g} s" in problem_in(everything_from(connection), 408)


def test_a_head_that_trickles_in_is_given_up_too(strict_server) -> None:
    began = time.monotonic()
    with strict_server.connection() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        try:
            while time.monotonic() < began + 10 * HEAD_SECONDS:
                connection.sendall(b"X-More: 1\r\n")
                time.sleep(0.1)
        except OSError:
            pass
        else:
            pytest.fail("the server waited on")


def test_the_second_request_of_a_connection_must_arrive_in_time_too(strict_server) -> None:
    with strict_server.connection() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while b"alive" not in answer:
            answer += connection.recv(65_536)
        connection.sendall(HALF_SENT)

        problem_in(everything_from(connection), 408)


@pytest.mark.parametrize(
    ("begin", "more", "end"),
    [
        (b"GET /", b"x" * 1_000, b""),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ", b"x" * 1_000, b""),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-Many: x\r\n" * 100, b""),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ", b"x" * 5_000, b"\r\n\r\n"),
    ],
)
def test_a_head_that_is_too_long_is_refused_before_it_is_there(
    begin: bytes, more: bytes, end: bytes, strict_server
) -> None:
    before = resident_bytes(strict_server)
    with strict_server.connection() as connection:
        connection.sendall(begin)
        sent = 0
        try:
            while not end and sent < 25_000_000:
                connection.sendall(more)
                sent += len(more)
            connection.sendall(more + end)
        except OSError:
            pass

        assert sent < 25_000_000
        said = everything_from(connection)
        if said:  # a client that sends on after it was refused may be told by a reset alone
            assert "longer than the 4,096 bytes" in problem_in(said, 431)
    assert resident_bytes(strict_server) - before < 4_000_000


def test_a_long_head_in_one_piece_is_told_why(strict_server) -> None:
    with strict_server.connection() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 5_000 + b"\r\n\r\n")

        assert "longer than the 4,096 bytes" in problem_in(everything_from(connection), 431)


def test_trailers_without_an_end_are_not_kept(strict_server) -> None:
    request = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    sent = 0
    with strict_server.connection() as connection:
        connection.sendall(request + b"X-Trailer: ")
        try:
            while sent < 25_000_000:
                connection.sendall(b"x" * 10_000)
                sent += 10_000
        except OSError:
            pass

    assert sent < 25_000_000


def test_what_is_not_http_is_told_so(strict_server) -> None:
    with strict_server.connection() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n" * 5)

        assert "speak HTTP/1.1" in problem_in(everything_from(connection), 400)


def test_a_long_body_counts_for_itself(strict_server) -> None:
    body = json.dumps({"question": "tocopherol"}) + " " * 20_000

    with strict_server.client() as client:
        response = client.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 200


def test_a_new_connection_takes_the_place_of_one_that_says_nothing(strict_server) -> None:
    silent = [strict_server.connection() for _ in range(40)]
    try:
        for _ in range(3):
            began = time.monotonic()
            with strict_server.client() as client:
                assert client.get("/healthz").json()["status"] == "alive"
            assert time.monotonic() - began < HEAD_SECONDS, "it waited until the silent ones were given up"
    finally:
        for connection in silent:
            connection.close()


def test_a_connection_that_finds_every_place_at_work_is_refused(start_server) -> None:
    body = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
    with start_server("--index", "hostile", "--set", "limits.connections=4") as server:
        at_work = [server.connection() for _ in range(4)]
        try:
            for connection in at_work:
                connection.sendall(body)
            time.sleep(0.5)
            with server.connection() as late:
                late.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert "too many connections" in problem_in(everything_from(late), 503)
        finally:
            for connection in at_work:
                connection.close()
        with server.client() as client:
            assert client.get("/healthz").status_code == 200


def test_a_server_that_runs_out_of_file_descriptors_answers_on(start_server) -> None:
    """60 half-sent requests against 40 free descriptors."""
    with start_server("--index", "hostile", "--set", f"limits.head_seconds={HEAD_SECONDS}") as server:
        with server.client() as client:
            client.get("/healthz").raise_for_status()
        n_open = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
        before = resident_bytes(server)
        _, most = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (n_open + 40, most))
        half_sent = [server.connection() for _ in range(60)]
        try:
            for connection in half_sent:
                try:
                    connection.sendall(HALF_SENT)
                except OSError:  # it had to make room already
                    continue
            time.sleep(HEAD_SECONDS)
            began = time.monotonic()
            with server.client() as client:
                assert client.get("/healthz").json()["status"] == "alive"
            assert time.monotonic() - began < 1
            assert server.process.poll() is None
            assert resident_bytes(server) - before < 4_000_000
        finally:
            for connection in half_sent:
                connection.close()
        assert all(line["level"] for line in server.log()), "every line is JSON"
        assert "system resource" not in server.log_path.read_text()


def test_a_client_that_does_not_read_its_responses_is_cut_off(start_server) -> None:
    with start_server("--index", "hostile", "--set", "limits.send_seconds=1") as server, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        host, port = server.address.removeprefix("http://").rstrip("/").split(":")
        deaf.connect((host, int(port)))
        number = deaf.getsockname()[1]
        deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 400)
        time.sleep(1)
        assert is_connected(server, number)
        ends = time.monotonic() + 30
        while is_connected(server, number):
            assert time.monotonic() < ends, "the server waits on"
            time.sleep(0.2)
        with server.client() as client:
            assert client.get("/healthz").status_code == 200


def test_clients_that_reset_what_they_pipelined_leave_no_error_in_the_log(start_server) -> None:
    body = b'{"question": "tocopherol"}'
    head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    searches = (head + b"Content-Length: %d\r\n\r\n" % len(body) + body) * 60
    pings = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 60
    with start_server("--index", "hostile") as server:
        for number in range(100):
            with server.connection() as connection:
                connection.sendall(pings if number % 2 else searches)
                time.sleep(number % 20 * 0.003)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with server.client() as client:
            server.logged(client.get("/healthz"))

        assert [line["message"] for line in server.log() if line["level"] == "error"] == []


@pytest.mark.parametrize(("proxies", "client"), [("[]", "127.0.0.1"), ('["127.0.0.0/8"]', "203.0.113.9")])
def test_a_forwarded_address_is_believed_from_a_named_proxy_alone(proxies: str, client: str, start_server) -> None:
    with start_server("--index", "hostile", "--set", f"security.proxies={proxies}") as server:
        httpx.get(server.address + "healthz", headers={"x-forwarded-for": "203.0.113.9", "x-request-id": "asked"})
        for _ in range(100):
            lines = [line for line in server.log() if line.get("request_id") == "asked"]
            if lines:
                break
            time.sleep(0.05)

    assert [line["client"] for line in lines] == [client]
