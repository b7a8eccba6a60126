"""What the commands print: tables and progress bars on a terminal, plain text in a pipe, JSON on request."""

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ragqa.types import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars


def set_up_logging(*, verbose: bool) -> None:
    """Send messages of the library to stderr: warnings, or with ``verbose`` everything of interest."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s" if verbose else "ragqa: %(message)s"))
    logger = logging.getLogger("ragqa")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO if verbose else logging.WARNING)
    logger.propagate = False  # a package that is imported later may give the root logger a handler of its own


def tell_more() -> None:
    """Show what a long command does (estimates, what is up to date) even without ``--verbose``."""
    logging.getLogger("ragqa").setLevel(logging.INFO)


def json_document(value: Any) -> None:
    """Print one JSON document on stdout."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def fields(value: Any) -> dict[str, Any]:
    """A value of ragqa's own types as plain values, by the names of its fields."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table on a terminal; tab-separated lines with a header in a pipe."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(headers), *texts]:
            click.echo("\t".join(" ".join(cell.split()) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*headers, title=title or None, title_justify="left", header_style="bold")
    for row in texts:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def line(text: str, style: str = "") -> None:
    """One paragraph, in a style of rich on a terminal, wrapped to its width."""
    if not sys.stdout.isatty():
        click.echo(text)
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(text, style=style), soft_wrap=False)


@contextlib.contextmanager
def progress_bars() -> Iterator[Progress]:
    """A progress callback that draws bars with the time left on a terminal; in a pipe it logs each tenth."""
    if not sys.stderr.isatty():
        yield _PlainProgress()
        return
    with terminal_bars() as bars:
        tasks: dict[str, Any] = {}

        def update(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield update


def terminal_bars() -> "Bars":
    """Progress bars on stderr with what is done, the time gone by and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Bars(*columns, console=Console(stderr=True))


class _PlainProgress:
    def __init__(self) -> None:
        self._tenths: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if not total:
            return
        tenth = 10 * done // total
        if tenth > self._tenths.get(stage, 0):
            self._tenths[stage] = tenth
            click.echo(f"{stage}: {done:,} of {total:,}", err=True)
