"""A server goes on with the index in force: a retraction is served soon, no request is dropped, nothing dies."""

import asyncio
import json
import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from ragqa import products
from ragqa.serve import api, settings
from ragqa.serve.following import Follower
from ragqa.serve.metrics import Metrics
from ragqa.serve.service import Service

DOCUMENTS = [
    {"_id": str(n), "title": f"Trial {n} of statins", "text": f"Statins reduced strokes in trial {n}."}
    for n in range(1, 9)
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a corpus of a folder of files and an index of it."""
    folder = tmp_path / "own-home"
    monkeypatch.setenv("RAGQA_HOME", str(folder))
    write(tmp_path / "source" / "1.jsonl", DOCUMENTS)
    products.import_corpus("living", tmp_path / "source", "jsonl")
    products.build_index("living", "bm25-anserini")
    return folder


def write(path: Path, documents: list[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))


def eventually(found: "object", seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not found():  # type: ignore[operator]
        assert time.monotonic() < ends, "it did not come in time"
        time.sleep(0.05)


@pytest.mark.parametrize("by_signal", [False, True])
def test_a_retraction_is_served_while_questions_go_on(home, start_server, tmp_path, by_signal) -> None:
    # Watched once an hour, only the signal can make it look.
    options = ("--set", f"limits.follow_seconds={3600 if by_signal else 0.5}")
    with start_server("--index", "living", *options, RAGQA_HOME=str(home)) as server, server.client() as client:
        before = client.get("/readyz").json()["states"]["living"]
        assert not client.get("/v1/documents/3").json()["document"]["retracted"]
        statuses: set[int] = set()
        ended = threading.Event()

        def ask() -> None:
            with httpx.Client(base_url=server.address, timeout=60) as other:
                while not ended.is_set():
                    statuses.add(other.post("/v1/search", json={"question": "statins strokes", "k": 5}).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            write(tmp_path / "source" / "2.jsonl", [{**DOCUMENTS[2], "retracted": True}])
            products.update("living")
            if by_signal:
                assert client.get("/readyz").json()["states"]["living"]["newer"]
                os.kill(server.process.pid, signal.SIGHUP)
            eventually(lambda: client.get("/v1/documents/3").json()["document"]["retracted"], 10.0)
        finally:
            ended.set()
            asking.join()

        assert statuses == {200}
        after = client.get("/readyz").json()["states"]["living"]
        assert after["serving"] != before["serving"]
        assert not after["newer"]
        assert server.process.poll() is None


def test_an_update_that_cannot_be_opened_leaves_the_state_before_it_served(home, start_server, tmp_path) -> None:
    options = ("--set", "limits.follow_seconds=0.2")
    with start_server("--index", "living", *options, RAGQA_HOME=str(home)) as server, server.client() as client:
        write(tmp_path / "source" / "2.jsonl", [{**DOCUMENTS[2], "retracted": True}])
        manifest = home / "indexes" / "living" / "manifest.json"
        whole = manifest.read_bytes()
        manifest.write_bytes(whole[: len(whole) // 2])
        eventually(lambda: "cannot be served yet" in server.log_path.read_text())

        assert client.post("/v1/search", json={"question": "statins", "k": 3}).status_code == 200
        manifest.write_bytes(whole)
        products.update("living")
        eventually(lambda: client.get("/v1/documents/3").json()["document"]["retracted"])


def test_an_index_that_cannot_be_opened_keeps_no_other_from_its_update(home, start_server, tmp_path) -> None:
    write(tmp_path / "other" / "1.jsonl", DOCUMENTS)
    products.import_corpus("other", tmp_path / "other", "jsonl")
    products.build_index("other", "bm25-anserini")
    options = ("--index", "living", "--index", "other", "--set", "limits.follow_seconds=0.2")
    with start_server(*options, RAGQA_HOME=str(home)) as server, server.client() as client:
        (home / "indexes" / "living" / "manifest.json").write_text("{")
        write(tmp_path / "other" / "2.jsonl", [{**DOCUMENTS[2], "retracted": True}])
        products.update("other")

        eventually(lambda: client.get("/v1/documents/3?index=other").json()["document"]["retracted"])
        assert "cannot be served yet" in server.log_path.read_text()
        assert client.post("/v1/search", json={"question": "statins", "index": "living"}).status_code == 200


def test_whatever_goes_wrong_updates_are_looked_for_again() -> None:
    looks: list[None] = []

    def refresh() -> None:
        looks.append(None)
        raise LookupError("a fault of the program")

    with Follower(refresh, 0.01).running():
        eventually(lambda: len(looks) > 2)


def test_a_disk_that_does_not_answer_holds_up_nothing_but_what_reads_from_it(home, monkeypatch) -> None:
    service = Service.open(settings.load("server", ['indexes=["living"]']))
    app = FastAPI()
    app.include_router(api.operations_router(service, Metrics(service)))
    disk = threading.Event()
    reading = products.index_state
    monkeypatch.setattr(products, "index_state", lambda name: disk.wait(60) and reading(name))

    async def health_meanwhile() -> tuple[httpx.Response, bool, httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ragqa") as client:
            asking = asyncio.create_task(client.get("/readyz"))
            await asyncio.sleep(0.2)
            health, waits = await client.get("/healthz"), not asking.done()
            disk.set()
            return health, waits, await asking

    health, waits, ready = asyncio.run(asyncio.wait_for(health_meanwhile(), 30))
    service.close()
    assert health.json()["status"] == "alive"
    assert waits
    assert not ready.json()["states"]["living"]["newer"]
