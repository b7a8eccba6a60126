"""How long it takes to tell which watched questions new records may concern, beside asking all of them again.

    python eval/benchmarks/watch.py [--index NAME] [--watched 200] [--new 200] [--asked 10] [--home FOLDER]

The last records of a built index stand for new ones, and titles of its articles for what is watched (again from the
first where there are not enough). Some are asked as ``ragqa watch add`` asks them: that is the peer, times all of them.
What was read for these, and its lowest scores, is given to the others in turn.
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import ragqa
from ragqa import products
from ragqa.corpus.text import title_of
from ragqa.engine import Engine
from ragqa.watch.ask import Asker
from ragqa.watch.screen import Screen
from ragqa.watch.types import Finding


def main() -> None:
    """Ask some, screen all, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default="sample")
    parser.add_argument("--watched", type=int, default=200, help="how many questions are watched")
    parser.add_argument("--new", type=int, default=200, help="how many records are new")
    parser.add_argument("--asked", type=int, default=10, help="how many questions the peer asks")
    parser.add_argument("--home", type=Path, default=Path(".bench"), help="where the indexes are built and kept")
    arguments = parser.parse_args()
    os.environ["RAGQA_HOME"] = str(arguments.home.absolute())
    if not products.is_built("indexes", arguments.index):
        products.build_index(arguments.index)
    with ragqa.open(arguments.index) as engine:
        figures = measured(engine, arguments.watched, arguments.new, arguments.asked)
    for name, value in figures.items():
        print(f"{name:32} {value:12,.3f}")
    print(json.dumps({"benchmark": "watch", "index": arguments.index, **figures}))


def measured(engine: Engine, n_watched: int, n_new: int, n_asked: int) -> dict[str, float]:
    """Seconds of both, and how many times as long asking takes."""
    subjects = list(itertools.islice(itertools.cycle(titles(engine, n_watched)), n_watched))
    fresh = ~engine.store.dead_rows()
    fresh[np.flatnonzero(fresh)[:-n_new]] = False
    screen = Screen(engine)
    asker = Asker(engine, screen)
    list(asker.ask([Finding(subjects[-1])]))  # loads what is loaded when first used
    began = time.perf_counter()
    asked = list(asker.ask([Finding(subject) for subject in subjects[:n_asked]]))
    ask_s = (time.perf_counter() - began) / len(asked) * n_watched
    findings = [
        replace(finding, subject=subject) for subject, finding in zip(subjects, itertools.cycle(asked), strict=False)
    ]
    began = time.perf_counter()
    concerned = screen.concerned(findings, fresh)
    screen_s = time.perf_counter() - began
    return {
        "watched": len(concerned),
        "new_records": int(fresh.sum()),
        "documents": len(engine.store),
        "screen_s": screen_s,
        "ask_all_again_s": ask_s,
        "ratio": ask_s / screen_s,
    }


def titles(engine: Engine, n: int) -> Iterator[str]:
    """Up to ``n`` different titles of the corpus."""
    documents = (document for batch in engine.store.scan() for _, document in batch)
    found = (title for title in map(title_of, documents) if title)
    return iter(dict.fromkeys(itertools.islice(found, n)))


if __name__ == "__main__":
    main()
