"""What serving adds to answering, and what 64 clients at once get from the server.

Overhead: each question is asked of the engine in this process and of the server, in turns; the peer of the server
is the engine. Load: clients that ask one question after another; every answer is compared with the engine's.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import psutil

from ragqa import home

HEAP = "64m"
"""Java's heap in the server: small, so that it is full, and Java clears up, before memory is watched."""
REFUSALS = (429, 503)
"""Statuses with which a busy server may refuse; a client then comes again when ``Retry-After`` says."""
MOST_OVERHEAD_MS = 5.0
MOST_GROWTH = 0.05


def questions_of_the_sample() -> list[str]:
    """The questions that come with the sample corpus."""
    path = home.shipped() / "corpora/sample/questions.jsonl"
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


@contextlib.contextmanager
def running_server(index: str, *options: str) -> Iterator[tuple[str, psutil.Process]]:
    """A server on a free port of this machine: its address and its first process."""
    command = [sys.executable, "-m", "ragqa", "serve", "--index", index, "--port", "0", *options]
    environment = {**os.environ, "RAGQA_JAVA_HEAP": HEAP}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+/", process.stdout.readline())
            assert found, "the server did not start"
            yield found[0], psutil.Process(process.pid)
        finally:
            process.terminate()


def overhead(address: str, index: str, questions: list[str], repeats: int) -> tuple[dict[str, float], dict[str, dict]]:
    """Milliseconds that HTTP adds, and the engine's answers by question."""
    import msgspec

    import ragqa

    direct, served, added, expected = [], [], [], {}
    with ragqa.open(index) as engine, httpx.Client(base_url=address, timeout=60) as client:
        for question in questions * repeats:
            began = time.perf_counter()
            answer = engine.ask(question)
            direct.append((time.perf_counter() - began) * 1000)
            expected[question] = essence(msgspec.to_builtins(answer))
            began = time.perf_counter()
            got = client.post("/v1/ask", json={"question": question}).raise_for_status().json()
            served.append((time.perf_counter() - began) * 1000)
            added.append(served[-1] - got["timings_ms"]["total"])
            assert essence(got) == expected[question], question
    figures = {
        "engine_p50_ms": statistics.median(direct),
        "server_p50_ms": statistics.median(served),
        "ratio": statistics.median(served) / statistics.median(direct),
        "overhead_p10_ms": percentile(added, 0.1),
        "overhead_p50_ms": statistics.median(added),
        "overhead_p99_ms": percentile(added, 0.99),
    }
    return figures, expected


def essence(answer: dict) -> dict:
    """What must be the same whoever asks."""
    statements = [(statement["text"], [s["quote"] for s in statement["spans"]]) for statement in answer["statements"]]
    sources = [source["document_id"] for source in answer["sources"]]
    return {
        "verdict": answer["verdict"],
        "statements": statements,
        "sources": sources,
        "abstained": answer["abstained"],
    }


async def load(
    address: str, process: psutil.Process, expected: dict[str, dict], n_clients: int, settling: float, seconds: float
) -> dict[str, float]:
    """What ``n_clients`` clients get within some seconds, after others in which the server gets all memory it needs."""
    statuses: collections.Counter[int] = collections.Counter()
    times: list[float] = []
    wrong = 0
    resident: list[tuple[float, int]] = []
    began = time.perf_counter()
    limits = httpx.Limits(max_connections=n_clients)

    async def one_client(number: int, client: httpx.AsyncClient) -> None:
        nonlocal wrong
        questions = list(expected)
        while time.perf_counter() - began < settling + seconds:
            question = questions[number % len(questions)]
            number += 7
            asked = time.perf_counter()
            response = await client.post("/v1/ask", json={"question": question})
            counts = time.perf_counter() - began >= settling
            statuses[response.status_code] += counts
            if response.status_code == 200:
                times.extend([time.perf_counter() - asked] * counts)
                wrong += essence(response.json()) != expected[question]
            elif response.status_code in REFUSALS:
                await asyncio.sleep(float(response.headers["retry-after"]))

    async def watch() -> None:
        while True:
            resident.append((time.perf_counter() - began, process.memory_info().rss))
            await asyncio.sleep(0.5)

    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
        watcher = asyncio.create_task(watch())
        await asyncio.gather(*(one_client(number, client) for number in range(n_clients)))
        watcher.cancel()
    wall = time.perf_counter() - began - settling
    settled = [size for when, size in resident if when >= settling]
    tenth = max(1, len(settled) // 10)
    return {
        "clients": n_clients,
        "seconds": wall,
        "answers": statuses[200],
        "answers_per_s": statuses[200] / wall,
        "refused_503": statuses[503],
        "refused_429": statuses[429],
        "other_errors": statuses.total() - statuses[200] - sum(statuses[status] for status in REFUSALS),
        "wrong_answers": wrong,
        "p50_ms": percentile(times, 0.5) * 1000,
        "p99_ms": percentile(times, 0.99) * 1000,
        "memory_first_mb": resident[0][1] / 1e6,
        "memory_settled_mb": statistics.mean(settled[:tenth]) / 1e6,
        "memory_end_mb": statistics.mean(settled[-tenth:]) / 1e6,
        "memory_growth": statistics.mean(settled[-tenth:]) / statistics.mean(settled[:tenth]) - 1,
    }


def failures(added: dict[str, float], loaded: dict[str, float]) -> list[str]:
    """What the figures miss of the targets, in words."""
    limits = {
        "overhead_p50_ms": (added, MOST_OVERHEAD_MS),
        "other_errors": (loaded, 0),
        "wrong_answers": (loaded, 0),
        "memory_growth": (loaded, MOST_GROWTH),
    }
    return [
        f"{name} is {figures[name]:.3g}; at most {limit:g} was to be"
        for name, (figures, limit) in limits.items()
        if not figures[name] <= limit
    ]


def percentile(values: list[float], part: float) -> float:
    """The value below which a part of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[round(part * (len(ordered) - 1))] if ordered else float("nan")


def main() -> None:
    """Measure and print a table and a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", default="sample", help="an index that answers the sample's questions")
    parser.add_argument("--repeats", type=int, default=5, help="how often each question is asked for the overhead")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--settling", type=float, default=180.0, help="seconds under load before those that count")
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    questions = questions_of_the_sample()
    with running_server(arguments.index) as (address, process):
        added, expected = overhead(address, arguments.index, questions, arguments.repeats)
        loaded = asyncio.run(load(address, process, expected, arguments.clients, arguments.settling, arguments.seconds))
    for title, figures in (("overhead over the engine", added), ("load", loaded)):
        print(title)
        for name, value in figures.items():
            print(f"  {name:22} {value:12,.2f}")
    missed = failures(added, loaded)
    print(json.dumps({"benchmark": "server", "overhead": added, "load": loaded, "missed": missed}))
    sys.exit("\n".join(missed) or 0)


if __name__ == "__main__":
    main()
