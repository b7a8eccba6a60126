"""What each document costs, for ``ragqa plan``: writes the growth figures that the package carries.

    python eval/benchmarks/growth.py --scale .bench/scale.json --beir FOLDER --cluster-ms 3.3 [--vectors 100000]

``--scale`` is what ``scale.py`` measured. From the two largest sizes at which a quantity was measured come the cost of
each further document (a straight line) or, for memory and latency, a power of the number of documents. Measured here
are the transformer encoder on ``--beir`` (processor seconds a document) and FAISS, one thread, on random unit vectors:
milliseconds for each vector that a search of one query compares.
"""

import argparse
import json
import math
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.store import DocumentStore
from ragqa.index.encoder_build import build_encoder
from ragqa.index.encoding import passage_of
from ragqa.index.faiss_kinds import KINDS, Kind, Plan, load_faiss, make
from ragqa.index.faiss_search import FaissIndex
from ragqa.plan.costs import GROWTH_FILE, n_compared
from ragqa.recipe import DenseSettings

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
_DIM = 384
_QUERIES = 50


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=Path, default=Path(".bench/scale.json"))
    parser.add_argument("--beir", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=256)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument(
        "--cluster-ms", type=float, default=0.0, help="added_p50_ms of one shard, as shards.py prints it"
    )
    parser.add_argument("--out", type=Path, default=GROWTH_FILE)
    arguments = parser.parse_args()
    growth = from_scale(json.loads(arguments.scale.read_text(encoding="utf-8")))
    growth["encode_core_s"] = {
        "static": growth.pop("static_core_s"),
        "transformer": transformer(arguments.beir, arguments.documents),
    }
    growth["compared_ms"] = {kind: compared_ms(kind, arguments.vectors) for kind in KINDS}
    growth["cluster_ms"] = arguments.cluster_ms
    arguments.out.write_text(json.dumps(growth, indent=2) + "\n", encoding="utf-8")
    print(arguments.out.read_text(encoding="utf-8"))


def from_scale(figures: Figures) -> dict[str, object]:
    """The growth of what ``scale.py`` measured."""
    lines = {
        "corpus_core_s": ("corpus build", ("processor_seconds",)),
        "words_core_s": ("index words", ("processor_seconds",)),
        "static_core_s": ("index static", ("processor_seconds",)),
        "corpus_disk_mb": ("disk", ("corpus_mb",)),
        "words_disk_mb": ("disk", ("bm25_mb", "lexicon_mb")),
        "vectors_disk_mb": ("disk", ("vectors_mb",)),
    }
    powers = {
        "words_build_mb": ("index words", "peak_own_mb"),
        "search_mb": ("latency", "peak_own_mb"),
        "bm25_p50_ms": ("latency", "bm25_p50_ms"),
        "bm25_p99_ms": ("latency", "bm25_p99_ms"),
    }
    found: dict[str, object] = {"largest_measured": max(map(int, figures))}
    for name, (step, keys) in lines.items():
        (small, low), (large, high) = two_largest(figures, step, keys)
        found[name] = (high - low) / (large - small)
    for name, (step, key) in powers.items():
        (small, low), (large, high) = two_largest(figures, step, (key,))
        exponent = max(0.0, math.log(high / low) / math.log(large / small))
        found[name] = {"at": large, "value": high, "exponent": exponent}
    _, (largest, _) = two_largest(figures, "latency", ("dense_p50_ms",))
    latency = figures[str(largest)]["latency"]
    found["dense_tail"] = latency["dense_p99_ms"] / latency["dense_p50_ms"]
    return found


def two_largest(figures: Figures, step: str, keys: tuple[str, ...]) -> list[tuple[int, float]]:
    """The two largest sizes at which all keys of a step were measured, with their sum."""
    sizes = sorted(int(size) for size, steps in figures.items() if all(key in steps.get(step, {}) for key in keys))
    if len(sizes) < 2:
        raise SystemExit(f"{step}: measured at {len(sizes)} sizes; scale.py must measure two or more")
    return [(size, sum(figures[str(size)][step][key] for key in keys)) for size in sizes[-2:]]


def transformer(beir: Path, n_documents: int) -> float:
    """Processor seconds of the default encoder for each document."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = CorpusSettings(sources=(str(beir.absolute() / "corpus.jsonl"),), format="beir")
        build_corpus("bench", settings, folder, folder / "corpus")
        with DocumentStore.open(folder / "corpus") as store:
            passages = [passage_of(document) for _, document in next(store.scan())][:n_documents]
        encoder = build_encoder(DenseSettings(), folder / "encoder", passages[:32], "run this again")
        encoder.encode_passages(passages[:16])
        began = time.process_time()
        encoder.encode_passages(passages)
        return (time.process_time() - began) / len(passages)


def compared_ms(kind: Kind, n_vectors: int) -> float:
    """Milliseconds of a search on one core for each vector that it compares; for a graph, for all its steps together.

    See :func:`ragqa.plan.costs.n_compared`.
    """
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((n_vectors, _DIM), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    faiss = load_faiss()
    made = make(Plan(kind, "ip", n_vectors, _DIM), lambda: iter([vectors]), lambda _done: None)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "vectors.faiss"
        faiss.write_index(made, str(path))
        index = FaissIndex(path, kind, "ip", "run this again")
        n_threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            times = []
            for query in vectors[:_QUERIES]:
                began = time.perf_counter()
                index.search(query[np.newaxis], 100)
                times.append((time.perf_counter() - began) * 1000)
        finally:
            faiss.omp_set_num_threads(n_threads)
            index.close()
    return float(np.median(times)) / n_compared(kind, n_vectors)


if __name__ == "__main__":
    main()
