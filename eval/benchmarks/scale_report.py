"""Fits what ``scale.py`` measured, extends it to all of PubMed, and draws it.

    python eval/benchmarks/scale_report.py [--results .bench/scale.json] [--to 38000000] [--from 10000] [--out FOLDER]

Prints a table as Markdown; in FOLDER ``scale-times.svg``, ``scale-memory.svg`` and ``scale-latency.svg`` are written.
Each quantity y is fitted as a n^b: least squares of log y on log n, over the sizes of at least ``--from`` documents,
below which the start of the program counts. The interval of b and of the extrapolation are those of this regression
(95 %, Student's t; the latter that of a new measurement), so they tell how well so few sizes fix the line, and not
whether it stays straight.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]

_MOST_SPREAD = 30
"""Bounds that are further apart than this tell nothing: they are not printed, and no line is drawn."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something measured: what it is called, and the step and the keys of its figures, which are added up."""

    name: str
    step: str
    keys: tuple[str, ...]
    unit: str


QUANTITIES = (
    Quantity("corpus build", "corpus build", ("seconds",), "s"),
    Quantity("BM25", "index words", ("bm25_s",), "s"),
    Quantity("lexicon", "index words", ("lexicon_s",), "s"),
    Quantity("static encoder and FAISS", "index static", ("dense_s",), "s"),
    Quantity("corpus build", "corpus build", ("processor_seconds",), "processor s"),
    Quantity("BM25 and lexicon", "index words", ("processor_seconds",), "processor s"),
    Quantity("static encoder and FAISS", "index static", ("processor_seconds",), "processor s"),
    Quantity("update: corpus", "update", ("corpus_seconds",), "s"),
    Quantity("update: BM25 and lexicon", "update", ("words_seconds",), "s"),
    Quantity("update: dense", "update", ("static_seconds",), "s"),
    Quantity(
        "update: all",
        "update",
        ("corpus_processor_seconds", "words_processor_seconds", "static_processor_seconds"),
        "processor s",
    ),
    Quantity("corpus build, own memory", "corpus build", ("peak_own_mb",), "MiB"),
    Quantity("BM25 and lexicon, own memory", "index words", ("peak_own_mb",), "MiB"),
    Quantity("dense, own memory", "index static", ("peak_own_mb",), "MiB"),
    Quantity("searching, own memory", "latency", ("peak_own_mb",), "MiB"),
    Quantity("searching, mapped files included", "latency", ("peak_mb",), "MiB"),
    Quantity("disk: sources", "write", ("disk_mb",), "MiB"),
    Quantity("disk: corpus", "disk", ("corpus_mb",), "MiB"),
    Quantity("disk: BM25 and lexicon", "disk", ("bm25_mb", "lexicon_mb"), "MiB"),
    Quantity("disk: FAISS", "disk", ("dense_mb",), "MiB"),
    Quantity("disk: vectors kept", "disk", ("vectors_mb",), "MiB"),
    Quantity("BM25, p50", "latency", ("bm25_p50_ms",), "ms"),
    Quantity("BM25, p99", "latency", ("bm25_p99_ms",), "ms"),
    Quantity("BM25 filtered, p50", "latency", ("filtered_p50_ms",), "ms"),
    Quantity("dense, p50", "latency", ("dense_p50_ms",), "ms"),
    Quantity("dense filtered, p50", "latency", ("dense_filtered_p50_ms",), "ms"),
    Quantity("hybrid, p50", "latency", ("hybrid_p50_ms",), "ms"),
    Quantity("hybrid, p99", "latency", ("hybrid_p99_ms",), "ms"),
    Quantity("lookup by id, p50", "latency", ("lookup_p50_ms",), "ms"),
    Quantity("one segment, p50", "segments", ("one_p50_ms",), "ms"),
    Quantity("ten segments, p50", "segments", ("ten_p50_ms",), "ms"),
    Quantity("BM25 before an update, p99", "update", ("before_p99_ms",), "ms"),
    Quantity("BM25 during an update, p99", "update", ("during_p99_ms",), "ms"),
)


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """A fitted a n^b with what a new measurement at some size would be, and its bounds (95 %)."""

    exponent: float
    exponent_bound: float
    value: float
    low: float
    high: float


def fitted(sizes: Sequence[float], values: Sequence[float], to: float) -> PowerLaw | None:
    """Fit a power law; None where there are fewer than three sizes.

    >>> law = fitted([1, 10, 100], [2, 20, 200], 1000)
    >>> round(law.exponent, 6), round(law.value), round(law.high)
    (1.0, 2000, 2000)
    """
    if len(sizes) < 3 or min(values) <= 0:
        return None
    from scipy.stats import t

    x, y = np.log(sizes), np.log(values)
    exponent, offset = np.polyfit(x, y, 1)
    freedom = len(x) - 2
    spread = float((x - x.mean()) @ (x - x.mean()))
    noise = float(np.sqrt(np.sum((y - offset - exponent * x) ** 2) / freedom))
    quantile = float(t.ppf(0.975, freedom))
    at = np.log(to)
    wide = quantile * noise * float(np.sqrt(1 + 1 / len(x) + (at - x.mean()) ** 2 / spread))
    centre = float(offset + exponent * at)
    return PowerLaw(
        float(exponent),
        quantile * noise / float(np.sqrt(spread)),
        float(np.exp(centre)),
        float(np.exp(centre - wide)),
        float(np.exp(centre + wide)),
    )


def measured(figures: Figures, quantity: Quantity) -> dict[int, float]:
    """Size → value, for the sizes at which it was measured."""
    found = {}
    for size, steps in figures.items():
        step = steps.get(quantity.step, {})
        if all(key in step for key in quantity.keys):
            found[int(size)] = sum(step[key] for key in quantity.keys)
    return dict(sorted(found.items()))


def table(figures: Figures, least: int, to: int) -> str:
    """All quantities, their fits and extrapolations, as a table of Markdown."""
    sizes = sorted(map(int, figures))
    lines = [
        f"| | {' | '.join(f'{size:,}' for size in sizes)} | exponent | at {to:,} |",
        "|---" + "|---:" * (len(sizes) + 2) + "|",
    ]
    for quantity in QUANTITIES:
        found = measured(figures, quantity)
        if not found:
            continue
        cells = [_plain(found[size]) if size in found else "" for size in sizes]
        used = {size: value for size, value in found.items() if size >= least}
        law = fitted(list(used), list(used.values()), to)
        lines.append(f"| {quantity.name}, {quantity.unit} | {' | '.join(cells)} | {' | '.join(_told(law))} |")
    return "\n".join(lines)


def _told(law: PowerLaw | None) -> tuple[str, str]:
    """The exponent and the extrapolation as cells of a table."""
    if law is None:
        return "", ""
    if law.high > _MOST_SPREAD * law.low:
        return f"{law.exponent:.2f} ± {law.exponent_bound:.2f}", f"{_plain(law.value)}, not fixed by so few sizes"
    return (
        f"{law.exponent:.2f} ± {law.exponent_bound:.2f}",
        f"{_plain(law.value)} ({_plain(law.low)} to {_plain(law.high)})",
    )


def draw(figures: Figures, unit: str, least: int, to: int, path: Path) -> None:
    """The quantities of one unit over the number of documents, both logarithmic, each with its line."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "ragqa", "font.size": 9}):
        figure = Figure(figsize=(8.5, 4.8), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        chosen = [
            quantity
            for quantity in QUANTITIES
            if quantity.unit == unit and not quantity.name.startswith("disk") and not quantity.name.endswith("p99")
        ]
        for number, quantity in enumerate(chosen):
            found = measured(figures, quantity)
            if not found:
                continue
            marker = "osD^v<>PX*"[number % 10]
            label = quantity.name.removesuffix(", own memory")
            (line,) = axes.plot(list(found), list(found.values()), marker, label=label)
            used = {size: value for size, value in found.items() if size >= least}
            law = fitted(list(used), list(used.values()), to)
            if law is not None and law.high <= _MOST_SPREAD * law.low:
                ends = np.array([min(used), to], dtype=float)
                axes.plot(ends, law.value * (ends / to) ** law.exponent, "-", color=line.get_color(), linewidth=0.9)
        axes.set(xscale="log", yscale="log", xlabel="documents", ylabel=unit)
        axes.grid(visible=True, color="#e6e6e6")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        figure.savefig(path, metadata={"Date": None})


def _plain(value: float) -> str:
    """Three digits that count: 0.0123, 1.23, 12.3, 1,230."""
    if value >= 100:
        digits = max(0, len(str(int(value))) - 3)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def main() -> None:
    """Print the table, write the plots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path(".bench/scale.json"))
    parser.add_argument("--to", type=int, default=38_000_000)
    parser.add_argument("--from", dest="least", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    figures: Figures = json.loads(arguments.results.read_text(encoding="utf-8"))
    print(table(figures, arguments.least, arguments.to))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name, unit in (("times", "processor s"), ("memory", "MiB"), ("latency", "ms")):
            draw(figures, unit, arguments.least, arguments.to, arguments.out / f"scale-{name}.svg")


if __name__ == "__main__":
    main()
