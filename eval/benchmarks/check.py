"""How long it takes to check a text against a corpus: until its first claim is told, and until all are.

    python eval/benchmarks/check.py [--index NAME] [--sentences 40] [--runs 3] [--home FOLDER]

The text is made of last sentences of abstracts, taken evenly over the corpus, of which each is a claim. The peer asks
the engine each claim as a question, as someone would who has no checker. Processor time stands beside the clock's,
since the machine may be at other work.
"""

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import ragqa
from ragqa import products
from ragqa.check.text.blocks import Block
from ragqa.check.text.claims import claims_of
from ragqa.check.types import Checked
from ragqa.corpus.sentences import split_sentences
from ragqa.engine import Engine

_ASKED = 5


def main() -> None:
    """Check the text some times, ask some of its claims, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default="sample")
    parser.add_argument("--sentences", type=int, default=40, help="how many claims the text has")
    parser.add_argument("--runs", type=int, default=3, help="how often it is checked; the median counts")
    parser.add_argument("--home", type=Path, default=Path(".bench"), help="where the indexes are built and kept")
    arguments = parser.parse_args()
    os.environ["RAGQA_HOME"] = str(arguments.home.absolute())
    if not products.is_built("indexes", arguments.index):
        products.build_index(arguments.index)
    with ragqa.open(arguments.index) as engine:
        figures = measured(engine, arguments.sentences, arguments.runs)
    for name, value in figures.items():
        print(f"{name:32} {value:12,.3f}")
    print(json.dumps({"benchmark": "check", "index": arguments.index, **figures}))


def measured(engine: Engine, n_sentences: int, n_runs: int) -> dict[str, float]:
    """Seconds until the first claim and the end, processor seconds, and the peer's seconds for as many claims."""
    text = list(itertools.islice(sentences(engine, n_sentences), n_sentences))
    list(engine.check([Block(text[-1])]))  # loads what is loaded when first used
    runs = [checked(engine, text) for _ in range(n_runs)]
    first_s, whole_s, processor_s, n_claims = (statistics.median(part) for part in zip(*runs, strict=True))
    began = time.perf_counter()
    for sentence in text[:_ASKED]:
        engine.ask(sentence)
    ask_s = (time.perf_counter() - began) / len(text[:_ASKED]) * len(text)
    return {
        "documents": len(engine.store),
        "sentences": len(text),
        "claims": n_claims,
        "first_s": first_s,
        "whole_s": whole_s,
        "processor_s": processor_s,
        "ask_each_s": ask_s,
    }


def checked(engine: Engine, text: list[str]) -> tuple[float, float, float, float]:
    """Seconds until the first claim and the end, processor seconds, and how many claims were told."""
    began, used = time.perf_counter(), time.process_time()
    told = engine.check([Block(" ".join(text[place : place + 5])) for place in range(0, len(text), 5)])
    next(iter(told))
    first_s = time.perf_counter() - began
    whole = [one for one in told if isinstance(one, Checked)]
    return first_s, time.perf_counter() - began, time.process_time() - used, float(len(whole[0].claims))


def sentences(engine: Engine, n: int) -> Iterator[str]:
    """Last sentences of abstracts that are one claim each, from articles that stand evenly over the corpus."""
    rows = engine.store.n_rows
    dead = engine.store.dead_rows()
    for row in range(0, rows, max(1, rows // (4 * n))):
        if dead[row]:
            continue
        (document,) = engine.store.read([row])
        text = document.sections[-1].text if document.sections else ""
        last = [text[begin:end] for begin, end in split_sentences(text)][-1:]
        if last and last[0].endswith(".") and len(claims_of([Block(last[0])])[0]) == 1:
            yield last[0]


if __name__ == "__main__":
    main()
