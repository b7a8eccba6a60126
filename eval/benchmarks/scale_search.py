"""Times searches of an opened index; the part of ``scale.py`` that runs in a process of its own.

    python eval/benchmarks/scale_search.py latency|waiting|segments --questions FILE

``RAGQA_HOME`` holds the corpus ``synthetic`` and the indexes ``words`` (BM25) and, if built, ``static`` (dense too).
Prints one line of JSON. ``waiting`` searches once, says so, and goes on until its standard input ends.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ragqa import home, products, recipe
from ragqa.corpus.store import DocumentStore
from ragqa.index import segments
from ragqa.index.builders import Bm25Builder
from ragqa.index.lucene import LuceneIndex
from ragqa.index.memory import Shares
from ragqa.index.segments import Placed, Span
from ragqa.recipe import Recipe
from ragqa.retrieve.retriever import Retriever
from ragqa.types import Filter

K = 50
N_SEGMENTS = 10
_PAUSE_S = 0.02  # between searches beside an update
_ROUNDS = 2  # the first opens what is opened when first used
_FILTER = Filter(year_from=2010, publication_types=("Journal Article",))


def latency(questions: Sequence[str]) -> dict[str, float]:
    """Milliseconds of each kind of search and of a look-up by id, p50 and p99."""
    store, index, settings = products.open_pinned("static" if products.is_built("indexes", "static") else "words")
    bm25, dense = index.bm25, index.dense
    assert bm25 is not None
    figures = _timed("bm25", [lambda q=q: bm25.search([q], K) for q in questions])
    figures |= _timed("filtered", [lambda q=q: bm25.search([q], K, _FILTER) for q in questions])
    allowed = bm25.allowed_rows(_FILTER)
    figures["filter_allows"] = float(allowed.mean())
    if dense is not None:
        vectors = list(dense.encode_queries(questions))
        figures |= _timed("encode", [lambda q=q: dense.encode_queries([q]) for q in questions])
        figures |= _timed("dense", [lambda v=v: dense.search_vectors(v[None], K) for v in vectors])
        figures |= _timed("dense_filtered", [lambda v=v: dense.search_vectors(v[None], K, allowed) for v in vectors])
        retriever = Retriever(store, index, settings.retrieve)
        figures |= _timed("hybrid", [lambda q=q: retriever.retrieve([q], K, Filter(), {}) for q in questions])
    ids = [str(number) for number in random.Random(1).choices(range(1, len(store) + 1), k=2 * len(questions))]
    figures |= _timed("lookup", [lambda i=i: store.get(i) for i in ids])
    return figures


def waiting(questions: Sequence[str]) -> dict[str, float]:
    """BM25 at the same pace before standard input ends and until then: an update goes on meanwhile."""
    store, index, _ = products.open_pinned("words")
    bm25 = index.bm25
    assert bm25 is not None
    _timed("first", [lambda q=q: bm25.search([q], K) for q in questions])
    before: list[float] = []
    for question in questions * _ROUNDS:
        before.append(_milliseconds(lambda q=question: bm25.search([q], K)))
        time.sleep(_PAUSE_S)
    print("ready", flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    during: list[float] = []
    while not ended.is_set():
        during.append(_milliseconds(lambda: bm25.search([questions[len(during) % len(questions)]], K)))
        time.sleep(_PAUSE_S)
    store.close()
    return _percentiles("before", before) | _percentiles("during", during) | {"searches": len(during)}


def in_segments(questions: Sequence[str], others: Sequence[str]) -> dict[str, float]:
    """BM25 over ten segments of equal size beside one, question by question: asked first, and again (``_again``).

    ``others`` are asked before them: Java is slow at first, and keeps where the terms of questions are.
    """
    settings = recipe.load(home.recipe_path("indexes", "bm25-anserini"), Recipe).bm25
    assert settings is not None
    with products.open_store("synthetic") as store, tempfile.TemporaryDirectory() as folder:
        builder = Bm25Builder(settings, "form", store, None, Shares())
        edges = np.linspace(0, store.n_rows, N_SEGMENTS + 1).astype(int).tolist()
        many = [_built(builder, store, Path(folder) / str(i), edges[i], edges[i + 1]) for i in range(N_SEGMENTS)]
        whole = _built(builder, store, Path(folder) / "whole", 0, store.n_rows)
        sides = {"one": LuceneIndex.open([whole], settings), "ten": LuceneIndex.open(many, settings)}
        figures: dict[str, float] = {}
        for ending, asked in (("_warm", others), ("", questions), ("_again", questions)):
            times: dict[str, list[float]] = {name: [] for name in sides}
            for question in asked:
                for name, side in sides.items():
                    times[name].append(_milliseconds(lambda s=side, q=question: s.search([q], K)))
            for name, own in times.items():
                figures |= _percentiles(f"{name}{ending}", own)
        for side in sides.values():
            side.close()
    return figures


def _built(builder: Bm25Builder, store: DocumentStore, folder: Path, first_row: int, end_row: int) -> Placed:
    folder.mkdir(parents=True)
    builder.build(Span(0, 0, first_row, end_row), folder)
    dead = store.dead_rows()[first_row:end_row]
    segments.finish(folder, "form", (), dead)
    return Placed(folder, first_row, dead)


def _timed(name: str, calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    for _ in range(_ROUNDS):
        times = [_milliseconds(call) for call in calls]
    return _percentiles(name, times)


def _percentiles(name: str, times: Sequence[float]) -> dict[str, float]:
    if not times:
        return {}
    return {f"{name}_p50_ms": float(np.percentile(times, 50)), f"{name}_p99_ms": float(np.percentile(times, 99))}


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Time what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["latency", "waiting", "segments"])
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--n", type=int, default=300)
    arguments = parser.parse_args()
    lines = arguments.questions.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    questions = texts[: arguments.n]
    measure = {
        "latency": latency,
        "waiting": waiting,
        "segments": lambda asked: in_segments(asked, texts[arguments.n :]),
    }[arguments.what]
    print(json.dumps(measure(questions)))


if __name__ == "__main__":
    main()
