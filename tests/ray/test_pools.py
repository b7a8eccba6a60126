"""Rerankers and readers in pools of a cluster: the answers of one process, more of them while questions wait."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from ragqa.cli import run
from ragqa.engine import Engine, Openers
from ragqa.engine.pools import Pools, ReadingMember, RerankingMember
from ragqa.errors import BackendError, ClusterError, UsageError
from ragqa.ray import pool as pools
from ragqa.ray.cluster import connected
from ragqa.ray.pool import Pool, PoolSize, remove_orphans
from ragqa.retrieve.rerank_export import export_reranker
from ragqa.types import Answer, Question

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray's own
]
REPOSITORY = Path(__file__).parents[2]
_CLAIM = "Statins prevent atrial fibrillation after cardiac surgery."
_LINES = (REPOSITORY / "corpora" / "sample" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
QUESTIONS = [json.loads(line)["text"] for line in _LINES[:20]]


@pytest.fixture(autouse=True)
def _connected(ray_cluster: Any, sample_home: Path) -> Iterator[None]:
    with connected(ray_cluster.address):
        yield


def _told(answer: Answer) -> Answer:
    """What an answer tells, without how long it took."""
    return dataclasses.replace(answer, timings_ms={})


def _members(name: str) -> list[psutil.Process]:
    """The processes of the pools of a name that are there and have begun."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if f"ServeReplica:ragqa-{name}-" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_answers_of_pools_are_those_of_one_process(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    size, exported = PoolSize(1), tmp_path / "exported"
    with (
        contextlib.closing(Pool("rerankers", RerankingMember, size)) as rerankers,
        contextlib.closing(Pool("readers", ReadingMember, size)) as readers,
    ):
        opened = Pools(rerankers, readers)
        openers = Openers(reranker=opened.open_reranker, reader=opened.open_reader)
        with Engine.open("sample") as here, Engine.open("sample", (), openers) as there:
            assert [_told(there.ask(one)) for one in QUESTIONS] == [_told(here.ask(one)) for one in QUESTIONS]
            assert there.search_batch(QUESTIONS[:5]) == here.search_batch(QUESTIONS[:5])
            with pytest.raises(UsageError, match="the question is empty"):
                readers.call("read", there.recipe.answer, Question(" "), (), ())
            sample = here.find_documents(QUESTIONS[:2], 10)[0]
        export_reranker(str(tiny_model("cross")), exported, QUESTIONS[:3], sample)
        for reranker in ("reader", str(exported)):
            chosen = (f"rerank.reranker={reranker}", "rerank.depth=5")
            with Engine.open("sample", chosen) as here, Engine.open("sample", chosen, openers) as there:
                for asked in (QUESTIONS[0], _CLAIM):
                    assert _told(there.ask(asked)) == _told(here.ask(asked))
    assert not _members("readers")
    assert not _members("rerankers")


def test_a_pool_grows_while_questions_wait_and_answers_rightly_while_its_processes_are_killed() -> None:
    with (
        contextlib.closing(Pool("readers", ReadingMember, PoolSize(2))) as readers,
        Engine.open("sample") as here,
        Engine.open("sample", (), Openers(reader=Pools(None, readers).open_reader)) as there,
    ):
        expected = [_told(here.ask(one)) for one in QUESTIONS[:4]]
        wrong: list[object] = []
        over = threading.Event()

        def ask(number: int) -> None:
            while not over.is_set():
                try:
                    if _told(there.ask(QUESTIONS[number])) != expected[number]:
                        wrong.append(number)
                except ClusterError as error:
                    assert "were lost over one call" in str(error)

        with ThreadPoolExecutor(4) as threads:
            asking = [threads.submit(ask, number) for number in range(4)]
            try:
                _until(lambda: len(_members("readers")) == 2, "a second reader")
                killed = _members("readers")[0].pid
                os.kill(killed, signal.SIGKILL)
                _until(lambda: len(_members("readers")) == 2 and not psutil.pid_exists(killed), "another in its place")
            finally:
                over.set()
        for one in asking:
            one.result()
        assert not wrong
        assert [_told(there.ask(one)) for one in QUESTIONS[:4]] == expected


def test_calls_that_too_many_wait_before_are_refused_and_those_that_take_too_long_are_given_up() -> None:
    with (
        contextlib.closing(Pool("readers", ReadingMember, PoolSize(1, waiting=1, answer_s=3))) as readers,
        Engine.open("sample", (), Openers(reader=Pools(None, readers).open_reader)) as engine,
    ):
        engine.ask(QUESTIONS[0])
        (reader,) = _members("readers")
        reader.suspend()
        try:
            with ThreadPoolExecutor(8) as threads:
                asking = [threads.submit(engine.ask, one) for one in QUESTIONS[:8]]
                said = [str(one.exception()) for one in asking]
        finally:
            reader.resume()
        assert all(isinstance(one.exception(), ClusterError) for one in asking)
        late = "none of the readers of the cluster answered within 3 s; look at the cluster with: ray status"
        busy = "all readers of the cluster are busy, and 1 calls wait for one; ask again in a moment"
        assert set(said) == {late, busy}
        _until(lambda: _answers(engine), "an answer again")


def test_a_pool_for_which_there_is_no_room_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_OPEN_S", 2.0)
    with pytest.raises(
        BackendError, match=r"the pool of readers did not start .* 64 processors and 0 GPUs of one node"
    ):
        Pool("readers", ReadingMember, PoolSize(1, cpus=64))


def test_a_server_answers_from_pools_which_end_with_the_next_server_where_it_was_killed(ray_cluster: Any) -> None:
    with Engine.open("sample") as here:
        expected = here.ask(QUESTIONS[0])
    chosen = ["--set", "cluster.readers=1", "--set", "cluster.rerankers=1"]
    command = [sys.executable, "-m", "ragqa", "serve", "--port", "0", "--ray", ray_cluster.address, *chosen]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://\S+", server.stdout.readline())
            assert address is not None
            body = json.dumps({"question": QUESTIONS[0]}).encode()
            request = urllib.request.Request(f"{address[0]}v1/ask", body, {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
            assert len(_members("readers")) == len(_members("rerankers")) == 1
        finally:
            server.kill()
        assert server.stderr is not None
        assert all(line.startswith('{"time"') for line in server.stderr), "what Ray Serve logs is for its own files"
    assert answer["text"] == expected.text
    assert [source["document_id"] for source in answer["sources"]] == [one.document_id for one in expected.sources]
    _until(_orphans_are_gone, "the end of the pools of a server that was killed")


@pytest.mark.parametrize("setting", ["cluster.readers=2", "cluster.rerankers=1"])
def test_pools_without_a_cluster_are_refused(setting: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--port", "0", "--set", setting]) == 2
    assert "no cluster is named: add --ray HOST:PORT, or leave both at 0" in capsys.readouterr().err


def _orphans_are_gone() -> bool:
    remove_orphans()
    return not _members("readers") and not _members("rerankers")


def _answers(engine: Engine) -> bool:
    try:
        return bool(engine.ask(QUESTIONS[0]))
    except ClusterError:
        return False


def _until(holds: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends, f"waited in vain for {what}"
        time.sleep(0.3)
