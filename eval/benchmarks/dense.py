"""Every kind of FAISS index beside the exact one: recall, time of a query, size, and time to build beside the estimate.

    python eval/benchmarks/dense.py --dense FOLDER --queries queries.jsonl [--n-queries 200] [--share 0.3]

FOLDER is a built index (``indexes/NAME``), whose vectors are used. ``--share`` of the vectors, chosen
by chance, are allowed in the filtered search; of compressed kinds ``--rescore`` candidates are compared exactly.
Prints a table and, last, one line of JSON.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from ragqa import manifest
from ragqa.corpus.store import DocumentStore
from ragqa.index.build import VECTORS_FOLDER
from ragqa.index.dense import compares_exactly
from ragqa.index.dense_build import DESCRIPTION, DenseDescription
from ragqa.index.encoder import Encoder
from ragqa.index.faiss_kinds import KINDS, Kind, Plan, estimate, load_faiss, make
from ragqa.index.faiss_search import FaissIndex
from ragqa.index.folder import read_manifest
from ragqa.index.rescore import EXACT, Rescored, write_exact
from ragqa.index.vectors import VectorStore, text_key

_K = 10


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dense", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--n-queries", type=int, default=200)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--rescore", type=int, default=200)
    arguments = parser.parse_args()
    components = read_manifest(arguments.dense).counts["components"]
    if len(components["dense"]) != 1:
        raise SystemExit(f"{arguments.dense} has {len(components['dense'])} segments; run: ragqa index build --merge")
    segment = arguments.dense / components["dense"][0] / DESCRIPTION
    description = manifest.read_json(segment, DenseDescription, "build the index again")
    pieces = read_vectors(arguments.dense, description)
    with arguments.queries.open(encoding="utf-8") as file:
        questions = [json.loads(line)["text"] for line, _ in zip(file, range(arguments.n_queries), strict=False)]
    queries = Encoder.open(arguments.dense / components["encoder"][0], "build the index again").encode_queries(
        questions
    )
    allowed = np.random.default_rng(0).random(description.n_vectors) < arguments.share
    results: dict[str, dict[str, float]] = {}
    exact: list[np.ndarray] = []
    print(f"{description.n_vectors:,} vectors, {len(queries)} questions, recall at {_K}")
    for kind in KINDS:
        measured, found = measure(kind, description, pieces, queries, allowed, arguments.rescore)
        exact = exact or found
        measured["recall"] = recall(found[0], exact[0])
        measured["recall_filtered"] = recall(found[1], exact[1])
        measured["times_of_flat"] = measured["query_ms"] / results.get("flat", measured)["query_ms"]
        results[kind] = measured
        print(kind.ljust(12), "  ".join(f"{name} {value:.3f}" for name, value in measured.items()), flush=True)
    print(json.dumps(results))


def read_vectors(index: Path, description: DenseDescription) -> list[np.ndarray]:
    """The vectors of the documents of an index, in the order of their rows."""
    built = read_manifest(index)
    corpus = index.parent.parent / "corpora" / built.inputs["corpus"]
    path = index.parent / VECTORS_FOLDER / f"{description.vectors}.sqlite"
    with DocumentStore.open(corpus, built.inputs["corpus_state"]) as store, VectorStore(path, description.dim) as kept:
        return [np.concatenate(kept.get([text_key(document) for _, document in batch])) for batch in store.scan()]


def measure(
    kind: Kind,
    description: DenseDescription,
    pieces: list[np.ndarray],
    queries: np.ndarray,
    allowed: np.ndarray,
    rescore: int,
) -> tuple[dict[str, float], list[np.ndarray]]:
    """Build one index and search it, question by question, without and with the filter."""
    metric = "ip" if description.metric == "ip" else "l2"
    plan = Plan(kind, metric, description.n_vectors, description.dim)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / kind
        began = time.perf_counter()
        load_faiss().write_index(make(plan, lambda: pieces, lambda _: None), str(path))
        seconds = time.perf_counter() - began
        size = path.stat().st_size
        index: FaissIndex | Rescored = FaissIndex(path, kind, metric, "build it again")
        if n_candidates := compares_exactly(kind, rescore):
            write_exact(Path(folder) / EXACT, pieces, plan.n_vectors, plan.dim)
            index = Rescored(index, Path(folder) / EXACT, metric, "build it again", n_candidates)
        index.search(queries[:5], _K)
        times, found = [], []
        for query in queries:
            began = time.perf_counter()
            found.append(index.search(query[None], _K)[1][0])
            times.append(time.perf_counter() - began)
        filtered = index.search(queries, _K, np.packbits(allowed, bitorder="little"))[1]
        index.close()
    measured = {
        "build_s": seconds,
        "estimated_s": estimate(plan.n_vectors, plan.dim, kind).build_seconds,
        "bytes_a_vector": size / plan.n_vectors,
        "query_ms": 1000 * float(np.median(times)),
    }
    return measured, [np.array(found), filtered]


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Share of the exact neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), exact.tolist(), strict=True)]))


if __name__ == "__main__":
    main()
