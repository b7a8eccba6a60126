"""Filters at scale: what the first query with a filter costs, and the next ones, beside a query without.

    python eval/benchmarks/filters.py [--rows 2400000] [--folder FOLDER]

The rows are synthetic: a few words each, with twelve MeSH headings, a journal, a year, publication types and a language
drawn as unevenly as PubMed's are. Of each filter are measured, in milliseconds: ``first``, from the filter to what both
engines take; ``cached``, the same again; ``bm25``, a search with it, and how many times that is one without. With
``--folder`` the index is kept there, and taken from there. Prints a table and, last, one line of JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ragqa.index.dense import Selections
from ragqa.index.lucene import LuceneIndex, build_lucene
from ragqa.index.segments import Placed
from ragqa.recipe import Bm25Settings
from ragqa.types import Document, Filter, MeshHeading, PublicationType, Section

_SETTINGS = Bm25Settings()
_N_HEADINGS, _PER_ROW, _N_JOURNALS, _N_WORDS = 30_000, 12, 6_000, 20_000
_BATCH = 1024
_TURNS = 30
_TYPES = [PublicationType(name) for name in ("Journal Article", "Review", "Randomized Controlled Trial")]
_HEADINGS = [MeshHeading(f"heading {number}") for number in range(_N_HEADINGS)]

FILTERS = {
    "rare heading": [Filter(mesh=(f"Heading {number}",)) for number in range(20_000, 20_010)],
    "common heading": [Filter(mesh=(f"Heading {number}",)) for number in range(10)],
    "200 headings": [Filter(mesh=tuple(f"Heading {n}" for n in range(k, k + 200))) for k in range(50, 60)],
    "years": [Filter(year_from=1990 + k, year_to=2015) for k in range(10)],
    "years, type, abstract": [
        Filter(year_from=2000 + k, publication_types=("Review",), has_abstract=True) for k in range(10)
    ],
    "not retracted": [Filter(not_retracted=True, journals=(f"Journal {number}",)) for number in range(10)],
}


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_400_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "bm25"
        if not (folder / "lucene").is_dir():
            halves = [synthetic(0, arguments.rows // 2), synthetic(arguments.rows // 2, arguments.rows)]
            build_lucene(halves, folder, _SETTINGS)
        segment = Placed(folder, 0, np.zeros(arguments.rows, dtype=bool), "build it again")
        index = LuceneIndex.open([segment], _SETTINGS)
        results = {name: measured(index, arguments.rows, filters) for name, filters in FILTERS.items()}
        index.close()
    print(f"{arguments.rows:,} rows, medians of {len(next(iter(FILTERS.values())))}")
    for name, values in results.items():
        print(name.ljust(22), "  ".join(f"{what} {value:.2f}" for what, value in values.items()))
    print(json.dumps(results))


def measured(index: LuceneIndex, n_rows: int, filters: list[Filter]) -> dict[str, float]:
    """Milliseconds, and the share of rows that the filters allow."""
    selections = Selections(0, np.arange(n_rows, dtype=np.int32), np.zeros(n_rows, dtype=bool))
    queries = [f"w{number} w{3 * number + 1} w{number + 40}" for number in range(10)]
    index.allowed_rows(Filter(languages=("xxx",)))

    def taken(allowed: Filter) -> None:
        selections.of(index.allowed_rows(allowed))

    first = [_ms(partial(taken, wanted)) for wanted in filters]
    cached = [_ms(partial(taken, wanted)) for wanted in filters]
    # One after the other in turns, the first turns not counted: all see the same machine and warm code.
    plain, searches = [], []
    for turn in range(_TURNS):
        for query, wanted in zip(queries, filters, strict=True):
            times = _ms(partial(index.search, [query], 50)), _ms(partial(index.search, [query], 50, wanted))
            if turn >= _TURNS // 2:
                plain.append(times[0])
                searches.append(times[1])
    return {
        "share": float(np.mean([index.n_allowed(wanted) / n_rows for wanted in filters])),
        "first": statistics.median(first),
        "cached": statistics.median(cached),
        "bm25": statistics.median(searches),
        "times_of_unfiltered": statistics.median(searches) / statistics.median(plain),
    }


def synthetic(first: int, end: int) -> Iterator[list[tuple[int, Document]]]:
    """Batches of rows; the same for the same rows, whatever else is made."""
    for start in range(first, end, _BATCH):
        size = min(_BATCH, end - start)
        draw = np.random.default_rng(start)
        headings = _uneven(draw, _N_HEADINGS, (size, _PER_ROW)).tolist()
        words = _uneven(draw, _N_WORDS, (size, 8)).tolist()
        journals = _uneven(draw, _N_JOURNALS, (size,)).tolist()
        years = (2024 - draw.exponential(14, size).astype(int).clip(0, 70)).tolist()
        kinds, said = draw.random(size).tolist(), draw.random(size).tolist()
        yield [
            (
                start + i,
                Document(
                    str(start + i),
                    (Section("abstract" if said[i] < 0.7 else "title", " ".join(f"w{word}" for word in words[i])),),
                    journal=f"Journal {journals[i]}",
                    year=years[i],
                    publication_types=tuple(_TYPES[: 1 + (kinds[i] < 0.12) + (kinds[i] < 0.03)]),
                    mesh=tuple(_HEADINGS[number] for number in set(headings[i])),
                    languages=("eng",) if kinds[i] < 0.9 else ("ger",),
                    retracted=kinds[i] > 0.999,
                ),
            )
            for i in range(size)
        ]


def _uneven(draw: np.random.Generator, n: int, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers below ``n``, the n-th about as frequent as 1 / n."""
    return (np.exp(draw.random(shape) * np.log(n)) - 1).astype(np.int64).clip(0, n - 1)


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()
