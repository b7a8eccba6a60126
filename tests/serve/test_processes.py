"""Several worker processes behind one address: what they share, and what becomes of one that ends."""

import contextlib
import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from ragqa import products
from ragqa.cli import run
from ragqa.cores import VARIABLE, n_cores
from ragqa.serve import key_file
from ragqa.serve.allowance import Allowances, OverdrawnError
from ragqa.serve.key_file import Key
from ragqa.serve.keys import Known
from ragqa.serve.ledger import Ledger

MADE = datetime(2026, 1, 1, tzinfo=UTC)
QUESTION = {"question": "What was the daily dose of tocopherol?"}


def workers_of(server) -> list[psutil.Process]:
    """The worker processes of a server."""
    found = psutil.Process(server.process.pid).children()
    return [one for one in found if any("spawn_main" in word for word in one.cmdline())]


def eventually(condition, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come in time"
        time.sleep(0.05)


def n_requests(text: str, route: str) -> float:
    """How many requests for a route the figures tell."""
    return sum(float(n) for n in re.findall(rf'^ragqa_requests_total{{.*route="{route}".*}} (\S+)', text, re.MULTILINE))


@pytest.fixture(scope="module")
def pair(start_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """Two workers with keys and an audit file."""
    folder = tmp_path_factory.mktemp("pair")
    keys = {
        "ample": Key(key_file.digest("ample"), MADE, per_minute=10_000, at_once=100),
        "poor": Key(key_file.digest("poor"), MADE, per_minute=5, at_once=4),
    }
    key_file.write(folder / "keys.toml", keys)
    options = ("--keys-file", str(folder / "keys.toml"), "--set", f"audit.to={folder}/audit.jsonl")
    with start_server("--index", "hostile", "--workers", "2", *options) as server:
        assert len(workers_of(server)) == 2
        yield server, folder / "audit.jsonl"


def ask(server, secret: str, path: str = "/v1/ask") -> int:
    """The status of one request over a connection of its own."""
    with server.client(headers={"authorization": f"Bearer {secret}"}) as client:
        return client.post(path, json=QUESTION).status_code


def figures(server) -> str:
    with server.client(headers={"authorization": "Bearer ample"}) as client:
        return client.get("/metrics").text


def test_all_workers_answer_and_their_figures_and_audit_lines_are_those_of_all(pair) -> None:
    server, audit = pair
    before = n_requests(figures(server), "/v1/ask")
    used = [one.cpu_times().user for one in workers_of(server)]

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: ask(server, "ample"), range(60)))

    assert statuses == [200] * 60
    assert all(one.cpu_times().user > then for one, then in zip(workers_of(server), used, strict=True))
    eventually(lambda: n_requests(figures(server), "/v1/ask") == before + 60)
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert sum(line["route"] == "/v1/ask" for line in lines) == before + 60
    assert "ragqa_waiting 0.0" in figures(server)


def n_connections(process: psutil.Process, port: int) -> int:
    """How many clients a process is connected to."""
    found = process.net_connections("tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in found)


def test_clients_that_keep_their_connections_are_shared_out_evenly(pair) -> None:
    server, _ = pair
    port = httpx.URL(server.address).port
    eventually(lambda: not any(n_connections(one, port) for one in workers_of(server)))

    with contextlib.ExitStack() as stack:
        for _ in range(12):
            client = stack.enter_context(server.client(headers={"authorization": "Bearer ample"}))
            assert client.get("/healthz").status_code == 200

        assert min(n_connections(one, port) for one in workers_of(server)) >= 4


def test_a_worker_that_hangs_keeps_no_client_waiting(pair) -> None:
    server, _ = pair
    hanging, _ = workers_of(server)
    hanging.suspend()
    try:
        assert [ask(server, "ample") for _ in range(3)] == [200] * 3
        with contextlib.ExitStack() as stack:
            for _ in range(6):
                client = stack.enter_context(server.client(headers={"authorization": "Bearer ample"}))
                assert client.get("/healthz").status_code == 200
    finally:
        hanging.resume()


def test_workers_share_out_the_cores(pair) -> None:
    server, _ = pair

    assert {one.environ()[VARIABLE] for one in workers_of(server)} == {str(-(-n_cores() // 2))}


def test_a_key_may_ask_as_much_of_all_workers_as_of_one(pair) -> None:
    server, _ = pair

    statuses = [ask(server, "poor", "/v1/search") for _ in range(12)]

    assert statuses[:5] == [200] * 5
    assert statuses.count(429) >= 6, "within a minute, and a little may be earned meanwhile"


def test_a_worker_that_is_killed_is_replaced_and_its_figures_stay(pair) -> None:
    server, _ = pair
    assert ask(server, "ample") == 200
    eventually(lambda: n_requests(figures(server), "/v1/ask") >= 1)
    before = n_requests(figures(server), "/v1/ask")
    lost, other = workers_of(server)

    lost.kill()

    assert [ask(server, "ample") for _ in range(5)] == [200] * 5
    eventually(lambda: len(workers_of(server)) == 2 and lost.pid not in {one.pid for one in workers_of(server)})
    assert other.is_running()
    eventually(lambda: n_requests(figures(server), "/v1/ask") == before + 5)
    assert any(line["message"].startswith("a worker process ended") for line in server.log())


def test_workers_end_when_the_first_process_is_killed(start_server) -> None:
    with start_server("--index", "hostile", "--workers", "2") as server:
        workers = workers_of(server)
        server.process.kill()

        _, alive = psutil.wait_procs(workers, 60)
        assert alive == []
        with pytest.raises(httpx.ConnectError), server.client() as client:
            client.get("/healthz")


def n_taken(text: str) -> float:
    """How many questions workers are at, or are done with."""
    at = re.findall(r"^ragqa_(?:running|waiting) (\S+)", text, re.MULTILINE)
    return sum(map(float, at)) + n_requests(text, "/v1/ask")


def test_what_was_begun_is_finished_by_all_workers(start_server) -> None:
    with start_server("--workers", "2", "--set", "limits.threads=2") as server, ThreadPoolExecutor(8) as threads:

        def one() -> int:
            with server.client() as client:
                return client.post("/v1/ask", json={"question": "Do statins reduce atrial fibrillation?"}).status_code

        answers = [threads.submit(one) for _ in range(8)]
        with server.client() as client:
            # Until a worker has taken it, a connection is the kernel's alone, and ends with the socket.
            eventually(lambda: n_taken(client.get("/metrics").text) >= len(answers))
        server.process.send_signal(signal.SIGTERM)

        assert {answer.result() for answer in answers} == {200}
        assert server.process.wait(60) == 0


def test_every_worker_follows_an_update(start_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    source = tmp_path / "source"
    source.mkdir()
    documents = [{"_id": str(n), "title": f"Trial {n}", "text": f"Statins reduced strokes in {n}."} for n in range(9)]
    (source / "1.jsonl").write_text("".join(json.dumps(one) + "\n" for one in documents))
    products.import_corpus("living", source, "jsonl")
    products.build_index("living", "bm25-anserini")
    options = ("--index", "living", "--workers", "2", "--set", "limits.follow_seconds=3600")
    statuses: set[int] = set()
    ended = threading.Event()
    with start_server(*options, RAGQA_HOME=str(tmp_path / "home")) as server:

        def ask_on() -> None:
            while not ended.is_set():
                with server.client() as client:
                    statuses.add(client.post("/v1/search", json={"question": "statins strokes"}).status_code)

        asking = threading.Thread(target=ask_on)
        asking.start()
        try:
            (source / "2.jsonl").write_text(json.dumps({**documents[3], "retracted": True}) + "\n")
            products.update("living")
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: [line["message"] for line in server.log()].count("an update is served") == 2)
        finally:
            ended.set()
            asking.join()
        for _ in range(10):
            with server.client() as client:
                assert client.get("/v1/documents/3").json()["document"]["retracted"]
    assert statuses == {200}


def test_workers_that_cannot_begin_are_told_once(sample_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--index", "smaple", "--port", "0", "--workers", "2"]) == 2

    said = capfd.readouterr().err
    assert said.count("there is no index") == 1
    assert "Traceback" not in said


def test_ledgers_of_one_file_count_together_and_forget_a_process_that_ended(tmp_path: Path) -> None:
    now = 0.0
    path = tmp_path / "ledger"
    first, second = (Allowances(Ledger(path, place, 2), lambda: now) for place in range(2))
    known = Known("clinic", Key("", MADE, per_minute=4, at_once=2))

    with first.request(known), second.request(known), pytest.raises(OverdrawnError, match="2 requests under way"):
        first.request(known).__enter__()
    with first.request(known), second.request(known):
        pass
    with pytest.raises(OverdrawnError, match="4 times a minute"):
        second.request(known).__enter__()
    now = 60.0
    lost = first.request(known)
    lost.__enter__()
    with second.request(known), pytest.raises(OverdrawnError, match="under way"):
        second.request(known).__enter__()
    replacing = Allowances(Ledger(path, 0, 2), lambda: now)
    with second.request(known), replacing.request(known):
        pass


def test_a_ledger_that_is_full_forgets_who_asked_longest_ago() -> None:
    now = 0.0
    allowances = Allowances(Ledger(), lambda: now)
    busy = allowances.request(Known("busy", Key("", MADE, per_minute=1, at_once=1)))
    busy.__enter__()
    for number in range(5_000):
        now += 0.001
        with allowances.request(Known(f"key{number}", Key("", MADE, per_minute=1, at_once=1))):
            pass
    with pytest.raises(OverdrawnError, match="under way"):
        allowances.request(Known("busy", Key("", MADE, per_minute=1, at_once=1))).__enter__()
    with pytest.raises(OverdrawnError, match="1 times a minute"):
        allowances.request(Known("key4999", Key("", MADE, per_minute=1, at_once=1))).__enter__()
