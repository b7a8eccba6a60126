"""What a report shows, gathered from runs and ablations before anything is drawn."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragqa import home
from ragqa.errors import UsageError
from ragqa.evaluate.compare.ablate import ABLATION_FILE, AblationResult, read_ablation
from ragqa.evaluate.compare.pairs import (
    LEVEL,
    Pair,
    beaten_by,
    common_measures,
    compare_runs,
    interval_caption,
    letter,
    primary_of,
    unique_labels,
)
from ragqa.evaluate.measures.calibration import ReliabilityBin, reliability
from ragqa.evaluate.measures.measure import Measure, named
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.report.published import PublishedFigure, published_figures
from ragqa.evaluate.runs.figures import StageTiming
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.load import LoadedRun, load_run
from ragqa.evaluate.runs.scoring import outcomes_of
from ragqa.evaluate.runs.task import read_task
from ragqa.evaluate.stats.intervals import Interval
from ragqa.evaluate.tasks.task import gold_labels

MAX_COLUMNS = 5
_MAX_FAILURES = 20


@dataclass(frozen=True, slots=True)
class SystemRow:
    """A system in a section: what the tables show of it."""

    letter: str
    name: str
    chosen: str
    figures: Mapping[str, Interval]
    better_than: str
    counts: Mapping[str, int]
    timings: Mapping[str, StageTiming]
    run: LoadedRun
    development: Mapping[str, float] = field(default_factory=dict)
    x: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One task in one setting: its systems side by side.

    Attributes
    ----------
    columns
        The measures of the main table; ``measures`` are all of them.
    calibration
        System → reliability bins, where verdicts have probabilities.
    differences
        Per-question values A − B of the first two systems.
    batch
        Questions that were worked on together; 1: times are latencies.
    """

    title: str
    description: str
    primary: str
    columns: tuple[str, ...]
    measures: tuple[str, ...]
    rows: tuple[SystemRow, ...]
    tests: tuple[Pair, ...]
    caption: str
    published: tuple[PublishedFigure, ...]
    calibration: Mapping[str, Sequence[ReliabilityBin]]
    differences: tuple[str, str, Sequence[float]] | None
    failures: Sequence[tuple[str, str, str]]
    notes: tuple[str, ...]
    batch: int
    against: str = ""
    savings: str = ""


def sections_of(names: Sequence[str | Path], measures: Sequence[str] = ()) -> list[Section]:
    """The sections of a report on runs and ablations, runs of one task and setting in one section.

    ``measures`` are the columns of the tables on runs, the first being tested; "" for the task's own.

    Raises
    ------
    UsageError
        Nothing was named, a run does not exist, or has no such measure.
    """
    if not names:
        raise UsageError("name at least one run or ablation, by folder or id")
    sections: list[Section] = []
    groups: dict[tuple[str, str], list[LoadedRun]] = {}
    for name in names:
        if folder := _ablation_folder(name):
            sections.append(_of_ablation(folder, read_ablation(folder)))
            continue
        run = load_run(name, measures)
        # Figures of other questions, settings or splits never share a column.
        groups.setdefault((run.label, run.manifest.inputs["questions"] if not run.members else ""), []).append(run)
    return sections + [_of_runs(runs, measures) for runs in groups.values()]


def folder_of(name: str | Path) -> Path:
    """The folder of a run or an ablation."""
    return _ablation_folder(name) or load_run(name).path


def _ablation_folder(name: str | Path) -> Path | None:
    for path in (Path(name), home.home() / "eval" / "runs" / name):
        if (path / ABLATION_FILE).is_file():
            return path
    return None


def _of_runs(runs: Sequence[LoadedRun], measures: Sequence[str]) -> Section:
    labels = unique_labels(runs)
    common = common_measures(runs)
    for run in runs:
        for name in measures:
            named(run.scores, name)
    primary = measures[0] if measures else primary_of(runs) if common else ""
    columns = tuple(measures) or _columns(primary, common)
    tests: tuple[Pair, ...] = ()
    text = interval_caption(max((run.metrics.n[primary] for run in runs), default=0) if primary else 0)
    if len(runs) > 1 and common:
        compared = compare_runs(runs, [primary])
        tests = compared.pairs
        text = compared.caption + f". Letters: systems that are beaten with adjusted p < {LEVEL}"
    rows = tuple(
        SystemRow(
            letter=letter(place),
            name=labels[place],
            chosen="",
            figures={name: _interval(run, name) for name in common},
            better_than=beaten_by(labels[place], labels, tests),
            counts=run.metrics.counts,
            timings=run.timings,
            run=run,
        )
        for place, run in enumerate(runs)
    )
    return _completed(
        Section(
            title=runs[0].label,
            description="",
            primary=primary,
            columns=columns,
            measures=tuple(common),
            rows=rows,
            tests=tests,
            caption=text,
            published=(),
            calibration={},
            differences=_differences(runs[:2], labels, primary) if common else None,
            failures=(),
            notes=(),
            batch=runs[0].manifest.batch,
        )
    )


def _of_ablation(folder: Path, result: AblationResult) -> Section:
    rows = []
    for row in result.rows:
        run = load_run(folder / row.run, result.measures)
        rows.append(
            SystemRow(
                letter=row.letter,
                name=row.name,
                chosen=row.chosen,
                figures=row.figures,
                better_than=row.better_than,
                counts=row.counts,
                timings=run.timings,
                run=run,
                development=row.development,
                x=row.x,
            )
        )
    sign = declared(result.primary).sign
    best = max(rows[1:], key=lambda row: sign * row.figures[result.primary].value, default=None)
    shown = [rows[0], best] if best is not None else rows[:1]
    done, shared = sum(result.computed.values()), sum(result.shared.values())
    savings = (
        f"{done:,} stages of batches were computed and {shared:,} shared between cells, which saved "
        f"{result.seconds_saved:,.1f} s of computing."
    )
    return _completed(
        Section(
            title=f"Ablation {result.name}: {rows[0].run.label}",
            description=result.description,
            primary=result.primary,
            columns=tuple(result.measures),
            measures=tuple(result.measures),
            rows=tuple(rows),
            tests=result.tests,
            caption=result.caption,
            published=(),
            calibration={},
            differences=_differences([row.run for row in shown], [row.name for row in shown], result.primary),
            failures=(),
            notes=(),
            batch=result.batch,
            against=result.against,
            savings=savings if done else "",
        )
    )


def _completed(section: Section) -> Section:
    """With published figures, calibration, failures and notes."""
    task = section.rows[0].run.manifest.task
    return replace(
        section,
        published=_published(task, section.measures),
        calibration={row.name: bins for row in section.rows if (bins := _reliability(row.run))},
        failures=[failure for row in section.rows for failure in _failures(row)],
        notes=tuple(dict.fromkeys(note for row in section.rows for note in row.run.metrics.notes)),
    )


def _columns(primary: str, names: Sequence[str]) -> tuple[str, ...]:
    shown = [name for name in names if not name.startswith("official_") and name != primary]
    return (primary, *shown[: MAX_COLUMNS - 1]) if primary else ()


def _interval(run: LoadedRun, name: str) -> Interval:
    low, high = run.metrics.intervals[name]
    made = run.metrics.statistics
    return Interval(
        run.metrics.metrics[name],
        low,
        high,
        made["level"],
        run.metrics.n[name],
        made["n_resamples"],
        made["seed"],
    )


def _published(task: Mapping[str, Any], measures: Sequence[str]) -> tuple[PublishedFigure, ...]:
    """Published figures of the task's measures; of BEIR's sets only the one that was run.

    The set is known by the name of its folder. Other settings and splits are shown with theirs beside them.
    """
    found = [one for one in published_figures(task=str(task["name"])) if one.measure in measures]
    if task["name"] != "beir":
        return tuple(found)
    return tuple(one for one in found if one.part.lower() == str(task.get("data", "")).lower())


def _reliability(run: LoadedRun) -> list[ReliabilityBin]:
    if run.members:
        return []
    task = read_task(run.path).task
    gold = gold_labels(task)
    if "calibration" not in task.scorers or not gold:
        return []
    answers = outcomes_of(read_lines(run.path)).answers
    judged = [(answers[q].verdict_probabilities, label) for q, label in gold.items() if q in answers]
    judged = [(chances, label) for chances, label in judged if chances]
    if not judged:
        return []
    confidence = [max(chances.values()) for chances, _ in judged]
    right = [max(chances, key=lambda name: chances[name]) == label for chances, label in judged]
    return reliability(confidence, right)


def _differences(
    runs: Sequence[LoadedRun], labels: Sequence[str], primary: str
) -> tuple[str, str, Sequence[float]] | None:
    if len(runs) < 2:
        return None
    a, b = (_by_question(named(run.scores, primary)) for run in runs[:2])
    return (
        labels[0],
        labels[1],
        [
            a[question_id] - b[question_id]
            for question_id in a
            if question_id in b and not math.isnan(a[question_id] - b[question_id])
        ],
    )


def _by_question(measure: Measure) -> dict[str, float]:
    return dict(zip(measure.question_ids, measure.values.tolist(), strict=True))


def _failures(row: SystemRow) -> list[tuple[str, str, str]]:
    """(system, question, error) of the first failures."""
    if not row.counts.get("n_failed"):
        return []
    folders = [row.run.path / name for name in row.run.members] or [row.run.path]
    failed = [(row.name, line.id, line.error) for folder in folders for line in read_lines(folder) if line.error]
    return failed[:_MAX_FAILURES]
