"""Task cards: what a task measures, whence its data comes, and what is wrong with it (eval/tasks/NAME.toml)."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from ragqa.errors import RecipeError, UsageError, nearest
from ragqa.fetch import RemoteFile, fetch
from ragqa.home import home, recipe_path
from ragqa.recipe import from_table
from ragqa.types import Progress


@dataclass(frozen=True, slots=True)
class TaskCard:
    """What a card says; the fields are those of BenchmarkCards (Sokol et al. 2024), as far as they concern a reader.

    Attributes
    ----------
    title, measures
        The task's full name, and what a figure on it means.
    source, licence, size
        Where the data comes from, under which terms, and how much there is.
    official_measure
        The measure that the field compares.
    purpose, construct
        What the task is there for, and what it measures of a system.
    contamination
        What models may have seen of it, ragqa's own included.
    intended_use, limits
        What figures on it are good for, and what they do not tell.
    settings, splits
        Name → meaning.
    known_defects
        What a reader of figures must know.
    steps
        How to get what cannot be fetched by a program (registration); empty where everything can.
    files
        What can be fetched.
    """

    title: str
    measures: str
    source: str
    licence: str
    size: str
    official_measure: str
    purpose: str
    construct: str
    contamination: str
    intended_use: str
    limits: str
    settings: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    known_defects: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    files: tuple[RemoteFile, ...] = ()


def load_card(name: str) -> TaskCard:
    """The card of a task: the user's own ``eval/tasks/NAME.toml``, or the one that comes with ragqa.

    Raises
    ------
    UsageError
        There is no card of that name.
    RecipeError
        It is not TOML, or has an unknown or malformed key.
    """
    path = recipe_path("eval/tasks", name)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read the task card {path}: {error}") from error
    rows = table.pop("files", [])
    files = tuple(from_table(row, RemoteFile, f"{path}, files {i}") for i, row in enumerate(rows, start=1))
    card = from_table(table, TaskCard, str(path))
    return TaskCard(**{name: getattr(card, name) for name in TaskCard.__slots__ if name != "files"}, files=files)


def data_folder(name: str) -> Path:
    """Where fetched data of a task lies: ``eval/data/NAME`` under ragqa's home."""
    return home() / "eval" / "data" / name


def fetch_task(name: str, part: str = "", progress: Progress | None = None) -> list[Path]:
    """Fetch a task's public files.

    Parameters
    ----------
    name
        The task.
    part
        One data set of a task that has several (``scifact`` of ``beir``); "" for all.

    Returns
    -------
    list of Path
        The files, and for archives the folders they were unpacked into.

    Raises
    ------
    UsageError
        The data needs registration (the message has the steps), or there is no such part.
    SourceError
        A source cannot be reached or sends something else.
    """
    card = load_card(name)
    if not card.files:
        steps = " ".join(f"({number}) {step}" for number, step in enumerate(card.steps, start=1))
        raise UsageError(f"the data of {name!r} cannot be fetched by a program: {steps}")
    chosen = [file for file in card.files if not part or file.part == part]
    if not chosen:
        raise UsageError(f"the task {name!r} has no part {part!r}; {nearest(part, {f.part for f in card.files})}")
    return [fetch(file, data_folder(name), progress) for file in chosen]
