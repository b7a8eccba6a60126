"""The kinds of FAISS index as a corpus grows, beside FAISS's exact one: build, bytes, time of a question, recall.

    python eval/benchmarks/dense_growth.py --abstracts FILE --encoder FOLDER --questions FILE
        [--documents 100000 1000000] [--kinds ivf-pq ivf-pq-small] [--n-questions 100] [--rescore 200] [--out FILE]

FILE of abstracts is JSON lines with ``title`` and ``text`` (may be .gz); FOLDER is that of a static encoder
(``indexes/NAME/encoder-…``); the questions are JSON lines with ``text``. Vectors are made as the texts of
``synthetic.py`` are: the sentences of all abstracts in runs of three, in an order of chance, then all again in another,
each document as many as some real one has. A static encoder adds up vectors of tokens, so that the vector of such a
document is the sum of those of its sentences, scaled to length 1. Up to the size of the real corpus the documents are
the real ones. One thread; the processor's seconds, which other work does not lengthen. Prints a table
and, last, one line of JSON, which is written after every kind to ``--out``.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from dense import recall
from synthetic import Source, read_source
from tokenizers import Tokenizer

from ragqa.index.dense import compares_exactly
from ragqa.index.encoder import TOKENIZER
from ragqa.index.faiss_kinds import KINDS, Kind, Plan, load_faiss, make
from ragqa.index.faiss_search import FaissIndex
from ragqa.index.rescore import EXACT, Rescored, write_exact
from ragqa.index.static_model import VECTORS

_K, _RUN, _AT_ONCE = 10, 3, 4_096


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abstracts", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--documents", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--kinds", choices=KINDS, nargs="+", default=["ivf-pq", "ivf-pq-small"])
    parser.add_argument("--n-questions", type=int, default=100)
    parser.add_argument("--rescore", type=int, default=200)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    load_faiss().omp_set_num_threads(1)
    sums = Sums(arguments.encoder)
    with arguments.questions.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line, _ in zip(file, range(arguments.n_questions), strict=False)]
    questions = _scaled(sums.of(texts))
    source = read_source(arguments.abstracts)
    growth = Growth(source, sums)
    results: dict[str, dict[str, float]] = {}
    print(f"{len(questions)} questions, recall at {_K}, {arguments.rescore} compared exactly; times of the processor")
    for n_documents in arguments.documents:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            vectors = write_exact(folder / EXACT, growth.pieces(n_documents), n_documents, growth.dim)
            exact: np.ndarray | None = None
            for kind in ("flat", *arguments.kinds):
                measured, found = measure(kind, vectors, folder, questions, arguments.rescore)
                exact = found if exact is None else exact
                measured["recall"] = recall(found, exact)
                measured["times_of_flat"] = (
                    measured["query_ms"] / results.get(f"flat {n_documents}", measured)["query_ms"]
                )
                results[f"{kind} {n_documents}"] = measured
                line = "  ".join(f"{name} {value:.3f}" for name, value in measured.items())
                print(f"{n_documents:>9,} {kind:<12} {line}", flush=True)
                if arguments.out is not None:
                    arguments.out.write_text(json.dumps(results), encoding="utf-8")
    print(json.dumps(results))


class Sums:
    """Adds up the vectors of the tokens of texts, as a static encoder does before it scales them."""

    def __init__(self, encoder: Path) -> None:
        [path] = encoder.glob(f"*/{VECTORS}")
        self._table = np.load(path).astype(np.float32)
        self._tokenizer = Tokenizer.from_file(str(path.parent / TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def of(self, texts: list[str]) -> np.ndarray:
        """float32 [n_texts, dim]."""
        sums = np.zeros((len(texts), self._table.shape[1]), np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            some = self._tokenizer.encode_batch(texts[start : start + _AT_ONCE], add_special_tokens=False)
            for place, encoded in enumerate(some, start=start):
                sums[place] = self._table[encoded.ids].sum(axis=0)
        return sums


class Growth:
    """Vectors of as many documents as are wanted, made of the sentences of a real corpus."""

    def __init__(self, source: Source, sums: Sums, seed: int = 1) -> None:
        self._sentences = sums.of([json.loads(f'"{text}"') for text in source.sentences])
        self._titles = sums.of([json.loads(f'"{text}"') for text in source.titles])
        self._lengths = np.array(source.lengths)
        self._seed = seed
        self.dim = self._sentences.shape[1]

    def pieces(self, n_documents: int) -> Iterator[np.ndarray]:
        """The vectors, float32 [n, dim] each."""
        random = np.random.default_rng(self._seed)
        n_made, n_own, n_sentences = 0, len(self._lengths), len(self._sentences)
        order, lengths, titles = np.arange(n_sentences), self._lengths, np.arange(n_own)
        while n_made < n_documents:
            if n_documents > n_own:
                runs = random.permutation(np.arange(0, n_sentences, _RUN))
                order = (runs[:, None] + np.arange(_RUN)).ravel()
                order = order[order < n_sentences]
                lengths, titles = random.permutation(self._lengths), random.permutation(n_own)
            ends = np.cumsum(lengths)
            n_wanted = min(n_own, n_documents - n_made)
            for start in range(0, n_wanted, _AT_ONCE):
                end = min(start + _AT_ONCE, n_wanted)
                first = int(ends[start - 1]) if start else 0
                begins = np.concatenate([[0], ends[start : end - 1] - first])
                of_texts = np.add.reduceat(self._sentences[order[first : ends[end - 1]]], begins, axis=0)
                yield _scaled(of_texts + self._titles[titles[start:end]])
            n_made += n_wanted


def measure(
    kind: Kind, vectors: np.ndarray, folder: Path, questions: np.ndarray, rescore: int
) -> tuple[dict[str, float], np.ndarray]:
    """Build one index and search it, question by question."""
    plan = Plan(kind, "ip", *vectors.shape)
    path = folder / "index"
    began = time.process_time()
    starts = range(0, len(vectors), 4 * _AT_ONCE)
    load_faiss().write_index(
        make(plan, lambda: (vectors[start : start + 4 * _AT_ONCE] for start in starts), lambda _: None), str(path)
    )
    seconds = time.process_time() - began
    opened = FaissIndex(path, kind, "ip", "build it again")
    n_candidates = compares_exactly(kind, rescore)
    index: FaissIndex | Rescored = opened
    if n_candidates:
        index = Rescored(opened, folder / EXACT, "ip", "build it again", n_candidates)
    index.search(questions, _K)
    times, found = [], []
    for question in questions:
        began = time.process_time()
        found.append(index.search(question[None], _K)[1][0])
        times.append(time.process_time() - began)
    index.close()
    measured = {
        "build_s": seconds,
        "bytes_a_vector": path.stat().st_size / len(vectors),
        "query_ms": 1000 * float(np.median(times)),
    }
    return measured, np.array(found)


def _scaled(vectors: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


if __name__ == "__main__":
    main()
