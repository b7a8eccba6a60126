"""Tasks by name: those of ragqa and those that other packages add.

A package adds a task with an entry point in the group ``ragqa.tasks``: a function
``load(data, split, setting) -> tuple[Task, ...]`` as in the modules beside this one.
"""

from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import cast

from ragqa.errors import BackendError, UsageError, nearest
from ragqa.evaluate.tasks.task import Task

GROUP = "ragqa.tasks"
TASKS = {
    "beir": "beir",
    "bioasq": "bioasq",
    "biogen": "biogen",
    "browsecomp-plus": "browsecomp_plus",
    "cancer-myth": "cancer_myth",
    "covid-fact": "claims.covid_fact",
    "evidence-inference": "evidence_inference",
    "healthver": "claims.healthver",
    "mirage": "mirage",
    "nli4ct": "claims.nli4ct",
    "pubmedqa": "pubmedqa",
    "r2med": "r2med",
    "sample": "sample",
    "scifact-claims": "claims.scifact",
    "unanswerable": "unanswerable",
}
"""Name of a task → its module in this package."""

Loader = Callable[[Path | None, str | None, str | None], tuple[Task, ...]]


def task_names() -> list[str]:
    """Names of all tasks."""
    return sorted({*TASKS, *(point.name for point in metadata.entry_points(group=GROUP))})


def load_tasks(
    name: str, data: Path | None = None, split: str | None = None, setting: str | None = None
) -> tuple[Task, ...]:
    """Read a task's files.

    Parameters
    ----------
    name
        Name of a task.
    data
        Its file or folder; ``sample`` comes with ragqa.
    split, setting
        As the task's module says; None for its default.

    Returns
    -------
    tuple of Task
        One task; more where a benchmark has several sets with a corpus each (R2MED), whose mean is the figure.

    Raises
    ------
    UsageError
        There is no such task (the nearest is named), split or setting, or the data is missing.
    SourceError
        A file is malformed.
    BackendError
        The package that adds the task does not load.
    """
    if name in TASKS:
        loader = import_module(f"ragqa.evaluate.tasks.{TASKS[name]}").load
    else:
        points = {point.name: point for point in metadata.entry_points(group=GROUP)}
        if name not in points:
            raise UsageError(f"there is no task {name!r}; {nearest(name, task_names())}")
        try:
            loader = points[name].load()
        except (ImportError, AttributeError) as error:
            raise BackendError(f"the task {name!r} of {points[name].value} does not load: {error}") from error
    return cast("Loader", loader)(data, split, setting)
