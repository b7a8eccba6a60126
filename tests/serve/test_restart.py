"""A restart that drops nothing: the socket outlives the server, as under systemd."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from ragqa.cli import run


def start(listener: socket.socket, home: Path, log: Path, *more: str) -> subprocess.Popen[str]:
    """A server with the socket as descriptor 3, as systemd starts it."""
    script = f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
    command = [sys.executable, "-m", "ragqa", "serve", "--index", "hostile", *more]
    return subprocess.Popen(
        ["bash", "-c", script, "bash", *command],
        pass_fds=[listener.fileno()],
        env={**os.environ, "RAGQA_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=log.open("a"),
        text=True,
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_client_that_asks_all_along_notices_no_restart(workers: str, served_home: Path, tmp_path: Path) -> None:
    ended = threading.Event()
    statuses: list[int] = []
    errors: list[httpx.HTTPError] = []

    def ask_on(address: str, *, keep: bool) -> None:
        client = httpx.Client(base_url=address, timeout=60)
        while not ended.is_set():
            try:
                if not keep:
                    client.close()
                    client = httpx.Client(base_url=address, timeout=60)
                statuses.append(client.post("/v1/search", json={"question": "tocopherol dose"}).status_code)
            except httpx.HTTPError as error:
                errors.append(error)
        client.close()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = start(listener, served_home, tmp_path / "log", "--workers", workers)
        assert process.stdout is not None
        assert re.search(re.escape(address), process.stdout.readline())
        clients = [threading.Thread(target=ask_on, args=(address,), kwargs={"keep": keep}) for keep in (True, False)]
        for client in clients:
            client.start()
        try:
            for _ in range(2):
                before = len(statuses)
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0
                process = start(listener, served_home, tmp_path / "log", "--workers", workers)
                assert process.stdout is not None
                process.stdout.readline()
                while len(statuses) < before + 20 and not errors:
                    assert process.poll() is None
        finally:
            ended.set()
            for client in clients:
                client.join()
            process.terminate()
            process.wait(60)

    assert errors == []
    assert set(statuses) == {200}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_service_manager_hears_when_it_is_ready_and_when_it_ends(
    workers: str, start_server, tmp_path: Path
) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        channel.settimeout(60)
        with start_server("--index", "hostile", "--workers", workers, NOTIFY_SOCKET=str(address)) as server:
            assert channel.recv(100) == b"READY=1"
            server.process.terminate()
            assert channel.recv(100) == b"STOPPING=1"
            assert server.process.wait(60) == 0
            channel.setblocking(False)
            with pytest.raises(BlockingIOError):  # told once, by the process that the manager knows
                channel.recv(100)


def test_a_socket_for_other_machines_needs_keys_too(served_home: Path, tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))  # noqa: S104 - what is refused
        listener.listen()
        process = start(listener, served_home, tmp_path / "log")
        process.communicate(timeout=60)

    assert process.returncode == 2
    assert "there are no keys" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("given", "message"), [("2", "2 sockets"), ("", "no sockets")])
def test_more_than_one_socket_is_refused(
    given: str, message: str, sample_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", given)

    assert run(["serve"]) == 1
    assert message in capsys.readouterr().err
