"""Speed and memory of building and reading a corpus, beside pubmed-parser on the same files.

    python eval/benchmarks/corpus.py --pubmed-xml FOLDER [--jsonl FILE] [--records 30000] [--rounds 3]

FOLDER holds PubMed XML (``.xml``, ``.xml.gz``). pubmed-parser reads ``.gz`` only, so the articles of the folder are
written, again and again until there are enough, into files of the size of a baseline file and ten times that, which
both read.
FILE is a JSONL corpus for the times of random access. Prints a table and, last, one line of JSON.
"""

import argparse
import gzip
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ragqa.corpus.build import build_corpus
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.sources import open_source
from ragqa.corpus.store import DocumentStore

_ARTICLE = re.compile(rb"<PubmedArticle>.*?</PubmedArticle>", re.DOTALL)
_PMID = re.compile(rb"(<PMID Version=\"\d+\">)\d+(</PMID>)")
_MEGABYTE = 1024 * 1024


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pubmed-xml", type=Path, required=True)
    parser.add_argument("--jsonl", type=Path)
    parser.add_argument("--records", type=int, default=30_000, help="articles of a file; PubMed's own hold 30,000")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure_xml(arguments.pubmed_xml, Path(folder), arguments.records, arguments.rounds)
        if arguments.jsonl:
            results |= measure_access(arguments.jsonl, Path(folder))
    for name, value in results.items():
        print(f"{name:<48} {value:>12,.3f}" if isinstance(value, float) else f"{name:<48} {value:>12,}")
    print(json.dumps(results))


def measure_xml(source: Path, folder: Path, n_records: int, rounds: int) -> dict[str, float]:
    """Records a second of both readers, the best of rounds in turn, and the peak memory of builds of two sizes."""
    articles = [article for path in sorted(source.iterdir()) for article in _articles(path)]
    small, large = folder / "small.xml.gz", folder / "large.xml.gz"
    write_file(folder / "one.xml.gz", articles, 1)
    write_file(small, articles, n_records)
    write_file(large, articles, 10 * n_records)
    measured: dict[str, list[dict[str, float]]] = {"build": [], "pubmed-parser": []}
    for _ in range(rounds):
        for side, rounds_of_side in measured.items():
            rounds_of_side.append(_in_child(side, small, folder))
    best = {
        (side, what): min(one[what] for one in rounds_of_side)
        for side, rounds_of_side in measured.items()
        for what in ("seconds", "cpu_seconds")
    }
    ours, theirs = n_records / best["build", "seconds"], n_records / best["pubmed-parser", "seconds"]
    memory = [_in_child("build", path, folder)["peak_mb"] for path in (small, large)]
    return {
        "articles of a file": n_records,
        "XML to Parquet and store, records/s": ours,
        "pubmed-parser (XML to dictionaries), records/s": theirs,
        "ratio": ours / theirs,
        "ratio of processor time (threads added up)": (
            best["pubmed-parser", "cpu_seconds"] / best["build", "cpu_seconds"]
        ),
        "peak memory, MiB": memory[0],
        "peak memory with ten times the articles, MiB": memory[1],
    }


def measure_access(jsonl: Path, folder: Path) -> dict[str, float]:
    """Building from JSONL, and milliseconds of random access by id, by row and of a whole scan."""
    target = folder / "corpora" / "jsonl"
    started = time.perf_counter()
    build_corpus("jsonl", CorpusSettings((str(jsonl),), "jsonl"), Path.cwd(), target)
    results = {"JSONL build, s": time.perf_counter() - started}
    with DocumentStore.open(target) as store:
        started = time.perf_counter()
        ids = [document.id for batch in store.scan() for _, document in batch]
        results |= {"documents": len(ids), "scan of all documents, s": time.perf_counter() - started}
        chosen = random.Random(1).choices(ids, k=5000)
        times = [_milliseconds(store, document_id) for document_id in chosen]
    results |= {
        "get by id p50, ms": float(np.percentile(times, 50)),
        "get by id p99, ms": float(np.percentile(times, 99)),
    }
    return results


def write_file(path: Path, articles: list[bytes], n_records: int) -> None:
    """A PubMed XML file of ``n_records`` articles, each with a PMID of its own."""
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(b'<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>\n')
        for number in range(n_records):
            article = articles[number % len(articles)]
            file.write(_PMID.sub(rb"\g<1>%d\g<2>" % (10_000_000 + number), article, count=1))
            file.write(b"\n")
        file.write(b"</PubmedArticleSet>\n")


def _articles(path: Path) -> list[bytes]:
    with open_source(path) as file:
        return _ARTICLE.findall(file.read())


def _milliseconds(store: DocumentStore, document_id: str) -> float:
    started = time.perf_counter()
    store.get(document_id)
    return 1000 * (time.perf_counter() - started)


def _in_child(what: str, path: Path, folder: Path) -> dict[str, float]:
    """Run one side in a process of its own, so that memory is its own."""
    code = f"from corpus import child; child({what!r}, {str(path)!r}, {str(folder)!r})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _build(path: Path, folder: Path) -> None:
    target = folder / "corpora" / "xml"
    shutil.rmtree(target, ignore_errors=True)
    build_corpus("xml", CorpusSettings((str(path),), "pubmed-xml"), Path.cwd(), target)


def _pubmed_parser(path: Path, folder: Path) -> None:  # noqa: ARG001 (called as the other)
    import pubmed_parser

    for _ in pubmed_parser.parse_medline_xml(str(path)):
        pass


def child(what: str, path: str, folder: str) -> None:
    """What runs in the child process: prints seconds (imports not counted) and the peak memory in MiB."""
    import resource

    read = _build if what == "build" else _pubmed_parser
    read(Path(folder) / "one.xml.gz", Path(folder))  # loads the modules that are imported when first used
    started, processor = time.perf_counter(), time.process_time()
    read(Path(path), Path(folder))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MEGABYTE
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main()
