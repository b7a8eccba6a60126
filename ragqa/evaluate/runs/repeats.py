"""``eval run --repeats N``: the same run several times, to tell the noise from run to run from that of the questions.

The repeats take turns batch by batch and share nothing, so that a load on the machine falls on all of them alike. Where
a generator writes, each repeat has a seed of its own; a pipeline without one differs in its times alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

from ragqa import home
from ragqa.errors import ProductError, UsageError
from ragqa.evaluate.measures.measure import figure
from ragqa.evaluate.runs.load import LoadedRun, load_run
from ragqa.evaluate.runs.loop import RunProgress
from ragqa.evaluate.runs.ready import Ready, make_ready
from ragqa.evaluate.runs.request import Request, run_id, tasks_of
from ragqa.evaluate.runs.run import run_together
from ragqa.evaluate.stats.power import detectable_difference, standard_error
from ragqa.manifest import read_json, write_json
from ragqa.recipe import Recipe
from ragqa.types import Progress

REPEATS_FILE = "repeats.json"


@dataclass(frozen=True, slots=True)
class Noise:
    """How far one measure moves.

    Attributes
    ----------
    figures
        Of each repeat, in order.
    mean
        Over the repeats.
    between_runs
        Standard deviation of the figures from run to run.
    over_questions
        Standard error of the first repeat's figure over questions.
    detectable
        The smallest difference to another system that is found four times in five if the two systems' errors are
        independent; a paired test (``eval compare``) finds smaller ones where they agree question by question.
    """

    figures: tuple[float, ...]
    mean: float
    between_runs: float
    over_questions: float
    detectable: float | None


@dataclass(frozen=True, slots=True)
class Repeats:
    """What ``repeats.json`` holds.

    Attributes
    ----------
    system, task
        As in the runs' manifests.
    runs
        Folders of the repeats, relative.
    primary
        The measure that the task is known by.
    measures
        Measure → its noise.
    milliseconds
        Stage → mean milliseconds a question in each repeat.
    loads
        The machine's mean load during each repeat; None where it is not known.
    """

    system: str
    task: str
    runs: tuple[str, ...]
    primary: str
    measures: Mapping[str, Noise]
    milliseconds: Mapping[str, tuple[float, ...]]
    loads: tuple[float | None, ...]


def run_repeats(
    request: Request, n_repeats: int, progress: Progress | None = None, on_question: RunProgress | None = None
) -> tuple[Path, Repeats]:
    """Run a task so many times, or go on with that.

    Raises
    ------
    UsageError
        Fewer than two repeats, a task of several sets, or as :func:`ragqa.evaluate.runs.run.run`.
    """
    if n_repeats < 2:
        raise UsageError(f"--repeats is {n_repeats}; noise from run to run needs at least 2")
    tasks = tasks_of(request)
    if len(tasks) > 1:
        raise UsageError(f"the task {request.task!r} has {len(tasks)} sets; repeat one with --split")
    path = request.out or home.home() / "eval" / "runs" / f"repeats-{run_id(request, tasks)}"
    ready = make_ready(request, tasks[0], progress)
    runs = [(_reseeded(ready, place), path / f"repeat-{place + 1:02}") for place in range(n_repeats)]
    run_together(runs, request, progress, on_question, share=False)
    found = summarised(ready.system, [folder for _, folder in runs])
    write_json(path / REPEATS_FILE, found)
    return path, found


def read_repeats(path: Path) -> Repeats:
    """The repeats in a folder.

    Raises
    ------
    UsageError
        The folder has none.
    ProductError
        They are damaged.
    """
    if not (path / REPEATS_FILE).is_file():
        raise UsageError(f"{path} holds no repeats; make them with: ragqa eval run TASK --repeats 5 --out {path}")
    return read_json(path / REPEATS_FILE, Repeats, "run the same command again")


def summarised(system: str, folders: Sequence[Path]) -> Repeats:
    """The noise of repeats from their folders."""
    runs = [load_run(folder) for folder in folders]
    first = runs[0]
    if any(run.metrics.metrics.keys() != first.metrics.metrics.keys() for run in runs):
        raise ProductError(f"the repeats in {folders[0].parent} have different measures; delete the folder, run again")
    stages = [stage for stage in first.timings if all(stage in run.timings for run in runs)]
    return Repeats(
        system=system,
        task=first.label,
        runs=tuple(folder.name for folder in folders),
        primary=first.primary,
        measures={name: _noise(runs, name) for name in first.metrics.metrics},
        milliseconds={stage: tuple(run.timings[stage].mean for run in runs) for stage in stages},
        loads=tuple(_load(run) for run in runs),
    )


def _reseeded(ready: Ready, place: int) -> Ready:
    """The run with a seed of its own for the generator, where it has one; a first run keeps the recipe's."""
    settings = ready.wanted.recipe
    if not place or not _generates(settings):
        return ready
    chat = replace(settings.answer.chat, seed=settings.answer.chat.seed + place)
    recipe = replace(settings, answer=replace(settings.answer, chat=chat))
    return replace(ready, wanted=replace(ready.wanted, recipe=recipe))


def _generates(settings: Recipe) -> bool:
    return (
        settings.answer.reader == "chat" or settings.retrieve.expansion != "none" or settings.rerank.reranker == "llm"
    )


def _noise(runs: Sequence[LoadedRun], name: str) -> Noise:
    figures = tuple(figure(run.scores.measures[name]) for run in runs)
    measure = runs[0].scores.measures[name]
    between, over = stdev(figures), standard_error(measure.features, measure.combine)
    both = (2 * (between**2 + over**2)) ** 0.5
    return Noise(figures, fmean(figures), between, over, detectable_difference(both))


def _load(run: LoadedRun) -> float | None:
    known = [(one.load, one.n_done) for one in run.manifest.sessions if one.load is not None and one.n_done]
    n_questions = sum(n for _, n in known)
    return round(sum(load * n for load, n in known) / n_questions, 2) if n_questions else None
