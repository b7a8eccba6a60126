"""Searching on a cluster beside searching in one process: are hits and scores equal, and what does the way cost?

    python eval/benchmarks/shards.py --beir FOLDER [--documents 40000] [--questions 500] [--shards 1 2 4 8] [--dense]
        [--ray ADDRESS]

FOLDER is a BEIR folder, whose documents are written as eight files and indexed as eight segments: by BM25 or, with
``--dense``, also by the default encoder. Each question is asked alone, in one process and on shards in turns. For each
number of shards it prints how many of the questions have the same documents with the same scores (float32), p50 and p99
in milliseconds, p50 beside one process, and of that the time in which the shards' hits are put together. Then the
process of a shard is killed and the questions asked on: how many were answered in part or, by no shard, not at all,
how many of the others wrongly, and the seconds until the shard was back. All shards share the cores of one machine
unless ``--ray`` names a cluster. Last comes one line of JSON.
"""

import argparse
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from ragqa import products
from ragqa.engine import Engine, Openers
from ragqa.errors import ClusterError
from ragqa.ray import search
from ragqa.ray.cluster import LOCAL, connected, load_ray
from ragqa.ray.gather import Gathering, Spread
from ragqa.ray.search import opener
from ragqa.types import Ranked

_SEGMENTS, _K = 8, 50


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beir", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=40_000)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--dense", action="store_true")
    parser.add_argument("--ray", default=LOCAL)
    arguments = parser.parse_args()
    with (arguments.beir / "queries.jsonl").open(encoding="utf-8") as file:
        questions = [json.loads(line)["text"] for line in islice(file, arguments.questions)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RAGQA_HOME"] = folder
        build(arguments.beir, arguments.documents, dense=arguments.dense)
        results = {n: compare(questions, n, arguments.ray) for n in arguments.shards}
    for n, measured in results.items():
        print(f"{n} shards:", "  ".join(f"{name} {value:,.2f}" for name, value in measured.items()), flush=True)
    print(json.dumps(results))


def build(beir: Path, n_documents: int, *, dense: bool) -> None:
    """An index of eight segments."""
    source = Path(os.environ["RAGQA_HOME"]) / "source"
    source.mkdir()
    with (beir / "corpus.jsonl").open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in islice(file, n_documents)]
    for part in range(_SEGMENTS):
        rows = [
            json.dumps({"id": line["_id"], "title": line.get("title", ""), "abstract": line["text"]})
            for line in lines[part::_SEGMENTS]
        ]
        (source / f"part{part}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    products.import_corpus("shards", source, "jsonl")
    recipe = "default" if dense else "bm25-anserini"
    products.build_index("shards", recipe, "shards", (f"segments={_SEGMENTS}", 'rerank.reranker="none"'))


def compare(questions: Sequence[str], n_shards: int, address: str) -> dict[str, float]:
    """Equal results, and the times of both ways."""
    with (
        connected(address) as nodes,
        Engine.open("shards") as whole,
        Engine.open("shards", (), Openers(opener(nodes, Spread(n_shards, budget_s=60)))) as spread,
    ):
        times: dict[str, list[float]] = {"one": [], "shards": []}
        n_equal = 0
        with timed_merging() as merging:
            for question in [questions[0], *questions]:
                found = []
                for name, engine in (("one", whole), ("shards", spread)):
                    began = time.perf_counter()
                    hits = engine.search(question, _K)
                    times[name].append((time.perf_counter() - began) * 1000)
                    found.append([(hit.document_id, hit.score, hit.scores) for hit in hits])
                n_equal += found[0] == found[1]
        lost = lose(whole, spread, questions)
    one, shards = (np.array(times[name][1:]) for name in ("one", "shards"))
    return {
        "equal": n_equal - 1,
        "questions": len(questions),
        "one_p50_ms": float(np.median(one)),
        "one_p99_ms": float(np.percentile(one, 99)),
        "shards_p50_ms": float(np.median(shards)),
        "shards_p99_ms": float(np.percentile(shards, 99)),
        "added_p50_ms": float(np.median(shards - one)),
        "merge_p50_ms": float(np.median(merging)),
        "merge_p99_ms": float(np.percentile(merging, 99)),
        **lost,
    }


@contextmanager
def timed_merging() -> Iterator[list[float]]:
    """Milliseconds of each time that the hits of shards are put together."""
    merged, times = search.merged, list[float]()

    def timed(*arguments: Any) -> Ranked:
        began = time.perf_counter()
        found = merged(*arguments)
        times.append((time.perf_counter() - began) * 1000)
        return found

    search.merged = timed
    try:
        yield times
    finally:
        search.merged = merged


def lose(whole: Engine, spread: Engine, questions: Sequence[str]) -> dict[str, float]:
    """Kill the process of the first shard and ask on until it is back."""
    shards = spread.index.shards
    assert isinstance(shards, Gathering)
    actor = shards._groups[0].actors[0]
    os.kill(load_ray().get(actor.__ray_call__.remote(lambda _self: os.getpid())), signal.SIGKILL)
    began, n_partly, n_wrong = time.perf_counter(), 0, 0
    for question in cycle(questions):
        expected = whole.retrieve([whole.as_read(question)], _K)
        try:
            found = spread.retrieve([spread.as_read(question)], _K)
        except ClusterError:
            n_partly += 1
            continue
        if not found.unsearched:
            n_wrong += not np.array_equal(found.rows, expected.rows)
            break
        n_partly += 1
    return {"back_after_s": time.perf_counter() - began, "partly_answered": n_partly, "wrong": n_wrong}


if __name__ == "__main__":
    main()
