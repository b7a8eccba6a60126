"""What is asked of ``ragqa eval run``, and the tasks, the run's name and its description that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa.errors import UsageError
from ragqa.evaluate.measures.entailment import DEFAULT, entailment_model
from ragqa.evaluate.runs import prepare
from ragqa.evaluate.runs.task import N_HITS, searches
from ragqa.evaluate.tasks.perturbed import perturbed
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.rewritten import SUFFIX, name_of, rewritten
from ragqa.evaluate.tasks.task import Task
from ragqa.manifest import content_hash

BATCH = 256
SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be run.

    Attributes
    ----------
    task, data, split, setting
        As :func:`ragqa.evaluate.tasks.registry.load_tasks` takes them.
    index
        A built index; None: the one that ``recipe`` makes of ``corpus``.
    corpus
        A built corpus; None: the task's own, else the one that the recipe names.
    recipe
        A recipe under ``indexes/`` or a path to one; None: ``default``, or ``sample`` for the task ``sample``.
    overrides
        ``table.key=value`` strings.
    out
        The run's folder; None: ``eval/runs/ID`` under the home.
    batch
        Questions that go through the stages together; 1 makes the timings latencies.
    n_hits
        Hits that are kept of each question; measures with a deeper cut-off see no more.
    limit
        Only so many questions, the first ones; None: all.
    baseline
        A baseline that gives labels in the reader's place (``majority``, ``never``, ``word-overlap``); None: the
        reader.
    perturb
        Put the questions otherwise: one of :data:`ragqa.evaluate.tasks.perturbed.PERTURBATIONS`, or a file of
        rewritten questions (:mod:`ragqa.evaluate.tasks.rewritten`, ``.jsonl``); None: as they are.
    entailment
        The model that judges citations (:func:`ragqa.evaluate.measures.entailment.entailment_model`). A finished run
        is scored again with another without asking its questions again.
    retry_failed
        Ask those questions of an earlier run again that ended in an error.
    ray_address
        The Ray cluster whose nodes search the index; None: this process. The run is the same.
    """

    task: str
    data: Path | None = None
    split: str | None = None
    setting: str | None = None
    index: str | None = None
    corpus: str | None = None
    recipe: str | None = None
    overrides: tuple[str, ...] = ()
    out: Path | None = None
    batch: int = BATCH
    n_hits: int = N_HITS
    limit: int | None = None
    baseline: str | None = None
    perturb: str | None = None
    entailment: str = DEFAULT
    retry_failed: bool = False
    ray_address: str | None = None


def check_request(request: Request) -> None:
    """Refuse what cannot be run.

    Raises
    ------
    UsageError
        An index is given beside a recipe or a corpus, a number is below 1, or there is no such entailment model.
    """
    if request.index and (request.recipe or request.corpus):
        raise UsageError("give --index (a built index), or --recipe and --corpus to make one; not both")
    for name, value in (("--batch", request.batch), ("--hits", request.n_hits), ("--limit", request.limit)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; it must be at least 1")
    entailment_model(request.entailment)


def tasks_of(request: Request) -> tuple[Task, ...]:
    """The tasks that are asked for, with their questions put as they are asked for."""
    tasks = load_tasks(request.task, request.data, request.split, request.setting)
    if not request.perturb:
        return tasks
    if request.perturb.endswith(SUFFIX):
        return rewritten(tasks, Path(request.perturb))
    return tuple(perturbed(task, request.perturb) for task in tasks)


def run_id(request: Request, tasks: Sequence[Task]) -> str:
    """The name of a run: task, data, split, setting, index or recipe, and a hash of the overrides where there are any.

    It does not depend on what the recipe or the data hold: the same command finds its run again, and a change is
    noticed.
    """
    task = tasks[0]
    pipeline = request.index or Path(request.recipe or default_recipe(task)).stem
    data = request.data.absolute().name.removesuffix(".json") if request.data else ""
    split = task.split if len(tasks) == 1 else ""
    parts = [task.name, data, split, task.setting, request.corpus or "", pipeline]
    if request.baseline:
        parts.append(request.baseline)
    if request.perturb:
        parts.append(Path(request.perturb).stem)
    if request.overrides:
        parts.append(content_hash(sorted(request.overrides))[:6])
    if request.limit:
        parts.append(f"first{request.limit}")
    names = [prepare.slug(part) for part in parts if part]
    return "-".join(name for place, name in enumerate(names) if name not in names[:place])


def described(request: Request, task: Task) -> dict[str, Any]:
    """What the manifest says of the task: its name, data, split, setting and limit."""
    data = request.data.absolute().name if request.data else ""
    told: dict[str, Any] = {"name": task.name, "data": data, "split": task.split, "setting": task.setting}
    if request.limit:
        told["limit"] = request.limit
    if request.perturb:
        told["perturbation"] = name_of(Path(request.perturb)) if request.perturb.endswith(SUFFIX) else request.perturb
    return told


def default_recipe(task: Task) -> str:
    """The recipe of a task for which none is named."""
    return SAMPLE if task.name == SAMPLE or (task.corpus is None and not searches(task)) else prepare.DEFAULT_RECIPE
