"""``ragqa eval ablate``: every cell of a grid as a run of its own, stages that cells agree in computed once."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ragqa import home
from ragqa.errors import UsageError
from ragqa.evaluate.compare.grid import Ablation, Cell, Variant, cells, load_ablation, value_of
from ragqa.evaluate.compare.pairs import LEVEL, Pair, beaten_by, caption, letter, primary_of
from ragqa.evaluate.measures.measure import Measure, figure, named
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.runs import prepare
from ragqa.evaluate.runs.load import LoadedRun, load_run
from ragqa.evaluate.runs.loop import RunProgress
from ragqa.evaluate.runs.prepare import WantedIndex, slug
from ragqa.evaluate.runs.ready import corpus_of, ready
from ragqa.evaluate.runs.request import Request, run_id
from ragqa.evaluate.runs.run import run_together
from ragqa.evaluate.stats.intervals import Interval, interval
from ragqa.evaluate.stats.tests import compare, holm
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.task import Task
from ragqa.manifest import read_json, write_json
from ragqa.types import Progress

ABLATION_FILE = "ablation.json"


@dataclass(frozen=True, slots=True)
class Row:
    """A cell of an ablation with its figures.

    Attributes
    ----------
    name, levels
        The cell, and its level on each axis.
    letter
        What other rows call it.
    run
        Folder of its run (of the chosen variant), relative to the ablation's.
    overrides
        The settings that make it of the base recipe, the chosen ones included.
    chosen
        Tuned settings, as chosen on the development questions; "" where nothing was tuned.
    figures
        Measure → figure with its interval, on the reported questions.
    development
        Tried settings → primary figure on the development questions.
    better_than
        Letters of the rows that it beats on the primary measure (Holm-adjusted p < .05).
    counts
        What was counted; failed and unparsed are always there.
    milliseconds
        Stage → mean milliseconds a question, and ``p95``.
    x
        Value of the setting that the ablation is plotted against.
    """

    name: str
    levels: dict[str, str]
    letter: str
    run: str
    overrides: tuple[str, ...]
    chosen: str
    figures: dict[str, Interval]
    development: dict[str, float]
    better_than: str
    counts: dict[str, int]
    milliseconds: dict[str, float]
    x: float | None = None


@dataclass(frozen=True, slots=True)
class AblationResult:
    """What ``ablation.json`` holds.

    ``n_development`` questions chose tuned settings (0: nothing was tuned), ``n_reported`` are reported.
    ``computed`` and ``shared`` count the results of each stage (a stage for a batch) in this call.
    """

    name: str
    description: str
    task: dict[str, Any]
    primary: str
    measures: tuple[str, ...]
    rows: tuple[Row, ...]
    tests: tuple[Pair, ...]
    caption: str
    n_development: int
    n_reported: int
    batch: int
    against: str
    computed: dict[str, int] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    seconds_saved: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Prepared:
    cell: Cell
    variant: Variant
    wanted: WantedIndex
    path: Path


def ablate(
    name: str,
    request: Request,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    on_question: RunProgress | None = None,
) -> tuple[Path, AblationResult]:
    """Run an ablation, or go on with it.

    Parameters
    ----------
    name
        A file under ``eval/ablations``, or a path to one.
    request
        Task, data, split, setting, corpus and output folder; its overrides hold for every cell.
    overrides
        ``key=value`` strings that change the ablation file itself, for example ``batch=1``.

    Raises
    ------
    UsageError
        As :func:`ragqa.evaluate.runs.run.run`; or the task has several sets.
    """
    began = time.perf_counter()
    ablation = load_ablation(name, overrides)
    tasks = load_tasks(request.task, request.data, request.split, request.setting)
    if len(tasks) > 1:
        raise UsageError(f"the task {request.task!r} has {len(tasks)} sets; choose one with --split")
    request = replace(
        request,
        recipe=ablation.base,
        batch=ablation.batch,
        n_hits=ablation.n_hits,
        limit=ablation.limit or request.limit,
    )
    path = request.out or home.home() / "eval" / "runs" / f"ablate-{slug(Path(name).stem)}-{run_id(request, tasks)}"
    prepared = _prepare(ablation, request, tasks[0], path, progress)
    cells_ready = [
        (ready(request, tasks[0], one.wanted, ", ".join([one.cell.name, *one.variant.tuned])), one.path)
        for one in prepared
    ]
    _, savings = run_together(cells_ready, request, progress, on_question)
    result = replace(
        _tabulate(Path(name).stem, ablation, prepared),
        computed=dict(savings.computed),
        shared=dict(savings.shared),
        seconds_saved=round(savings.seconds_saved, 1),
        seconds=round(time.perf_counter() - began, 1),
    )
    write_json(path / ABLATION_FILE, result)
    return path, result


def read_ablation(path: Path) -> AblationResult:
    """The table of the ablation in a folder."""
    return read_json(path / ABLATION_FILE, AblationResult, "run the ablation again")


def development_half(question_ids: Sequence[str], share: float) -> set[str]:
    """The questions that tuned settings are chosen on: those with the lowest hashes, so that a question's half does
    not depend on the order or on the other questions.
    """

    def place(question_id: str) -> float:
        return int.from_bytes(hashlib.sha256(question_id.encode()).digest()[:6]) / 2**48

    return {question_id for question_id in question_ids if place(question_id) < share}


def restricted(measure: Measure, wanted: set[str], *, inside: bool) -> Measure:
    """The measure over those of its questions that are in ``wanted`` (or are not)."""
    keep = np.array([(question_id in wanted) == inside for question_id in measure.question_ids], dtype=bool)
    ids = tuple(question_id for question_id, kept in zip(measure.question_ids, keep, strict=True) if kept)
    return Measure(measure.name, ids, measure.values[keep], measure.features[keep], measure.combine, measure.is_mean)


def _prepare(
    ablation: Ablation, request: Request, task: Task, path: Path, progress: Progress | None
) -> list[_Prepared]:
    corpus = corpus_of(request, task, ablation.base, progress)
    prepared = []
    for number, cell in enumerate(cells(ablation), start=1):
        for place, variant in enumerate(cell.variants):
            suffix = f"-{place + 1}" if len(cell.variants) > 1 else ""
            folder = path / "cells" / f"{number:02}-{slug(cell.name)}{suffix}"
            wanted = prepare.wanted_index(corpus, ablation.base, (*request.overrides, *variant.overrides))
            prepared.append(_Prepared(cell, variant, wanted, folder))
    return prepared


def _tabulate(name: str, ablation: Ablation, prepared: Sequence[_Prepared]) -> AblationResult:
    loaded = {one.path: load_run(one.path, ablation.measures) for one in prepared}
    first = loaded[prepared[0].path]
    measures, absent = _measures(ablation, first)
    primary = measures[0]
    tuned = any(len(one.cell.variants) > 1 for one in prepared)
    ids = list(first.questions)
    development = development_half(ids, ablation.development) if tuned else set()
    by_cell: dict[Cell, list[_Prepared]] = {}
    for one in prepared:
        by_cell.setdefault(one.cell, []).append(one)
    chosen = [_choose(members, loaded, primary, development) for members in by_cell.values()]
    reported = [restricted(named(loaded[one.path].scores, primary), development, inside=False) for one, _ in chosen]
    tests = _tests([one.cell.name for one, _ in chosen], reported)
    rows = [
        _row(
            place,
            one,
            tried,
            loaded[one.path],
            names=[cell.name for cell in by_cell],
            measures=measures,
            development=development,
            tests=tests,
            against=ablation.against,
        )
        for place, (one, tried) in enumerate(chosen)
    ]
    n_reported = len(reported[0].question_ids)
    return AblationResult(
        name=name,
        description=ablation.description,
        task=first.manifest.task,
        primary=primary,
        measures=measures,
        rows=tuple(rows),
        tests=tuple(tests),
        caption=_caption(tests, n_reported, len(development)) + absent,
        n_development=len(development),
        n_reported=n_reported,
        batch=ablation.batch,
        against=ablation.against,
    )


def _measures(ablation: Ablation, first: LoadedRun) -> tuple[tuple[str, ...], str]:
    """The measures of the table, and a sentence on those that the task does not have.

    Raises
    ------
    UsageError
        The task has none of the measures that the ablation asks for.
    """
    wanted = ablation.measures or (primary_of([first]),)
    for name in wanted:
        declared(name)  # a misspelt name is an error, one of another task a note
    there = tuple(name for name in wanted if name in first.metrics.metrics)
    if not there:
        named(first.scores, wanted[0])
    absent = [name for name in wanted if name not in there]
    return there, f". Not measured by this task: {', '.join(absent)}" if absent else ""


def _choose(
    members: Sequence[_Prepared], loaded: Mapping[Path, LoadedRun], primary: str, development: set[str]
) -> tuple[_Prepared, dict[str, float]]:
    """The variant with the best development figure (the first of equals), and the figure of each."""
    if len(members) == 1:
        return members[0], {}
    tried = {
        ", ".join(one.variant.tuned): figure(
            restricted(named(loaded[one.path].scores, primary), development, inside=True)
        )
        for one in members
    }
    sign = declared(primary).sign
    best = max(range(len(members)), key=lambda place: (sign * list(tried.values())[place], -place))
    return members[best], tried


def _tests(names: Sequence[str], measures: Sequence[Measure]) -> list[Pair]:
    pairs = [(a, b) for a in range(len(names)) for b in range(a + 1, len(names))]
    compared = {f"{a}|{b}": compare(measures[a], measures[b]) for a, b in pairs}
    adjusted = holm({key: comparison.p_value for key, comparison in compared.items()})
    return [
        # Which questions changed is in the runs; the table's file would double in size for it.
        Pair(names[a], names[b], replace(compared[f"{a}|{b}"], changed={}), adjusted[f"{a}|{b}"])
        for a, b in pairs
    ]


def _row(
    place: int,
    one: _Prepared,
    tried: dict[str, float],
    loaded: LoadedRun,
    *,
    names: Sequence[str],
    measures: Sequence[str],
    development: set[str],
    tests: Sequence[Pair],
    against: str,
) -> Row:
    x = value_of(loaded.manifest.recipe, against) if against else None
    return Row(
        name=one.cell.name,
        levels=dict(one.cell.levels),
        letter=letter(place),
        run=str(Path("cells") / one.path.name),
        overrides=one.variant.overrides,
        chosen=", ".join(one.variant.tuned),
        figures={
            name: interval(restricted(named(loaded.scores, name), development, inside=False)) for name in measures
        },
        development=tried,
        better_than=beaten_by(one.cell.name, names, tests),
        counts={name: count for name, count in loaded.metrics.counts.items() if "." not in name},
        milliseconds={
            **{stage: timing.mean for stage, timing in loaded.timings.items()},
            **({"p95": loaded.timings["total"].p95} if "total" in loaded.timings else {}),
        },
        x=float(x) if isinstance(x, int | float) else None,
    )


def _caption(tests: Sequence[Pair], n_reported: int, n_development: int) -> str:
    text = caption([test.comparison for test in tests], n_reported)
    text += f". Letters: rows that are beaten with adjusted p < {LEVEL}"
    if n_development:
        text += (
            f". Tuned settings were chosen on {n_development:,} other questions (development), where all figures here "
            "are from the rest"
        )
    return text
