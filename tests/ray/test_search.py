"""A cluster finds what one machine finds, with the same scores; what is lost is told, and never made up."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragqa import products
from ragqa.cli import run
from ragqa.engine import Engine, Openers
from ragqa.errors import ClusterError
from ragqa.ray.cluster import Node, connected, load_ray
from ragqa.ray.gather import Spread
from ragqa.ray.search import opener
from ragqa.types import Filter

pytestmark = pytest.mark.timeout(300)

_WORDS = (  # noqa: SIM905
    "statin trial heart failure aspirin insulin glucose cancer breast therapy placebo random blood pressure kidney "
    "vitamin dose risk mortality stroke lung asthma children women elderly"
).split()
_QUESTIONS = [
    "does aspirin prevent stroke?",
    "insulin or placebo for blood glucose in children",
    "statin statin therapy",
    "unheard of",
    "only7 asthma",
    "mortality of elderly women with lung cancer and kidney failure",
]
_ASKED = "aspirin dose of women with asthma"
_TWO_FIELDS = "bm25.fields={title=2.0,abstract=1.0}"


@pytest.fixture(scope="module")
def home(tiny_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two indexes of 8 segments: ``one`` of one field and vectors, ``two`` of two fields."""
    home, source = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("source")
    random = np.random.default_rng(3)
    for part in range(8):
        lines = []
        for number in range(40):
            # Titles have words that abstracts of the same part lack, and each part has a word of its own.
            title = " ".join(random.choice(_WORDS[part : part + 12], 4))
            abstract = " ".join([*random.choice(_WORDS, int(random.integers(3, 60))), f"only{part}"])
            year = 1990 + (number + part) % 30
            lines.append({"id": f"{part}-{number}", "title": title, "abstract": abstract, "year": year})
        (source / f"part{part}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(home))
        products.import_corpus("texts", source, "jsonl")
        dense = (f"dense.encoder={tiny_model('mean')}", "dense.faiss=flat")
        products.build_index("one", "default", "texts", ("segments=8", *dense))
        products.build_index("two", "bm25-anserini", "texts", ("segments=8", _TWO_FIELDS, "retrieve.depth=50"))
        yield home


@pytest.fixture(autouse=True)
def _home(_isolated: None, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQA_HOME", str(home))


@pytest.fixture
def nodes(ray_cluster: Any) -> Iterator[tuple[Node, ...]]:
    with connected(ray_cluster.address) as nodes:
        yield nodes


def _found(engine: Engine, allowed: Filter = Filter()) -> list[list[tuple[str, float, dict[str, float]]]]:
    return [
        [(hit.document_id, hit.score, dict(hit.scores)) for hit in hits]
        for hits in engine.search_batch(_QUESTIONS, 30, allowed)
    ]


@pytest.mark.parametrize(("name", "shards"), [("one", 3), ("two", 1), ("two", 8)])
def test_any_number_of_shards_finds_the_same_with_the_same_scores(
    nodes: tuple[Node, ...], name: str, shards: int
) -> None:
    with Engine.open(name) as whole, Engine.open(name, (), Openers(opener(nodes, Spread(shards)))) as spread:
        for allowed in (Filter(), Filter(year_from=2015), Filter(year_from=1990, year_to=1991)):
            assert _found(spread, allowed) == _found(whole, allowed)
        assert [len(hits) for hits in _found(spread)][3] == (0 if name == "two" else 30)
        question = _QUESTIONS[0]
        assert spread.ask(question).statements == whole.ask(question).statements


def _pid(engine: Engine, shard: int, replica: int = 0) -> int:
    """The process of a replica."""
    actor = engine.index.shards._groups[shard].actors[replica]  # type: ignore[union-attr]
    return int(load_ray().get(actor.__ray_call__.remote(lambda _self: os.getpid()), timeout=60))


def _ids(engine: Engine) -> list[tuple[str, float]]:
    return [(hit.document_id, hit.score) for hit in engine.search(_ASKED, 320)]


def test_a_lost_shard_is_told_and_what_is_found_is_right_until_it_is_back(nodes: tuple[Node, ...]) -> None:
    question = "does aspirin prevent stroke?"
    with Engine.open("two") as whole, Engine.open("two", (), Openers(opener(nodes, Spread(2, budget_s=2)))) as spread:
        assert _ids(spread) == _ids(whole)
        lost = _pid(spread, 1)
        os.kill(lost, signal.SIGSTOP)
        partial = spread.retrieve([spread.as_read(_ASKED)], 320)
        with pytest.raises(ClusterError, match="searched the records 161 to 320 of the index; ask again"):
            spread.search(_ASKED)
        answer = spread.ask(question)
        os.kill(lost, signal.SIGKILL)

        ids = spread.store.ids(partial.rows[0])
        assert list(zip(ids, partial.scores[0].tolist(), strict=True)) == [
            (name, score) for name, score in _ids(whole) if int(name[0]) < 4
        ]
        notice = answer.notices[0]
        assert notice.kind == "partly_searched"
        assert "50% of the index was not searched: no machine answered for its records 161 to 320" in notice.message
        ends = time.monotonic() + 120
        while spread.retrieve([spread.as_read(_ASKED)], 320).unsearched:
            assert time.monotonic() < ends, "the shard did not come back"
            time.sleep(0.5)
        assert _ids(spread) == _ids(whole)
        assert spread.ask(question).notices == whole.ask(question).notices


def test_where_a_shard_has_two_replicas_a_slow_one_and_a_lost_one_cost_nothing(nodes: tuple[Node, ...]) -> None:
    with Engine.open("two") as whole:
        expected = _ids(whole)
    with Engine.open("two", (), Openers(opener(nodes, Spread(2, replicas=2, budget_s=60)))) as spread:
        slow, lost = _pid(spread, 0), _pid(spread, 1)
        os.kill(slow, signal.SIGSTOP)
        os.kill(lost, signal.SIGKILL)
        began = time.monotonic()
        assert _ids(spread) == expected
        assert time.monotonic() - began < 50, "the other replica was asked before the time was up"
        os.kill(slow, signal.SIGKILL)


def test_an_engine_that_is_closed_leaves_no_process_behind(nodes: tuple[Node, ...]) -> None:
    with Engine.open("two", (), Openers(opener(nodes, Spread(2)))) as spread:
        pids = [_pid(spread, 0), _pid(spread, 1)]
    ends = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < ends
        time.sleep(0.2)


def test_where_no_shard_answers_it_is_an_error_that_says_what_to_do(nodes: tuple[Node, ...]) -> None:
    with Engine.open("two", (), Openers(opener(nodes, Spread(1, budget_s=1)))) as spread:
        alone = _pid(spread, 0)
        os.kill(alone, signal.SIGSTOP)
        try:
            with pytest.raises(ClusterError, match=r"none of the 1 shards .* ray status"):
                spread.search("aspirin")
            with pytest.raises(ClusterError, match="the filter cannot be applied; ask again"):
                spread.search("aspirin", allowed=Filter(journals=("Lancet",)))
        finally:
            os.kill(alone, signal.SIGKILL)


def test_a_server_answers_from_the_cluster_as_one_machine_does(ray_cluster: Any, home: Path) -> None:
    with Engine.open("two") as whole:
        expected = [(hit.document_id, hit.score) for hit in whole.search(_ASKED, 10)]
    command = [sys.executable, "-m", "ragqa", "serve", "--index", "two", "--port", "0", "--ray", ray_cluster.address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"http://\S+", server.stdout.readline())
            assert address is not None
            body = json.dumps({"question": _ASKED, "k": 10}).encode()
            request = urllib.request.Request(f"{address[0]}v1/search", body, {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as response:
                hits = json.load(response)["hits"]
        finally:
            server.terminate()
            assert server.wait(60) == 0
    assert [(hit["document_id"], hit["score"]) for hit in hits] == expected


def test_several_processes_before_a_cluster_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--index", "two", "--port", "0", "--ray", "10.0.0.1:6379", "--workers", "2"]) == 2
    assert "only one process can serve from a cluster" in capsys.readouterr().err
