"""BM25 beside its peers: building beside Anserini's own indexer, searching beside Lucene's own search call.

    python eval/benchmarks/bm25.py --abstracts FILE --questions FILE [--documents 39481 300000] [--rounds 5]

FILEs are JSON lines: abstracts with ``_id``, ``title`` and ``text`` (may be .gz), questions with ``text``. Where more
documents are wanted than there are, further ones are put together from real titles and halves of real abstracts,
the same ones in every run. Both indexers run as whole processes with two threads, in turn; ours starts from the
document store, Anserini from JSON in four files. Searches alternate question by question, with Lucene's call on a
query that is built already and its result left in Java; the best round of each question counts. Processor time is
given beside the clock, since other work on the machine distorts it less. Prints a table and, last, one line of JSON.
"""

import argparse
import gzip
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.corpus.build import build_corpus
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import abstract_of, title_of
from ragqa.index.java import find_java, lucene_jar, start_jvm
from ragqa.index.lucene import LuceneIndex, build_lucene
from ragqa.index.lucene_build import LAYOUT_FILE, LUCENE_FOLDER, Layout
from ragqa.index.segments import Placed
from ragqa.manifest import read_json
from ragqa.recipe import Bm25Settings
from ragqa.types import Document

K = 50
N_THREADS = 2


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abstracts", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--documents", type=int, nargs="+", default=[39_481, 300_000])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    questions = [json.loads(line)["text"] for line in read_lines(arguments.questions)]
    results = {}
    for n_documents in arguments.documents:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(arguments.abstracts, questions, n_documents, Path(folder), arguments.rounds)
        print(f"\n{n_documents:,} documents")
        for name, value in found.items():
            print(f"  {name:<64} {value:>10,.3f}")
        results[str(n_documents)] = found
    print(json.dumps(results))


def measure(abstracts: Path, questions: list[str], n_documents: int, folder: Path, rounds: int) -> dict[str, float]:
    """All figures for one number of documents."""
    write_documents(abstracts, folder / "documents.jsonl", n_documents)
    settings = CorpusSettings((str(folder / "documents.jsonl"),), "jsonl")
    build_corpus("documents", settings, folder, folder / "corpus")
    write_for_anserini(folder / "corpus", folder / "json")
    results = measure_building(folder, rounds)
    results |= measure_opening(folder / "ours", questions[0])
    results |= measure_searching(folder / "ours", questions, rounds)
    return results


def measure_building(folder: Path, rounds: int) -> dict[str, float]:
    """Seconds of both indexers as whole processes, in turn, by the clock and of processor time; the best rounds."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_seconds([sys.executable, __file__, "--build", str(folder)]))
        theirs.append(_seconds(_anserini(folder)))
    (mine, my_cpu), (peer, peer_cpu) = (np.min(side, axis=0) for side in (ours, theirs))
    return {
        "build from the document store, s": float(mine),
        "Anserini's IndexCollection, s": float(peer),
        "ratio of building (wanted: at most 1.25)": float(mine / peer),
        "ratio of building, processor time": float(my_cpu / peer_cpu),
        "index, MB": _size(folder / "ours"),
        "Anserini's index, MB": _size(folder / "anserini"),
    }


def measure_opening(index: Path, question: str) -> dict[str, float]:
    """Seconds from nothing to the first hits, in a process of its own; the best of three."""
    seconds = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, __file__, "--open", str(index), question], capture_output=True, text=True, check=True
        )
        seconds.append(float(done.stdout))
    return {"start of Java, opening and a first question, s": min(seconds)}


def measure_searching(index: Path, questions: list[str], rounds: int) -> dict[str, float]:
    """Milliseconds a question through our API and by Lucene's call, warm; questions a second in a batch."""
    opened = _opened(index)
    chosen = random.Random(1).sample(questions, min(500, len(questions)))
    lucene, queries = _lucene(index, chosen)
    times = np.full((rounds, len(chosen), 2, 2), np.inf)  # round, question, peer or ours, clock or processor
    for turn in range(2 + rounds):
        for i, (question, query) in enumerate(zip(chosen, queries, strict=True)):
            stamps = [_now()]
            lucene(query)
            stamps.append(_now())
            opened.search([question], K)
            stamps.append(_now())
            if turn >= 2:  # Java compiles what is run often; the first two turns warm up
                times[turn - 2, i] = 1000 * np.diff(stamps, axis=0)
    best = times.min(axis=0)
    (peer, peer_cpu), (own, own_cpu) = np.median(best, axis=0)
    opened.search(questions, 100)
    began = time.perf_counter()
    opened.search(questions, 100)
    rate = len(questions) / (time.perf_counter() - began)
    opened.close()
    return {
        f"search through our API, k = {K}, p50, ms": float(own),
        f"Lucene's IndexSearcher.search, k = {K}, p50, ms": float(peer),
        "ratio of searching, of the medians (wanted: at most 1.3)": float(own / peer),
        "ratio of searching, processor time": float(own_cpu / peer_cpu),
        "search through our API, p99, ms": float(np.percentile(best[:, 1, 0], 99)),
        "Lucene's IndexSearcher.search, p99, ms": float(np.percentile(best[:, 0, 0], 99)),
        f"batch of {len(questions)} questions, k = 100, questions/s": rate,
    }


def write_documents(abstracts: Path, target: Path, n_documents: int) -> None:
    """The real abstracts, and as many put together from them as are wanted beyond."""
    real = [json.loads(line) for line in read_lines(abstracts)]
    chance = random.Random(7)
    with target.open("w", encoding="utf-8") as file:
        for i in range(n_documents):
            if i < len(real):
                title, text = real[i]["title"], real[i]["text"]
            else:
                first, second, third = (chance.choice(real) for _ in range(3))
                begin, end = (re.split(r"(?<=\.) ", document["text"]) for document in (second, third))
                title, text = first["title"], " ".join(begin[: len(begin) // 2] + end[len(end) // 2 :])
            file.write(json.dumps({"_id": str(i), "title": title, "text": text}) + "\n")


def write_for_anserini(corpus: Path, folder: Path) -> None:
    """The documents of a corpus as Anserini reads them, in four files."""
    folder.mkdir()
    with DocumentStore.open(corpus) as store:
        files = [(folder / f"{i}.jsonl").open("w", encoding="utf-8") for i in range(4)]
        for number, batch in enumerate(store.scan()):
            for _, document in batch:
                files[number % 4].write(json.dumps({"id": document.id, "contents": _contents(document)}) + "\n")
        for file in files:
            file.close()


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, which may be compressed."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8").splitlines()


def build_child(folder: Path) -> None:
    """Build our index; runs in a process of its own."""
    shutil.rmtree(folder / "ours", ignore_errors=True)
    with DocumentStore.open(folder / "corpus") as store:
        edges = np.linspace(0, store.n_rows, N_THREADS + 1).astype(int).tolist()
        build_lucene([store.scan(rows=edge) for edge in pairwise(edges)], folder / "ours", Bm25Settings())


def open_child(index: Path, question: str) -> None:
    """Open an index and search once; prints the seconds, Python's own start not counted."""
    began = time.perf_counter()
    _opened(index).search([question], K)
    print(time.perf_counter() - began)


def _opened(index: Path) -> LuceneIndex:
    n_documents = read_json(index / LAYOUT_FILE, Layout, "build it again").n_documents
    return LuceneIndex.open([Placed(index, 0, np.zeros(n_documents, dtype=bool))], Bm25Settings())


def _contents(document: Document) -> str:
    return f"{title_of(document)} {abstract_of(document)}"


def _anserini(folder: Path) -> list[str]:
    shutil.rmtree(folder / "anserini", ignore_errors=True)
    java_command = [
        str(find_java().home / "bin" / "java"),
        "-cp",
        str(lucene_jar()),
        "io.anserini.index.IndexCollection",
    ]
    source = ["-collection", "JsonCollection", "-input", str(folder / "json"), "-index", str(folder / "anserini")]
    return [*java_command, *source, "-generator", "DefaultLuceneDocumentGenerator", "-threads", str(N_THREADS)]


def _lucene(index: Path, questions: Sequence[str]) -> tuple[Any, list[Any]]:
    """IndexSearcher.search(query, k) as a Python function, and the questions as Lucene's queries."""
    start_jvm()
    from jnius import autoclass

    lucene, anserini = "org.apache.lucene", "io.anserini"
    path = autoclass("java.io.File")(str(index / LUCENE_FOLDER)).toPath()
    reader = autoclass(f"{lucene}.index.DirectoryReader").open(autoclass(f"{lucene}.store.FSDirectory").open(path))
    searcher = autoclass(f"{lucene}.search.IndexSearcher")(reader)
    searcher.setSimilarity(autoclass(f"{lucene}.search.similarities.BM25Similarity")(0.9, 0.4))
    analyzer = autoclass(f"{anserini}.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    generator = autoclass(f"{anserini}.search.query.BagOfWordsQueryGenerator")()
    queries = [generator.buildQuery("contents", analyzer, text) for text in questions]
    return lambda query: searcher.search(query, K), queries


def _seconds(command: list[str]) -> tuple[float, float]:
    """Seconds by the clock and of processor time that a process takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.thread_time()


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["--build"]:
        build_child(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["--open"]:
        open_child(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
