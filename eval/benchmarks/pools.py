"""Reading in a pool of one process beside one of two, each on a machine of one core: how much faster, at what cost?

    python eval/benchmarks/pools.py [--rounds 3] [--threads 6]

The machines are two raylets of this one, each tied to a core of its own with all that it starts; the head and this
process, which finds the articles beforehand and asks, are tied to the first. Each round reads the 40 questions of the
sample from several threads through a pool of one reader and one of two, in turns. Prints questions a second (the most
of the rounds), whether all readings are those of this process, and p50 of a reading here and through the pool, one at
a time, in turns, both in one thread; last one line of JSON. Where others use the cores, look at the processor seconds
of the machine that used more (``busiest``) instead: what the questions take where each has its core for itself.
"""

import argparse
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from raylets import ROOT, Meter, raylets

from ragqa import products
from ragqa.answer.reader import open_reader
from ragqa.answer.reading import Reading
from ragqa.engine import Engine
from ragqa.engine.pools import PooledReader, ReadingMember
from ragqa.ray.cluster import connected
from ragqa.ray.pool import Pool, PoolSize

_QUESTIONS = ROOT / "corpora" / "sample" / "questions.jsonl"
Given = tuple[Any, Sequence[Any], Sequence[float]]


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=6)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise SystemExit("two cores are needed, one for each raylet; run it on a machine with as many")
    os.environ["RAGQA_CORES"] = "1"
    with tempfile.TemporaryDirectory() as home:
        os.environ["RAGQA_HOME"] = home
        products.build_index("sample")
        with raylets(cores) as address, connected(address), Engine.open("sample") as engine:
            print(json.dumps(measured(engine, cores, arguments.rounds, arguments.threads)))


def measured(engine: Engine, cores: Sequence[int], rounds: int, threads: int) -> dict[str, Any]:
    """The figures of pools of one and of two readers."""
    given = [articles(engine, json.loads(line)["text"]) for line in Path(_QUESTIONS).read_text().splitlines()]
    here = open_reader(engine.recipe.answer)
    expected = [here.read(*one) for one in given]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    busiest: dict[int, list[float]] = {1: [], 2: []}
    equal, alone = True, {}
    for number in range(rounds):
        for n_readers in (1, 2) if number % 2 == 0 else (2, 1):
            with contextlib.closing(Pool("readers", ReadingMember, PoolSize(n_readers, answer_s=600))) as pool:
                reader = PooledReader(pool, engine.recipe.answer)
                grow(pool, reader, given, threads)
                began = time.perf_counter()
                with Meter(list(cores)) as meter:
                    equal &= all_read(reader, given, threads) == expected
                seconds[n_readers].append(time.perf_counter() - began)
                busiest[n_readers].append(max(meter.used().values()))
                if number == rounds - 1 and n_readers not in alone:
                    alone[n_readers] = one_at_a_time(here, reader, given)
    a_second = {n: len(given) / min(took) for n, took in seconds.items()}
    for n, rate in a_second.items():
        print(f"{n} readers: {rate:.2f} questions a second, busiest core {min(busiest[n]):.1f} s")
    print(f"two readers are {a_second[2] / a_second[1]:.2f} times as fast; equal: {equal}")
    return {"a_second": a_second, "busiest": {n: min(of) for n, of in busiest.items()}, "equal": equal, **alone[1]}


def articles(engine: Engine, text: str) -> Given:
    """A question as it is read, with the articles found for it and their scores."""
    asked = engine.as_read(text)
    n = engine.recipe.answer.n_documents
    hits = engine.hits(engine.rerank([asked], engine.retrieve([asked], n)), 0, n)
    return asked.read, engine.store.read([hit.row for hit in hits]), [hit.score for hit in hits]


def grow(pool: Pool, reader: PooledReader, given: Sequence[Given], threads: int) -> None:
    """Ask until the pool has as many processes as it may have."""
    all_read(reader, given[:threads], threads)
    while pool.n_members() < pool.size.most:
        all_read(reader, given[:threads], threads)


def all_read(reader: PooledReader, given: Sequence[Given], threads: int) -> list[Reading]:
    """Each reading, asked for from several threads."""
    with ThreadPoolExecutor(threads) as asking:
        return list(asking.map(lambda one: reader.read(*one), given))


def one_at_a_time(here: Any, reader: PooledReader, given: Sequence[Given]) -> dict[str, float]:
    """p50 in milliseconds of a reading in this process and through the pool, and of what the pool adds."""
    times: dict[str, list[float]] = {"here": [], "pool": []}
    for one in given:
        for name, by in (("here", here), ("pool", reader)):
            began = time.perf_counter()
            by.read(*one)
            times[name].append((time.perf_counter() - began) * 1000)
    own, pooled = np.array(times["here"]), np.array(times["pool"])
    return {
        "here_p50_ms": float(np.median(own)),
        "pool_p50_ms": float(np.median(pooled)),
        "added_p50_ms": float(np.median(pooled - own)),
    }


if __name__ == "__main__":
    main()
