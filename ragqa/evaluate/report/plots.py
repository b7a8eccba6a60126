"""Plots of a report as SVG texts that stand in a page by themselves."""

import io
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ragqa.evaluate.measures.calibration import ReliabilityBin
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.stats.intervals import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's colours, which people with colour blindness can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": "#333333",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "svg.fonttype": "none",
    "svg.hashsalt": "ragqa",
}


@dataclass(frozen=True, slots=True)
class Point:
    """A system in a plot of quality against a cost; ``spread`` bounds the cost, None where its noise is not known."""

    name: str
    x: float
    quality: Interval
    spread: tuple[float, float] | None = None


def pareto(points: Sequence[Point], measure: str, x_label: str, beats: Collection[tuple[int, int]] = ()) -> str:
    """Quality against time; systems that no other beats in both are joined by a line.

    Parameters
    ----------
    points
        The systems.
    measure, x_label
        Names of the axes.
    beats
        Pairs (a, b) of places: a's quality is better than b's beyond noise. A system off the line is grey where one
        that is faster beyond noise beats it so, and hollow where quality or time lies within noise.
    """
    sign = declared(measure).sign
    best = pareto_front([(point.x, sign * point.quality.value) for point in points])
    dominated = {b for a, b in beats if _is_less(points[a], points[b]) and b not in best}

    def draw(axes: "Axes") -> None:
        axes.set_xscale("log")
        front = sorted((points[place].x, points[place].quality.value) for place in best)
        axes.plot(*zip(*front, strict=True), color="#bbbbbb", linewidth=1.5, zorder=1)
        for place, point in enumerate(points):
            colour = "#999999" if place in dominated else COLOURS[0]
            _error_bar(axes, point, colour, is_hollow=place not in best and place not in dominated)
        _label(axes, [(point.x, point.quality.value, point.name) for point in points])
        axes.set_xlabel(x_label)
        axes.set_ylabel(f"{measure}, 95% interval")
        _plain_log_ticks(axes, [point.x for point in points])

    return _svg(draw)


def against_setting(rows: Sequence[Point], measure: str, setting: str, milliseconds: Sequence[float]) -> str:
    """A measure, and the time a question takes, against a numeric setting."""

    def draw(axes: "Axes") -> None:
        order = np.argsort([row.x for row in rows])
        x = [rows[place].x for place in order]
        y = [rows[place].quality for place in order]
        low, high = [one.low for one in y], [one.high for one in y]
        axes.fill_between(x, low, high, color=COLOURS[0], alpha=0.15, linewidth=0)
        axes.plot(x, [one.value for one in y], "o-", color=COLOURS[0])
        axes.set_xscale("log")
        _plain_log_ticks(axes, x)
        axes.set_xlabel(setting)
        axes.set_ylabel(f"{measure}, 95% interval", color=COLOURS[0])
        if len(milliseconds) == len(rows):
            times = axes.twinx()
            times.plot(x, [milliseconds[place] for place in order], "s--", color=COLOURS[1])
            times.set_ylabel("milliseconds a question", color=COLOURS[1])
            times.set_ylim(bottom=0)
            times.grid(visible=False)

    return _svg(draw)


def calibration(systems: Mapping[str, Sequence[ReliabilityBin]]) -> str:
    """Share right against confidence, the area of a point growing with its questions."""

    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--", linewidth=1, label="perfect")
        for place, (name, bins) in enumerate(systems.items()):
            colour = COLOURS[place % len(COLOURS)]
            x, y = [one.confidence for one in bins], [one.accuracy for one in bins]
            total = sum(one.n_questions for one in bins)
            axes.plot(x, y, color=colour, linewidth=1, label=name)
            axes.scatter(x, y, s=[15 + 300 * one.n_questions / total for one in bins], color=colour, alpha=0.7)
        # Room for whole points at 0 and 1.
        axes.set_xlim(-0.04, 1.04)
        axes.set_ylim(-0.06, 1.06)
        axes.set_xlabel("mean confidence of the verdict")
        axes.set_ylabel("share right")
        axes.legend(frameon=False, loc="upper left")

    return _svg(draw)


def differences(deltas: Sequence[float], a: str, b: str, measure: str) -> str:
    """Per-question differences in order: who wins where, and by how much."""
    ordered = np.sort(np.asarray(deltas, dtype=np.float64))[::-1]
    first, second = (a, b) if declared(measure).higher_is_better else (b, a)

    def draw(axes: "Axes") -> None:
        x = np.arange(len(ordered))
        axes.fill_between(x, ordered, 0, where=ordered > 0, step="mid", color=COLOURS[0], label=f"{first} better")
        axes.fill_between(x, ordered, 0, where=ordered < 0, step="mid", color=COLOURS[1], label=f"{second} better")
        axes.axhline(0, color="#888888", linewidth=0.8)
        axes.set_xlim(-0.5, len(ordered) - 0.5)
        axes.set_xlabel(f"questions, in order of the difference (n = {len(ordered):,})")
        axes.set_ylabel(f"difference in {measure}")
        axes.legend(frameon=False)

    return _svg(draw)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of those (cost, quality) points that no other beats in one without losing in the other.

    >>> pareto_front([(1.0, 0.5), (2.0, 0.4), (3.0, 0.9)])
    [0, 2]
    """
    return [
        place
        for place, (cost, quality) in enumerate(points)
        if not any((c <= cost and q >= quality) and (c < cost or q > quality) for c, q in points)
    ]


def _is_less(one: Point, other: Point) -> bool:
    return one.spread is not None and other.spread is not None and one.spread[1] < other.spread[0]


def _error_bar(axes: "Axes", point: Point, colour: str, *, is_hollow: bool) -> None:
    x, y = point.x, point.quality
    # A time is never drawn below a tenth of itself: the axis is logarithmic.
    low, high = point.spread or (x, x)
    axes.errorbar(
        [x],
        [y.value],
        xerr=[[x - max(low, x / 10)], [high - x]],
        yerr=[[y.value - y.low], [y.high - y.value]],
        fmt="o",
        color=colour,
        mfc="white" if is_hollow else colour,
        capsize=3,
        zorder=2,
    )


def _label(axes: "Axes", points: Sequence[tuple[float, float, str]]) -> None:
    """Names beside the points, moved down where two would stand on each other."""
    axes.margins(x=0.1, y=0.15)
    # Room for the longest name beside the rightmost point, on an axis that may be logarithmic.
    low, high = axes.get_xlim()
    widest = max((len(name) for _, _, name in points), default=0)
    axes.set_xlim(low, high * (high / low) ** min(1.0, widest / 60))
    figure = axes.figure
    figure.canvas.draw()
    taken: list[tuple[float, float]] = []
    for x, y, name in sorted(points, key=lambda point: -point[1]):
        across, up = axes.transData.transform((x, y))
        shift = 0.0
        while any(abs(across - left) < 120 and abs(up + shift - height) < 13 for left, height in taken):
            shift -= 13
        taken.append((across, up + shift))
        axes.annotate(
            name,
            (x, y),
            xytext=(8, 72 * shift / figure.dpi + 3),
            textcoords="offset points",
            fontsize=9,
            color="#222222",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
        )


def _plain_log_ticks(axes: "Axes", values: Sequence[float]) -> None:
    """Ticks at 1, 2 and 5 times powers of ten, written as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    wide = max(values) / max(min(values), 1e-9) > 200
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _svg(draw: Callable[[Any], None]) -> str:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    # The page scales the picture; ids get a prefix of their own, as several pictures share one page.
    text = text[text.index("<svg") :]
    return re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", text, count=1)
