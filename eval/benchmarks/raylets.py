"""Building on two machines of one core beside building on one: how much faster, and are the products equal?

    python eval/benchmarks/raylets.py --texts FILE [--documents 20000] [--recipe bm25-anserini] [--rounds 2]

FILE has a JSON document on each line (``_id`` or ``id``, ``title``, ``text``), gzip or plain; its first documents are
written as eight files, of which ``ragqa index build --ray`` makes the corpus and the index, in a new home each time.
The machines are raylets of this one, each tied to a core of its own with all that it starts; the command, and all of
Ray that a head runs, is tied to the core of the first. Prints the seconds of each stage (the least of the rounds), how
many times faster two are, and one line of JSON. The whole command counts, with connecting and starting processes.

Where others use the cores, seconds by the clock tell little. ``busiest`` are the processor seconds of that machine
which used more of them: what the build takes at least where each has its core for itself, waiting left out.
"""

import argparse
import contextlib
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from ragqa.ray.cluster import load_ray

ROOT = Path(__file__).parents[2]
_FILES = 8


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--recipe", default="bm25-anserini")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise SystemExit("two cores are needed, one for each raylet; run it on a machine with as many")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        write_texts(arguments.texts, source, arguments.documents)
        builds: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
        for number in range(arguments.rounds):
            for n_raylets in (1, 2) if number % 2 == 0 else (2, 1):
                home = Path(folder) / f"home-{number}-{n_raylets}"
                builds[n_raylets].append(build(home, source, arguments.recipe, cores[:n_raylets]))
    least = {n: _least(of) for n, of in builds.items()}
    for stage, one in least[1].items():
        two = least[2][stage]
        print(f"{stage}: {one:.1f} s on one, {two:.1f} s on two, {one / max(two, 0.001):.2f} times as fast")
    equal = len({json.dumps(of["products"]) for each in builds.values() for of in each}) == 1
    ratios = {of: least[1][of] / least[2][of] for of in ("all", "busiest")}
    print(json.dumps({"documents": arguments.documents, "recipe": arguments.recipe, "seconds": least, "ratio": ratios,
                      "equal": equal}))  # fmt: skip
    if not equal:
        raise SystemExit("the products differ")


def write_texts(texts: Path, source: Path, n_documents: int) -> None:
    """The first documents of a file as several files."""
    source.mkdir()
    with gzip.open(texts, "rt", encoding="utf-8") if texts.suffix == ".gz" else texts.open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in islice(file, n_documents)]
    for part in range(_FILES):
        rows = [
            json.dumps({"id": line.get("_id") or line["id"], "title": line.get("title", ""), "abstract": line["text"]})
            for line in lines[part::_FILES]
        ]
        (source / f"part{part}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


@contextlib.contextmanager
def raylets(cores: Sequence[int]) -> Iterator[str]:
    """A raylet of one processor on each core, and this process on the first, as long as the block runs: the address."""
    load_ray()
    from ray.cluster_utils import Cluster

    before = os.sched_getaffinity(0)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    cluster = None
    try:
        for core in cores:
            os.sched_setaffinity(0, {core})  # which all that is started inherits
            if cluster is None:
                cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
            else:
                cluster.add_node(num_cpus=1)
        os.sched_setaffinity(0, {cores[0]})
        yield cluster.address
    finally:
        os.sched_setaffinity(0, before)
        if cluster is not None:
            cluster.shutdown()


def build(home: Path, source: Path, recipe: str, cores: list[int]) -> dict[str, Any]:
    """Seconds of each stage of a build, and the hashes of those products that are the same each time."""
    (home / "corpora").mkdir(parents=True)
    (home / "corpora" / "texts.toml").write_text(f'format = "jsonl"\nsources = ["{source}"]\n', encoding="utf-8")
    with raylets(cores) as address:
        command = [sys.executable, "-m", "ragqa", "index", "build", "texts", "--recipe", recipe, "--json"]
        began = time.perf_counter()
        with Meter(cores) as meter:
            done = subprocess.run(
                [*command, "--ray", address], env={**os.environ, "RAGQA_HOME": str(home)},
                capture_output=True, check=False, cwd=home,
            )  # fmt: skip
        took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-3000:])
    index = json.loads(done.stdout)
    corpus = json.loads((home / "corpora" / "texts" / "manifest.json").read_text(encoding="utf-8"))
    seconds = {"corpus": corpus["wall_seconds"]["parts"], **index["wall_seconds"]}
    same = {name: digest for name, digest in index["files"].items() if name.startswith(("lexicon-", "dense-"))}
    return {**seconds, "all": took, "busiest": max(meter.used().values()), "products": [corpus["files"], same]}


class Meter(threading.Thread):
    """The processor seconds that processes tied to one of some cores use while it runs; asks several times a second."""

    def __init__(self, cores: list[int]) -> None:
        super().__init__(daemon=True)
        self._cores = cores
        self._stopped = threading.Event()
        self._first: dict[tuple[int, float], float] = {}
        self._last: dict[tuple[int, float], tuple[int, float]] = {}

    def __enter__(self) -> "Meter":
        self._look(there_before=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()
        self._look()

    def run(self) -> None:
        """Look until it is stopped."""
        while not self._stopped.wait(0.2):
            self._look()

    def used(self) -> dict[int, float]:
        """Core → seconds."""
        seconds = dict.fromkeys(self._cores, 0.0)
        for process, (core, at_last) in self._last.items():
            seconds[core] += at_last - self._first[process]
        return seconds

    def _look(self, *, there_before: bool = False) -> None:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                tied = process.cpu_affinity()
                if process.pid == os.getpid() or len(tied) != 1 or tied[0] not in self._cores:
                    continue
                key, so_far = (process.pid, process.create_time()), sum(process.cpu_times()[:2])
                self._first.setdefault(key, so_far if there_before else 0.0)
                self._last[key] = (tied[0], so_far)


def _least(builds: list[dict[str, Any]]) -> dict[str, float]:
    return {stage: min(of[stage] for of in builds) for stage in builds[0] if stage != "products"}


if __name__ == "__main__":
    main()
