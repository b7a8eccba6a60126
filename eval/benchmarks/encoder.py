"""Encoding on the CPU, beside sentence-transformers with the same model, texts, threads and longest input.

    python eval/benchmarks/encoder.py --beir FOLDER [--documents 96] [--queries 100] [--rounds 3]

FOLDER is a BEIR folder. Both sides take turns, and the best round of each counts. Prints a table and, last, one
line of JSON with the agreement of the vectors.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ragqa.cores import n_cores
from ragqa.index.encoder_build import build_encoder
from ragqa.index.encoder_source import find_model
from ragqa.index.presets import encoder_preset
from ragqa.recipe import DenseSettings


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beir", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=96)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    results = measure(arguments.beir, arguments.documents, arguments.queries, arguments.rounds)
    for name, value in results.items():
        print(f"{name:<52} {value:>10,.2f}")
    print(json.dumps(results))


def measure(beir: Path, n_documents: int, n_queries: int, rounds: int) -> dict[str, float]:
    """Documents a second and milliseconds a query of both sides, and the ratios."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(n_cores())
    pairs = [(entry["title"], entry["text"]) for entry in _lines(beir / "corpus.jsonl", n_documents)]
    texts = [f"{title} {text}".strip() for title, text in pairs]
    queries = [entry["text"] for entry in _lines(beir / "queries.jsonl", n_queries)]
    settings = DenseSettings()
    peer = SentenceTransformer(str(find_model(encoder_preset(settings).passage.model)), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        ours = build_encoder(settings, Path(folder) / "encoder", pairs[:32], "run this again")
        export_seconds = time.perf_counter() - began
        vectors, reference = ours.encode_passages(pairs), peer.encode(texts, batch_size=32)
        times: dict[str, list[float]] = {}
        for _ in range(rounds):
            timed(times, "peer documents", lambda: peer.encode(texts, batch_size=32))
            timed(times, "our documents", lambda: ours.encode_passages(pairs))
            timed(times, "peer queries", lambda: [peer.encode([query]) for query in queries])
            timed(times, "our queries", lambda: [ours.encode_queries([query]) for query in queries])
    best = {name: min(values) for name, values in times.items()}
    cosines = (vectors * reference).sum(axis=1)
    return {
        "sentence-transformers: documents a second": len(texts) / best["peer documents"],
        "ragqa: documents a second": len(texts) / best["our documents"],
        "ratio, documents (aim: at least 1.5)": best["peer documents"] / best["our documents"],
        "sentence-transformers: milliseconds a query": 1000 * best["peer queries"] / len(queries),
        "ragqa: milliseconds a query": 1000 * best["our queries"] / len(queries),
        "ratio, queries (aim: at least 3)": best["peer queries"] / best["our queries"],
        "lowest cosine between the vectors": float(np.min(cosines)),
        "mean cosine between the vectors": float(np.mean(cosines)),
        "seconds of the export": export_seconds,
    }


def timed(times: dict[str, list[float]], name: str, call: Callable[[], object]) -> None:
    """Call, and keep the seconds that it took under a name."""
    began = time.perf_counter()
    call()
    times.setdefault(name, []).append(time.perf_counter() - began)


def _lines(path: Path, n: int) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line, _ in zip(file, range(n), strict=False)]


if __name__ == "__main__":
    main()
