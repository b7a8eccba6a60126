"""What the ``ragqa eval`` commands print."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from ragqa.cli import show


@contextlib.contextmanager
def question_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar with the running score and the time left on a terminal; in a pipe a line at each tenth."""
    if not sys.stderr.isatty():
        yield _PlainBar()
        return
    bars = show.terminal_bars()
    tasks: list[Any] = []

    def update(text: str, done: int, total: int) -> None:
        # Begun with the first question: a terminal holds one live display at a time, and building has its own.
        if not tasks:
            bars.start()
            tasks.append(bars.add_task(text, total=total))
        bars.update(tasks[0], description=text, completed=done, total=total)
        if done == total:
            bars.stop()
            tasks.clear()

    try:
        yield update
    finally:
        bars.stop()


def results(found: Sequence[Any], as_json: bool) -> None:
    """Runs: figures with intervals, counts, notes, timings and where they lie."""
    if as_json:
        documents = [_result(result) for result in found]
        show.json_document(documents[0] if len(documents) == 1 else _group(documents))
        return
    for result in found:
        metrics(result.metrics, as_json=False)
        stages = ", ".join(f"{stage} {timing.mean:.2f}" for stage, timing in result.timings.items())
        show.line(f"Milliseconds a question: {stages or 'none measured'}")
        if result.n_before:
            show.line(f"{result.n_before} of {result.manifest.n_questions} questions were finished and not redone")
        show.line(f"Run: {result.path}")


def metrics(found: Any, as_json: bool) -> None:
    """Figures with their intervals, what was counted, and the notes."""
    if as_json:
        show.json_document(found)
        return
    rows = [
        [name, f"{value:.4f}", f"{found.intervals[name][0]:.4f}–{found.intervals[name][1]:.4f}"]
        for name, value in found.metrics.items()
    ]
    title = " ".join(str(found.task[key]) for key in ("name", "data", "split", "setting") if found.task.get(key))
    show.table(["measure", "value", f"{found.statistics['level']:.0%} interval"], rows, title=title)
    show.line("Counts: " + ", ".join(f"{name} {count}" for name, count in found.counts.items() if "." not in name))
    for note in found.notes:
        show.line(f"Note: {note}")


def compared(found: Any, questions: dict[str, str], n_changed: int, as_json: bool) -> None:
    """Comparisons: difference with interval, p-values, effect size, wins, ties and losses, what changed."""
    if as_json:
        show.json_document(found)
        return
    rows = []
    for pair in found.pairs:
        one = pair.comparison
        difference = f"{one.difference.value:+.4f} ({one.difference.low:+.4f} to {one.difference.high:+.4f})"
        effect = "–" if one.effect_size is None else f"{one.effect_size:.2f}"
        outcome = f"{one.wins}/{one.ties}/{one.losses}"
        found_from = "–" if one.detectable is None else f"{one.detectable:.4f}"
        values = [f"{one.a:.4f}", f"{one.b:.4f}", difference, p_value(one.p_value), p_value(pair.p_holm)]
        rows.append([one.measure, pair.a, pair.b, *values, effect, outcome, found_from])
    headers = ["measure", "A", "B", "A's", "B's", "A − B", "p", "p (Holm)", "d_z", "win/tie/loss of A", "found from"]
    show.table(headers, rows)
    show.line(f"{found.caption}. Found from: the smallest true difference that such a test finds four times in five")
    for pair in found.pairs:
        if not n_changed or not pair.comparison.changed:
            continue
        show.line(f"{pair.comparison.measure}: questions that changed most, {pair.a} − {pair.b}", "bold")
        for question_id, delta in list(pair.comparison.changed.items())[:n_changed]:
            show.line(f"{delta:+.3f}  {question_id}  {questions.get(question_id, '')[:100]}")


def repeats(path: Path, found: Any, as_json: bool) -> None:
    """Repeats: noise from run to run and over questions, times and load."""
    if as_json:
        show.json_document({"path": str(path), **msgspec.to_builtins(found)})
        return
    show.line(f"{found.task}: {found.system}, {len(found.runs)} times", "bold")
    rows = []
    for name, one in found.measures.items():
        values = (one.mean, one.between_runs, one.over_questions, one.detectable)
        rows.append([name, *("–" if value is None else f"{value:.4f}" for value in values)])
    show.table(["measure", "mean", "sd between runs", "se over questions", "found from"], rows)
    times = [[stage, *(f"{value:.2f}" for value in values)] for stage, values in found.milliseconds.items()]
    loads = ["load of the machine", *("–" if load is None else f"{load:.2f}" for load in found.loads)]
    show.table(["ms a question", *found.runs], [*times, loads])
    show.line("Found from: the smallest difference between two such systems that is found four times in five, unpaired")
    show.line(f"Written: {path}")


def noise(found: Sequence[Any], as_json: bool) -> None:
    """Signal and noise of measures over systems."""
    if as_json:
        show.json_document(found)
        return
    rows = [
        [one.measure, f"{one.signal:.4f}", f"{one.noise:.4f}", "–" if one.ratio is None else f"{one.ratio:.1f}"]
        for one in found
    ]
    show.table(["measure", "signal", "noise", "signal / noise"], rows)


def reproduced(found: Any, page: Path, as_json: bool) -> None:
    """Claimed figures beside measured ones."""
    if as_json:
        show.json_document(found)
        return
    rows = []
    for one in found.results:
        measured = "–" if one.measured is None else f"{one.measured:.4f}"
        rows.append([one.status, one.claim.name, one.claim.measure, one.claim.expected, measured, one.command])
    show.table(["", "figure", "measure", "expected", "measured", "command"], rows)
    for one in found.results:
        if one.status == "no data":
            get = one.claim.get or f"Get it with: ragqa eval fetch {one.claim.task}"
            show.line(f"Not run: {one.claim.name}: {one.claim.data} is not there. {get}")
    show.line(f"Written: {page}")


def ranked(found: Any, as_json: bool) -> None:
    """Systems across tasks."""
    if as_json:
        show.json_document(found)
        return
    tasks = list(next(iter(found.figures.values())))
    rows = [
        [
            _place(place, found.kemeny_places.get(system)),
            system,
            f"{found.mean_ranks[system]:.2f} ({_to(found.rank_intervals[system], 2)})",
            f"{found.borda[system]:g} ({_to(found.borda_intervals[system], 1)})",
        ]
        + [f"{found.figures[system][task]:.4f}" for task in tasks]
        for place, system in enumerate(found.kemeny_order, start=1)
    ]
    show.table(["Kemeny", "system", "mean rank", "Borda", *tasks], rows)
    agreement = [
        [task, _tau(one.with_the_others), "–" if one.z is None else f"{one.z:+.2f}"]
        for task, one in found.benchmarks.items()
    ]
    if agreement:
        show.table(["task", "agreement with the others (Kendall's τ-b)", "z"], agreement)
    if len(agreement) > 2:
        show.table(["tasks", "τ-b"], [[pair, _tau(one)] for pair, one in found.task_agreement.items()])
    show.line("In brackets: 95% of 2,000 draws of the questions of each task, the same for all systems")


def _to(bounds: tuple[float, float], digits: int) -> str:
    return f"{bounds[0]:.{digits}f} to {bounds[1]:.{digits}f}"


def _place(place: int, bounds: tuple[int, int] | None) -> str:
    return str(place) if bounds is None else f"{place} ({bounds[0]} to {bounds[1]})"


def _tau(found: Any) -> str:
    return "–" if found.tau is None else f"{found.tau:+.2f} ({_to((found.low, found.high), 2)})"


def card(found: Any) -> None:
    """A task's card."""
    show.line(found.title, "bold")
    told = ("purpose", "construct", "measures", "official_measure", "intended_use", "limits", "contamination")
    for name in (*told, "source", "licence", "size"):
        show.line(f"{name.replace('_', ' ').capitalize()}: {getattr(found, name)}")
    for title, table in (("Setting", found.settings), ("Split", found.splits)):
        for name, meaning in table.items():
            show.line(f"{title} {name}: {meaning}")
    for defect in found.known_defects:
        show.line(f"Known defect: {defect}")
    for number, step in enumerate(found.steps, start=1):
        show.line(f"Step {number}: {step}")
    for file in found.files:
        show.line(f"File{f' of {file.part}' if file.part else ''}: {file.url}")


def robust(found: Sequence[Any], as_json: bool) -> None:
    """What perturbations change."""
    if as_json:
        show.json_document(found)
        return
    rows = [
        [
            one.perturbation,
            f"{one.comparison.b:.4f}",
            f"{one.comparison.a:.4f}",
            _interval(one.comparison.difference),
            p_value(one.p_holm),
            f"{one.n_changed / one.n_questions:.3f} [{one.changed_low:.3f}, {one.changed_high:.3f}]",
        ]
        for one in found
    ]
    measure = found[0].comparison.measure
    show.table(["perturbation", measure, "perturbed", "difference", "p (Holm)", "answers changed"], rows)


def ablation(path: Any, found: Any, as_json: bool) -> None:
    """The table of an ablation, its tests, and what sharing saved."""
    if as_json:
        show.json_document({"path": str(path), **show.fields(found)})
        return
    rows = []
    for row in found.rows:
        figures = [_interval(row.figures[name]) for name in found.measures]
        time = f"{row.milliseconds.get('total', 0.0):.1f}"
        failed = f"{row.counts.get('n_failed', 0)}/{row.counts.get('n_unparsed', 0)}"
        rows.append([row.letter, row.name, row.chosen, *figures, row.better_than, time, failed])
    headers = ["", "cell", "chosen", *found.measures, f"beats ({found.primary})", "ms/question", "failed/unparsed"]
    show.table(headers, rows, title=found.description)
    show.line(found.caption)
    show.table(
        ["A", "B", f"A − B, {found.primary}", "p", "p (Holm)"],
        [
            [t.a, t.b, f"{t.comparison.difference.value:+.4f}", p_value(t.comparison.p_value), p_value(t.p_holm)]
            for t in found.tests
        ],
    )
    done, saved = sum(found.computed.values()), sum(found.shared.values())
    stages = ", ".join(f"{stage} {count}" for stage, count in sorted(found.shared.items()))
    show.line(
        f"Stages: {done} batches computed, {saved} shared instead ({stages or 'none'}), which saved "
        f"{found.seconds_saved:.1f} s; {found.seconds:.1f} s in all"
    )
    show.line(f"Ablation: {path}, with report.html and report.md")


def _interval(interval: Any) -> str:
    return f"{interval.value:.4f} ({interval.low:.4f}–{interval.high:.4f})"


def p_value(value: float) -> str:
    """A p-value as papers print it.

    >>> p_value(0.00009), p_value(0.0421)
    ('< 0.001', '0.042')
    """
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _result(result: Any) -> dict[str, Any]:
    import msgspec

    return {
        "run": result.manifest.id,
        "path": str(result.path),
        **msgspec.to_builtins(result.metrics),
        "timings_ms": msgspec.to_builtins(result.timings),
        "wall_seconds": result.manifest.wall_seconds,
        "n_not_redone": result.n_before,
    }


def _group(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"runs": list(documents)}


class _PlainBar:
    def __init__(self) -> None:
        self._tenth = 0

    def __call__(self, text: str, done: int, total: int) -> None:
        tenth = 10 * done // total
        if tenth > self._tenth or done == total:
            self._tenth = tenth % 10
            click.echo(f"{text}: {done:,} of {total:,}", err=True)
