"""Is a build on a cluster the build of one machine, whatever is lost while it runs?

    python eval/checks/ray_kills.py [--kills 100] [--heads 3] [--documents 3000] [--seed 1]

Raylets of this machine build a corpus of eight files and an index of Lucene, vectors (of the smallest encoder that
needs no download) and lexicon, as ``ragqa index build --ray`` in a process of its own. Meanwhile

* a raylet is killed with all its children (kill -9) at random moments, and another one started in its place;
* in other rounds the head is killed, a new cluster started, and the same command run again;
* a shared folder without room, a node without room of its own, and two clusters that build the same name at once are
  told in words, and the build ends well afterwards (full disks need the right to mount).

At the end of each round parts, vectors and lexicon are byte for byte those that one machine made, and documents, hits
and scores are equal. Prints the tally and one line of JSON; exit 1 where a round ended otherwise.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragqa.ray.cluster import load_ray

ROOT = Path(__file__).parents[2]
_WORDS = "statin trial heart failure aspirin insulin glucose placebo stroke lung asthma women kidney dose".split()  # noqa: SIM905
_QUESTIONS = ("aspirin or placebo after stroke", "insulin dose", "women with asthma", "w17 kidney", "heart failure")
_MOST_KILLS = 4
"""Of one build."""

_TELL = """
import json, sys
from ragqa.engine import Engine
with Engine.open("texts") as engine:
    found = [[(h.document_id, h.score, dict(h.scores)) for h in hits]
             for hits in engine.search_batch(json.loads(sys.argv[1]), 100)]
print(json.dumps(found))
"""


def main() -> None:
    """Build unbroken, then broken again and again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--heads", type=int, default=3)
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    load_ray()
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="ray-kills-") as name:
        rounds = Rounds(Path(name), arguments.documents, chance)
        print(f"one machine: {rounds.alone_s:.1f} s", flush=True)
        for check in (rounds.full_disk, rounds.full_node, rounds.two_clusters):
            told = check()
            tally[f"{check.__name__}: {told}"] += 1
            print(f"{check.__name__}: {told}", flush=True)
        for number in range(arguments.heads):
            tally.update(found := rounds.head())
            print(f"head {number + 1}: {dict(found)}", flush=True)
        number = 0
        while tally["kills"] < arguments.kills:
            number += 1
            tally.update(found := rounds.raylets(arguments.kills - tally["kills"]))
            print(f"round {number}: {dict(found)}", flush=True)
    print(json.dumps({"check": "ray_kills", **tally}))
    if tally["different"] or any("DIFFERENT" in told or "NOT TOLD" in told for told in tally):
        sys.exit(1)


class Rounds:
    """Builds that are broken, each in a home of its own."""

    def __init__(self, folder: Path, n_documents: int, chance: random.Random) -> None:
        self._folder = folder
        self._chance = chance
        self._source = folder / "source"
        _write_texts(self._source, n_documents, chance)
        self._n_homes = 0
        home = self._home()
        began = time.perf_counter()
        self._done(_started(home, ""))
        self.alone_s = time.perf_counter() - began
        self._expected = _end(home)
        # What is exported is the same for all, and not made again.
        self._encoder = next((home / "indexes" / "texts").glob("encoder-*"))
        with _cluster() as cluster:
            began = time.perf_counter()
            unbroken = self._home()
            self._done(_started(unbroken, cluster.address))
            self._usual_s = time.perf_counter() - began
        if _end(unbroken) != self._expected:
            raise SystemExit("a cluster that nothing happens to builds something else than one machine")

    def raylets(self, at_most: int) -> Counter[str]:
        """One build, and raylets that are killed while it runs."""
        found: Counter[str] = Counter(rounds=1)
        home = self._home()
        with _cluster() as cluster:
            process = _started(home, cluster.address)
            moments = sorted(self._chance.uniform(0, 2 * self._usual_s) for _ in range(min(_MOST_KILLS, at_most)))
            began = time.perf_counter()
            for moment in moments:
                _wait_until(began + moment, process)
                if process.poll() is not None:
                    break
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
                found["kills"] += 1
                cluster.add_node(num_cpus=1)
            while (told := self._told(process)) is not None:
                found["told, and run again"] += 1
                print(f"    {told}", flush=True)
                process = _started(home, cluster.address)
        return found + self._compared(home)

    def head(self) -> Counter[str]:
        """One build whose head, with all of its machine but the command, is killed; then it is run again."""
        home = self._home()
        found: Counter[str] = Counter()
        with _cluster() as cluster:
            process = _started(home, cluster.address)
            _wait_until(time.perf_counter() + self._chance.uniform(2, self._usual_s), process)
            for node in [*cluster.worker_nodes, cluster.head_node]:
                node.kill_all_processes(check_alive=False, allow_graceful=False)
            told = self._told(process)
            found["heads killed"] += told is not None
            in_words = told is not None and told.startswith("ragqa: ")
            found["told in words"] += in_words
            if told is not None and not in_words:
                print(f"    {told}", flush=True)
        with _cluster() as cluster:
            self._done(_started(home, cluster.address))
        return found + self._compared(home)

    def full_disk(self) -> str:
        """The folder that all nodes share has no room; then it has."""
        home = self._home()
        with _mounted(home / "corpora" / "texts", "128k") as grow:
            if grow is None:
                return "not tried: this user may not mount"
            with _cluster() as cluster:
                told = self._told(_started(home, cluster.address)) or ""
                if "No space left" not in told or "ragqa: " not in told:
                    return f"NOT TOLD: {told}"
                grow("500m")
                self._done(_started(home, cluster.address))
                return self._verdict(home)

    def full_node(self) -> str:
        """One node has no room of its own for what is sent to it; then it is another one."""
        home = self._home()
        small = self._folder / "small"
        small.mkdir(exist_ok=True)
        with _mounted(small, "100k") as grow, _cluster(more=0) as cluster:
            if grow is None:
                return "not tried: this user may not mount"
            node = cluster.add_node(num_cpus=1, env_vars={"TMPDIR": str(small)})
            told = self._told(_started(home, cluster.address)) or ""
            if "the node " not in told or "No space left" not in told:
                return f"NOT TOLD: {told}"
            cluster.remove_node(node, allow_graceful=False)
            cluster.add_node(num_cpus=1)
            self._done(_started(home, cluster.address))
            return self._verdict(home)

    def two_clusters(self) -> str:
        """Two clusters build the same name at the same time."""
        home = self._home()
        with _cluster() as one, _cluster() as other:
            first = _started(home, one.address)
            while not any((home / "indexes" / "texts").glob("bm25-*")):
                time.sleep(0.05)
                if first.poll() is not None:
                    return f"NOT TOLD: {self._told(first)}"
            told = self._told(_started(home, other.address)) or ""
            self._done(first)
        return self._verdict(home) if "another build is at work" in told else f"NOT TOLD: {told}"

    def _home(self) -> Path:
        """A home with the recipe of the corpus, and the encoder in another index, from where it is taken."""
        self._n_homes += 1
        home = self._folder / f"home{self._n_homes}"
        (home / "corpora").mkdir(parents=True)
        table = f'format = "jsonl"\nsources = ["{self._source}"]\n'
        (home / "corpora" / "texts.toml").write_text(table, encoding="utf-8")
        if self._n_homes > 1 and hasattr(self, "_encoder"):
            target = home / "indexes" / "other" / self._encoder.name
            shutil.copytree(self._encoder, target, copy_function=os.link)
        return home

    def _done(self, process: "subprocess.Popen[bytes]") -> None:
        if (told := self._told(process)) is not None:
            raise SystemExit(f"a build that nothing should have happened to ended: {told}")

    def _told(self, process: "subprocess.Popen[bytes]") -> str | None:
        """The last line that a command that failed said; None where it did well."""
        output, errors = process.communicate()
        if process.returncode == 0:
            json.loads(output)  # which nothing else of what is printed is mixed with
            return None
        lines = [line for line in errors.decode().splitlines() if line.strip()]
        traces = "traceback! " if any(line.startswith("Traceback") for line in lines) else ""
        return traces + (lines[-1] if lines else f"nothing (exit {process.returncode})")

    def _compared(self, home: Path) -> Counter[str]:
        same = self._verdict(home) == "told, then equal"
        return Counter(equal=int(same), different=int(not same))

    def _verdict(self, home: Path) -> str:
        same = _end(home) == self._expected
        if same:
            shutil.rmtree(home, ignore_errors=True)
        return "told, then equal" if same else "DIFFERENT"


def _started(home: Path, address: str) -> "subprocess.Popen[bytes]":
    """The command, on a cluster or, without an address, here."""
    command = [sys.executable, "-m", "ragqa", "index", "build", "texts", "--recipe", "default", "--json"]
    more = ["--ray", address] if address else []
    pipe = subprocess.PIPE
    environment = {**os.environ, "RAGQA_HOME": str(home)}
    return subprocess.Popen([*command, *more], env=environment, stdout=pipe, stderr=pipe, cwd=home)


def _end(home: Path) -> list[str]:
    """Hashes of what is the same each time, and what is found; the files are compared with their hashes first."""
    environment = {**os.environ, "RAGQA_HOME": str(home)}
    for kind in ("corpus", "index"):
        command = [sys.executable, "-m", "ragqa", kind, "verify", "texts"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=home)
    told = subprocess.run(
        [sys.executable, "-c", _TELL, json.dumps(_QUESTIONS)],
        env=environment,
        check=True,
        capture_output=True,
        cwd=home,
    ).stdout.decode()
    index = json.loads((home / "indexes" / "texts" / "manifest.json").read_text(encoding="utf-8"))
    corpus = json.loads((home / "corpora" / "texts" / "manifest.json").read_text(encoding="utf-8"))
    same = [f"{name} {digest}" for name, digest in index["files"].items() if name.startswith(("dense-", "lexicon-"))]
    names = index["counts"]["components"]["bm25"]
    leftover = [path.name for path in (home / "indexes" / "texts").glob("*.building")]
    # How many of the texts a build that goes on found encoded is told in what a segment of vectors says of itself.
    vectors = [line for line in same if "vectors.faiss" in line or "rows.npy" in line or line.startswith("lexicon-")]
    files = hashlib.sha256(json.dumps(corpus["files"], sort_keys=True).encode()).hexdigest()
    return [files, *vectors, *names, *leftover, told]


def _write_texts(source: Path, n_documents: int, chance: random.Random) -> None:
    source.mkdir()
    for part in range(8):
        rows = []
        for number in range(n_documents // 8):
            words = [chance.choice(_WORDS) for _ in range(chance.randrange(5, 25))]
            text = " ".join([*words, f"w{chance.randrange(500)}"])
            rows.append(json.dumps({"id": f"{part}-{number}", "title": f"Trial {number}", "abstract": text}))
        (source / f"part{part}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _wait_until(moment: float, process: "subprocess.Popen[bytes]") -> None:
    while time.perf_counter() < moment and process.poll() is None:
        time.sleep(0.02)


@contextlib.contextmanager
def _cluster(more: int = 1) -> Iterator[Any]:
    """A head and ``more`` other raylets, of one processor each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(more):
            cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        for node in [*cluster.worker_nodes, cluster.head_node]:
            node.kill_all_processes(check_alive=False, allow_graceful=False)


@contextlib.contextmanager
def _mounted(folder: Path, size: str) -> Iterator[Any]:
    """A disk of some size at a folder, and what makes it larger; None where this user may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield lambda larger: subprocess.run(["mount", "-o", f"remount,size={larger}", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


if __name__ == "__main__":
    main()
