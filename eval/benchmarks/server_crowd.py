"""What more worker processes give, how soon a person sees something, and what one greedy key costs another.

Every comparison alternates its sides within one run, so that what else the machine does falls on both.
"""

import argparse
import asyncio
import collections
import contextlib
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
from server import percentile, questions_of_the_sample, running_server

from ragqa.serve import key_file

GREEDY, PATIENT = "greedy", "patient"


def memory_mb(process: psutil.Process) -> float:
    """Memory of a server and its workers, in 10^6 bytes (PSS); what several have mapped counts once.

    Files of the index that are mapped count as far as they were read: compare figures of one index alone.
    """
    return sum(one.memory_full_info().pss for one in [process, *process.children(recursive=True)]) / 1e6


def cpu_seconds(process: psutil.Process) -> float:
    """Time of processors that a server and its workers have used."""
    return sum(sum(one.cpu_times()[:2]) for one in [process, *process.children(recursive=True)])


def first_stage_ms(address: str, questions: list[str]) -> list[float]:
    """Milliseconds until the first event of each streamed answer."""
    found = []
    with httpx.Client(base_url=address, timeout=60) as client:
        for question in questions:
            began = time.perf_counter()
            with client.stream("POST", "/v1/ask", json={"question": question, "stream": True}) as response:
                pieces = response.iter_raw()
                next(pieces)
                found.append((time.perf_counter() - began) * 1000)
                for _ in pieces:
                    pass
    return found


async def answers_per_second(address: str, questions: list[str], n_clients: int, seconds: float) -> tuple[float, int]:
    """Answers a second that clients get, each with a connection of its own; and how many answers were none."""
    statuses: collections.Counter[int] = collections.Counter()
    began = time.perf_counter()

    async def one_client(number: int) -> None:
        async with httpx.AsyncClient(base_url=address, timeout=120) as client:
            for question in itertools.islice(itertools.cycle(questions), number, None):
                if time.perf_counter() - began >= seconds:
                    return
                statuses[(await client.post("/v1/ask", json={"question": question})).status_code] += 1

    await asyncio.gather(*(one_client(number) for number in range(n_clients)))
    return statuses[200] / (time.perf_counter() - began), statuses.total() - statuses[200]


async def patient_ms(
    address: str, secrets: dict[str, str], questions: list[str], n_greedy: int
) -> tuple[list[float], collections.Counter[int]]:
    """Milliseconds of each question of a patient key while a greedy one has ``n_greedy`` clients; and its statuses."""
    statuses: collections.Counter[int] = collections.Counter()
    done = asyncio.Event()

    def client(name: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=address, timeout=120, headers={"authorization": f"Bearer {secrets[name]}"})

    async def greedy(number: int) -> None:
        async with client(GREEDY) as asking:
            for question in itertools.islice(itertools.cycle(questions), number, None):
                if done.is_set():
                    return
                response = await asking.post("/v1/ask", json={"question": question})
                statuses[response.status_code] += 1
                if response.status_code in {429, 503}:
                    await asyncio.sleep(float(response.headers["retry-after"]))

    crowd = [asyncio.create_task(greedy(number)) for number in range(n_greedy)]
    times = []
    async with client(PATIENT) as asking:
        await asking.post("/v1/ask", json={"question": questions[0]})
        for question in questions:
            began = time.perf_counter()
            (await asking.post("/v1/ask", json={"question": question})).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
    done.set()
    await asyncio.gather(*crowd)
    return times, statuses


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Processes that are started meanwhile have one of the cores that this one may use."""
    may = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(may)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, may)


def compare_workers(index: str, rounds: int, seconds: float, n_clients: int) -> dict[str, float]:
    """Two workers beside one, and beside one that has a single core, in turns.

    ``cores`` are those that each could use: where other programs leave fewer than two, the ratio of the rates says
    little, and the processor time of an answer tells whether a second worker costs anything. A worker alone computes
    on all cores, so that on two of them a second one adds little: ``ratio_to_core`` tells what two cores with a worker
    each give over one of them. ``idle`` is before the first question, ``used`` when all turns are over.
    """
    questions = questions_of_the_sample()
    sides = ("core", "one", "two")
    rates: dict[str, list[float]] = {side: [] for side in sides}
    cores: dict[str, list[float]] = {side: [] for side in sides}
    n_refused = 0
    with contextlib.ExitStack() as stack:
        with one_core():
            of_core = stack.enter_context(running_server(index))
        of_one = stack.enter_context(running_server(index))
        of_two = stack.enter_context(running_server(index, "--workers", "2"))
        servers = dict(zip(sides, (of_core, of_one, of_two), strict=True))
        figures = {f"idle_{side}_mb": memory_mb(servers[side][1]) for side in sides}
        for address, _ in servers.values():  # until Java has compiled what it runs, in all workers
            asyncio.run(answers_per_second(address, questions, n_clients, seconds))
        shown = first_stage_ms(of_one[0], questions)
        figures |= {"first_stage_p50_ms": statistics.median(shown), "first_stage_p95_ms": percentile(shown, 0.95)}
        for turn in range(rounds):
            for side in sides if turn % 2 else reversed(sides):
                address, process = servers[side]
                began, used = time.perf_counter(), cpu_seconds(process)
                rate, refused = asyncio.run(answers_per_second(address, questions, n_clients, seconds))
                cores[side].append((cpu_seconds(process) - used) / (time.perf_counter() - began))
                rates[side].append(rate)
                n_refused += refused
        figures |= {f"used_{side}_mb": memory_mb(servers[side][1]) for side in sides}
    means = {side: statistics.mean(found) for side, found in rates.items()}
    for side in sides:
        figures |= {
            f"{side}_answers_per_s": means[side],
            f"{side}_cores": statistics.mean(cores[side]),
            f"{side}_cpu_ms_per_answer": 1000 * statistics.mean(cores[side]) / means[side],
        }
    return figures | {
        "ratio": means["two"] / means["one"],
        "ratio_to_core": means["two"] / means["core"],
        "least_ratio": min(b / a for a, b in zip(rates["one"], rates["two"], strict=True)),
        "not_answered": n_refused,
    }


def compare_keys(index: str, rounds: int, n_greedy: int, n_workers: int) -> dict[str, float]:
    """A patient key alone and beside a greedy one, in turns."""
    questions = questions_of_the_sample()
    alone, beside = [], []
    refused: collections.Counter[int] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.toml"
        secrets = {
            name: key_file.add(keys, name, days=1, per_minute=100_000, at_once=1_000) for name in (GREEDY, PATIENT)
        }
        with running_server(index, "--keys-file", str(keys), "--workers", str(n_workers)) as (address, _):
            for _ in range(rounds):
                alone += asyncio.run(patient_ms(address, secrets, questions, 0))[0]
                times, statuses = asyncio.run(patient_ms(address, secrets, questions, n_greedy))
                beside += times
                refused += statuses
    return {
        "alone_p50_ms": statistics.median(alone),
        "beside_p50_ms": statistics.median(beside),
        "p50_ratio": statistics.median(beside) / statistics.median(alone),
        "alone_p95_ms": percentile(alone, 0.95),
        "beside_p95_ms": percentile(beside, 0.95),
        "p95_ratio": percentile(beside, 0.95) / percentile(alone, 0.95),
        "greedy_answers": refused[200],
        "greedy_429_503": refused[429] + refused[503],
        "greedy_other": refused.total() - refused[200] - refused[429] - refused[503],
    }


def main() -> None:
    """Measure and print tables and a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", default="sample", help="an index that answers the sample's questions")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1, help="of the server that the keys ask")
    parser.add_argument("--only", choices=("workers", "keys"))
    arguments = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    if arguments.only != "keys":
        found["workers"] = compare_workers(arguments.index, arguments.rounds, arguments.seconds, arguments.clients)
    if arguments.only != "workers":
        found["keys"] = compare_keys(arguments.index, arguments.rounds, arguments.clients, arguments.workers)
    for title, figures in found.items():
        print(title)
        for name, value in figures.items():
            print(f"  {name:22} {value:12,.2f}")
    print(json.dumps({"benchmark": "server_crowd", **found}))


if __name__ == "__main__":
    main()
