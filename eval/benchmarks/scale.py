"""How building, updating and searching grow with the corpus: synthetic corpora of several sizes, one after the other.

    python eval/benchmarks/scale.py --abstracts FILE --questions FILE [--pubmed-xml FOLDER]
        [--documents 10000 30000] [--update 30000] [--memory-gb 6] [--faiss auto] [--out .bench/scale.json]

Corpora are those of ``synthetic.py``. Each command runs as a user runs it, in a process of its own, under a limit of
the operating system (``scale_run.py``). The figures are written after each step, and a step that is written down is
not run again: a run that was ended goes on with the same command. Half of an update's records are new, half revise
others. The static encoder is distilled once, on the smallest corpus, and serves all: from 50,000 documents on its
cost does not grow. Ends with one line of JSON.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from scale_run import Results, disk_mb, run
from synthetic import PER_FILE, Synthetic, read_source, write_corpus

HERE = Path(__file__).parent
_SEGMENTS_UP_TO = 300_000  # documents of which ten segments are built besides


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abstracts", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--pubmed-xml", type=Path)
    parser.add_argument("--documents", type=int, nargs="+", default=[10_000, 30_000])
    parser.add_argument("--update", type=int, default=30_000, help="records of the update")
    parser.add_argument("--memory-gb", type=float, default=6.0, help="limit of each process")
    parser.add_argument("--faiss", default="auto", help="kind of FAISS index; none: BM25 alone")
    parser.add_argument("--home", type=Path, default=Path(".bench/scale"), help="where corpora and indexes are made")
    parser.add_argument("--out", type=Path, default=Path(".bench/scale.json"))
    parser.add_argument("--keep", action="store_true", help="keep the corpora and indexes")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    results = Results(arguments.out)
    for n_documents in arguments.documents:
        Size(n_documents, arguments, results).measure()
    print(json.dumps({"benchmark": "scale", "documents": results.figures}))


class Size:
    """One corpus of some size, and all that is measured with it."""

    def __init__(self, n_documents: int, arguments: argparse.Namespace, results: Results) -> None:
        self._n = n_documents
        self._arguments = arguments
        self._results = results
        self._home = (arguments.home / str(n_documents)).absolute()
        self._corpus = self._home / "corpora" / "synthetic"
        self._limit = int(arguments.memory_gb * 2**30)
        self._environment = {
            "RAGQA_HOME": str(self._home),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])),
        }

    def measure(self) -> None:
        """Go through all steps, each kept when it is done."""
        dense = self._arguments.faiss != "none"
        self._step("write", self._write)
        self._step("corpus build", lambda: self._command("corpus", "build", "synthetic"))
        self._step("index words", lambda: self._index("words", "bm25-anserini"))
        if dense:
            self._take_encoder()
            self._step("index static", lambda: self._index("static", "static"))
            self._keep_encoder()
        self._step("disk", self._disk)
        self._step("latency", lambda: self._search("latency"))
        if self._n <= _SEGMENTS_UP_TO:
            self._step("segments", lambda: self._search("segments"))
        self._step("update", lambda: self._update(dense))
        if not self._arguments.keep:
            shutil.rmtree(self._home, ignore_errors=True)

    def _step(self, name: str, measured: Callable[[], dict[str, float]]) -> None:
        self._results.step(self._n, name, measured)

    def _write(self) -> dict[str, float]:
        shutil.rmtree(self._home, ignore_errors=True)
        source = read_source(self._arguments.abstracts, self._arguments.pubmed_xml)
        began = time.perf_counter()
        stream = Synthetic(source)
        paths = write_corpus(stream, range(1, self._n + 1), self._home / "sources")
        seconds = time.perf_counter() - began
        n_revised = min(self._n, self._arguments.update // 2)
        revised = random.Random(self._n).sample(range(1, self._n + 1), n_revised)
        new = range(self._n + 1, self._n + 1 + self._arguments.update - n_revised)
        write_corpus(stream, [*revised, *new], self._home / "later", first_file=len(paths) + 1)
        (self._home / "corpora").mkdir()
        (self._home / "indexes").mkdir()
        table = f'format = "jsonl"\nsources = [{json.dumps(str(self._home / "sources"))}]\n'
        self._corpus.with_suffix(".toml").write_text(table, encoding="utf-8")
        return {
            "seconds": seconds,
            "files": -(-self._n // PER_FILE),
            "disk_mb": disk_mb(self._home / "sources"),
            "heaps_exponent": source.growth.exponent,
        }

    def _command(self, *arguments: str) -> dict[str, float]:
        """Run the command line; figures of what it took, and the seconds that the manifest tells for its stages."""
        command = [sys.executable, "-m", "ragqa", *arguments, "--json"]
        usage, out = run(command, self._environment, self._limit)
        stages = json.loads(out).get("wall_seconds", {})
        return asdict(usage) | {f"{stage}_s": seconds for stage, seconds in stages.items()}

    def _index(self, name: str, recipe: str) -> dict[str, float]:
        kind = ["--set", f'dense.faiss="{self._arguments.faiss}"'] if name == "static" else []
        return self._command("index", "build", name, "--recipe", recipe, "--corpus", "synthetic", *kind)

    def _disk(self) -> dict[str, float]:
        indexes = self._home / "indexes"
        parts = {
            "corpus": [self._corpus],
            "bm25": [*indexes.glob("words/bm25-*")],
            "lexicon": [*indexes.glob("words/lexicon-*")],
            "dense": [*indexes.glob("static/dense-*")],
            "vectors": [indexes / ".vectors"],
        }
        return {f"{name}_mb": disk_mb(*folders) for name, folders in parts.items()}

    def _search(self, what: str) -> dict[str, float]:
        usage, out = run(self._searching(what), self._environment, self._limit)
        figures: dict[str, float] = json.loads(out.splitlines()[-1])
        return figures | {"peak_mb": usage.peak_mb, "peak_own_mb": usage.peak_own_mb}

    def _searching(self, what: str) -> list[str]:
        return [sys.executable, str(HERE / "scale_search.py"), what, "--questions", str(self._arguments.questions)]

    def _update(self, dense: bool) -> dict[str, float]:
        """Corpus and indexes brought up to new records, searches going on meanwhile."""
        command = self._searching("waiting")
        pipe = subprocess.PIPE
        environment = {**os.environ, **self._environment}
        with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as searching:
            assert searching.stdout is not None
            if searching.stdout.readline().strip() != "ready":
                raise SystemExit("the index could not be searched")
            for path in (self._home / "later").iterdir():
                path.rename(self._home / "sources" / path.name)
            figures = {}
            for name, what in {
                "corpus": "synthetic",
                "words": "words",
                **({"static": "static"} if dense else {}),
            }.items():
                kind = "corpus" if name == "corpus" else "index"
                took = self._command(kind, "update", what)
                figures |= {f"{name}_{key}": value for key, value in took.items()}
            out, _ = searching.communicate()
        during: dict[str, float] = json.loads(out.splitlines()[-1])
        return figures | during

    def _take_encoder(self) -> None:
        """Put the encoder of the smallest corpus beside the index, where builds find what other indexes have."""
        kept, target = self._arguments.home / "encoder", self._home / "indexes" / "kept"
        if kept.is_dir() and not target.exists():
            shutil.copytree(kept, target)

    def _keep_encoder(self) -> None:
        kept = self._arguments.home / "encoder"
        if not kept.exists():
            for path in (self._home / "indexes" / "static").glob("encoder-*"):
                shutil.copytree(path, kept / path.name)


if __name__ == "__main__":
    main()
