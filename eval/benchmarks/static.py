"""Encoding on the CPU by a static encoder, beside the model that it is distilled from.

    python eval/benchmarks/static.py --beir FOLDER [--documents 2000] [--taught 64] [--rounds 3]

FOLDER is a BEIR folder. Both encode documents of it in turns, the model only ``--taught`` of them, and the best round
of each counts. Prints a table and, last, one line of JSON.
"""

import argparse
import json
import tempfile
from pathlib import Path

from encoder import timed

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.store import DocumentStore
from ragqa.index.encoder import Encoder
from ragqa.index.encoder_build import build_encoder
from ragqa.index.encoding import Encoding, passage_of
from ragqa.index.static_build import distil
from ragqa.recipe import DenseSettings

_FEW = 16_000
"""Tokens that are fitted."""


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beir", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--taught", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    results = measure(arguments.beir, arguments.documents, arguments.taught, arguments.rounds)
    for name, value in results.items():
        print(f"{name:<52} {value:>10,.2f}")
    print(json.dumps(results))


def measure(beir: Path, n_documents: int, n_taught: int, rounds: int) -> dict[str, float]:
    """Documents a second of both, and the ratio. How near they come does not matter here."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = CorpusSettings(sources=(str(beir.absolute() / "corpus.jsonl"),), format="beir")
        build_corpus("bench", settings, folder, folder / "corpus")
        with DocumentStore.open(folder / "corpus") as store:
            passages = [passage_of(document) for batch in store.scan() for _, document in batch][:n_documents]
            teacher = build_encoder(DenseSettings(), folder / "teacher", passages[:32], "run this again")
            encoding = Encoding(teacher, folder / "vectors", 0)
            distil(encoding, "static", store, folder / "static", n_tokens=_FEW)
            encoding.close()
        static = Encoder.open(folder / "static", "run this again")
        times: dict[str, list[float]] = {}
        for _ in range(rounds):
            timed(times, "model", lambda: teacher.encode_passages(passages[:n_taught]))
            timed(times, "static", lambda: static.encode_passages(passages))
    speed = {"model": n_taught / min(times["model"]), "static": len(passages) / min(times["static"])}
    return {
        "minilm-l6: documents a second": speed["model"],
        "static: documents a second": speed["static"],
        "ratio (aim: at least 50)": speed["static"] / speed["model"],
    }


if __name__ == "__main__":
    main()
