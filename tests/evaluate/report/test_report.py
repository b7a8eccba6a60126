"""Reports: everything that a reader needs is on the page, and nothing on it comes from elsewhere."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.compare.ablate import ablate
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.report.plots import Point, pareto, pareto_front
from ragqa.evaluate.runs.figures import stage_timings
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.stats.intervals import Interval


class Page(HTMLParser):
    """The texts of the cells of each table, and every address that a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        # A link is followed by the reader; only what a browser loads by itself counts.
        loading = ("src", "xlink:href", "data") if tag == "a" else ("src", "href", "xlink:href", "data")
        addresses = [value or "" for name, value in attrs if name in loading]
        self.loaded += [address for address in addresses if not address.startswith("#")]

    def handle_data(self, data: str) -> None:
        if self.tables and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data.strip()


def runs_of(folder: Path) -> list[Path]:
    return [
        run(Request("beir", data=folder, recipe="bm25-anserini", overrides=overrides))[0].path
        for overrides in ((), ("retrieve.depth=1",))
    ]


def test_a_report_shows_figures_intervals_tests_failures_and_how_they_were_made(
    small_beir: Path, tmp_path: Path
) -> None:
    queries = small_beir / "queries.jsonl"
    rows = [json.loads(line) for line in queries.read_text().splitlines()]
    rows[2]["text"] = "<script>" + "x" * 100_000
    queries.write_text("".join(json.dumps(row) + "\n" for row in rows))

    html_path, text_path = write_report(runs_of(small_beir), tmp_path / "report")

    html, text = html_path.read_text(), text_path.read_text()
    page = Page()
    page.feed(html)
    results = page.tables[0]
    assert results[0][1:3] == ["system", "nDCG@10"]
    assert results[0][-4:] == ["missing", "failed", "unparsed", "abstained"]
    assert [row[-3] for row in results[1:]] == ["1", "1"]
    assert re.search(r"paired randomisation \((exact|10000 resamples)\); seed \d+, n = 20 questions", html)
    assert page.loaded == []
    assert "<script" not in html
    assert html.count("<svg") == 2
    assert "100,008 characters" in html
    for needed in (
        "| system | nDCG@10 |",
        "### Comparisons",
        "### Failed questions",
        "### Provenance",
        "plots/1-1.svg",
    ):
        assert needed in text
    assert (tmp_path / "report" / "plots" / "1-1.svg").read_text().startswith("<svg")


def test_a_report_is_the_same_bytes_from_the_same_runs(small_beir: Path, tmp_path: Path) -> None:
    runs = runs_of(small_beir)

    first, _ = write_report(runs, tmp_path / "first")
    second, _ = write_report(runs, tmp_path / "second")

    assert first.read_bytes() == second.read_bytes()


def test_runs_of_different_question_sets_never_share_a_table(small_beir: Path, tmp_path: Path) -> None:
    whole = run(Request("beir", data=small_beir, recipe="bm25-anserini"))[0].path
    part = run(Request("beir", data=small_beir, recipe="bm25-anserini", limit=10))[0].path

    page, _ = write_report([whole, part], tmp_path / "report")

    assert page.read_text().count("<h2>") == 2


def test_a_report_of_an_ablation_has_its_depth_plot_and_what_sharing_saved(small_beir: Path, tmp_path: Path) -> None:
    grid = tmp_path / "depths.toml"
    grid.write_text(
        'base = "bm25-anserini"\nagainst = "retrieve.depth"\nbatch = 1\nmeasures = ["R@100"]\n'
        + "".join(f'[axes.depth."{n}".retrieve]\ndepth = {n}\n' for n in (1, 5, 20))
    )
    path, _ = ablate(str(grid), Request("beir", data=small_beir))

    html_path, _ = write_report([path], tmp_path / "report")

    html = html_path.read_text()
    assert "R@100 against retrieve.depth" in html
    assert "stages of batches were computed" in html
    assert "latencies" in html


def test_a_report_of_verdicts_has_calibration_and_published_figures(sample_home: Path, tmp_path: Path) -> None:
    done = run(Request("sample", index="sample", out=tmp_path / "run"))[0]

    html_path, _ = write_report([done.path], tmp_path / "report")

    assert "Calibration of the verdicts" in html_path.read_text()


def test_nothing_to_report_on() -> None:
    with pytest.raises(UsageError, match="at least one run"):
        write_report([], Path("nowhere"))


def test_only_systems_that_no_other_beats_in_both_are_on_the_front() -> None:
    assert pareto_front([(1, 0.5), (2, 0.7), (3, 0.6), (2, 0.7)]) == [0, 1, 3]


def test_a_system_that_is_worse_only_within_noise_is_not_drawn_as_beaten() -> None:
    def point(name: str, x: float, y: float) -> Point:
        return Point(name, x, Interval(y, y - 0.1, y + 0.1, 0.95, 40, 1000, 1), (x - 0.1, x + 0.1))

    points = [point("fast", 1.0, 0.7), point("slow", 2.0, 0.69), point("bad", 3.0, 0.2)]

    drawn = pareto(points, "nDCG@10", "ms", beats={(0, 2)})

    assert "#999999" in drawn, "beaten beyond noise"
    assert drawn.count("fill: #ffffff; stroke: #0072b2") == 1, "hollow: within noise"
    assert "#999999" not in pareto(points[:2], "nDCG@10", "ms", beats=set())
    for spread in (None, (0.5, 3.5)):
        slow = replace(points[2], spread=spread)
        assert "#999999" not in pareto([points[0], slow], "nDCG@10", "ms", beats={(0, 1)}), (
            "as fast, for all that is known"
        )


def test_the_bounds_of_a_mean_time_count_a_batch_once() -> None:
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        batches = generator.gamma(4.0, 2.5, size=12)
        timing = stage_timings([{"bm25": float(time)} for time in batches for _ in range(25)])["bm25"]
        assert timing.low is not None
        assert timing.high is not None
        held += timing.low <= 10.0 <= timing.high
    assert 0.90 <= held / 300 <= 0.98
    assert stage_timings([{"bm25": 2.0}] * 25)["total"].low is None
