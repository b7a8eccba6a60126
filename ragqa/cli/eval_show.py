"""What the ``ragqa eval`` commands print."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from ragqa.cli import show


@contextlib.contextmanager
def question_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar with the running score and the time left on a terminal; in a pipe a line at each tenth."""
    if not sys.stderr.isatty():
        yield _PlainBar()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=Console(stderr=True))
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
