"""Finished runs, read back for comparing and reporting, from their folders alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ragqa import home
from ragqa.errors import UsageError, nearest
from ragqa.evaluate.measures.measure import Scores, mean_over_sets
from ragqa.evaluate.measures.registry import MEAN_OVER_SETS, declared
from ragqa.evaluate.measures.retrieval import declared_retrieval
from ragqa.evaluate.runs.facts import stored_facts
from ragqa.evaluate.runs.figures import Metrics, StageTiming, summarise
from ragqa.evaluate.runs.folder import MANIFEST_FILE, RunManifest, read_manifest, read_members
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.scored import read_scored
from ragqa.evaluate.runs.scoring import score_retrieval
from ragqa.evaluate.runs.task import read_task, searches


@dataclass(frozen=True)
class LoadedRun:
    """A finished run.

    Attributes
    ----------
    path, manifest, metrics, timings
        Its folder and what the folder says.
    primary
        The measure that the task is known by.
    scores
        Every measure with its values question by question.
    members
        The folders of its sets; empty for a single question set.
    """

    path: Path
    manifest: RunManifest
    metrics: Metrics
    timings: dict[str, StageTiming]
    primary: str
    scores: Scores
    members: tuple[str, ...] = ()

    @property
    def system(self) -> str:
        """What tables call it."""
        return self.manifest.system

    @property
    def label(self) -> str:
        """Task, data, split and setting in one line."""
        task = self.manifest.task
        told = (str(task[key]) for key in ("name", "data", "split", "setting") if task.get(key))
        return " ".join(dict.fromkeys(told))

    @cached_property
    def n_documents(self) -> int:
        """Size of the corpus, over all sets."""
        return sum(read_task(self.path / name).n_documents for name in self.members or [""])

    @cached_property
    def is_searched(self) -> bool:
        """Whether documents were retrieved; they were given otherwise."""
        return any(searches(read_task(self.path / name).task) for name in self.members or [""])

    @cached_property
    def questions(self) -> dict[str, str]:
        """Question id → text."""
        if not self.members:
            return {question.id: question.text for question in read_task(self.path).task.questions}
        return {
            f"{name}/{question.id}": question.text
            for name in self.members
            for question in read_task(self.path / name).task.questions
        }


def load_run(name: str | Path, measures: Sequence[str] = ()) -> LoadedRun:
    """The finished run in a folder, or with an id under ``eval/runs``.

    Parameters
    ----------
    name
        The folder or id.
    measures
        Retrieval measures that are wanted beside those of the task; they are computed from the run's lines.

    Raises
    ------
    UsageError
        There is no such run (the nearest is named), or it kept too few hits for a measure.
    ProductError
        It is not finished, or damaged.
    """
    return _with_measures(_loaded(_folder(name)), measures)


def _with_measures(run: LoadedRun, measures: Sequence[str]) -> LoadedRun:
    bare = {name: name.removeprefix(MEAN_OVER_SETS) if run.members else name for name in measures}
    wanted = [
        name for name in measures if name not in run.scores.measures and declared_retrieval(bare[name]) is not None
    ]
    if not wanted:
        return run
    for name in wanted:
        cutoff = declared(bare[name]).cutoff or 0
        if cutoff > run.manifest.n_hits:
            raise UsageError(
                f"{run.path.name} keeps {run.manifest.n_hits} hits of each question, too few for {name}; "
                f"run it again with --hits {cutoff} and another --out"
            )
    sets = {
        name: score_retrieval(read_task(run.path / name), read_lines(run.path / name), [bare[one] for one in wanted])
        for name in run.members or [""]
    }
    return _with_scores(run, mean_over_sets(sets) if run.members else sets[""])


def _with_scores(run: LoadedRun, more: Scores) -> LoadedRun:
    added = summarise(run.manifest.task, more)
    metrics = replace(
        run.metrics,
        metrics={**run.metrics.metrics, **added.metrics},
        intervals={**run.metrics.intervals, **added.intervals},
        n={**run.metrics.n, **added.n},
    )
    return replace(run, metrics=metrics, scores=replace(run.scores, measures={**run.scores.measures, **more.measures}))


def _with_facts(run: LoadedRun, lines: str) -> LoadedRun:
    """With the measures of the statements that were judged since, what was counted there, and the notes."""
    facts = stored_facts(run.path, lines)
    if not facts.measures:
        return run
    more = _with_scores(run, facts)
    counts, notes = {**run.metrics.counts, **facts.counts}, [*run.metrics.notes, *facts.notes]
    return replace(more, metrics=replace(more.metrics, counts=counts, notes=notes))


def _loaded(path: Path) -> LoadedRun:
    manifest = read_manifest(path)
    members = read_members(path)
    if not members:
        scored = read_scored(path)
        primary = read_task(path).task.primary
        run = LoadedRun(path, manifest, scored.metrics, scored.timings, primary, scored.scores)
        return _with_facts(run, scored.origin.lines)
    scores = mean_over_sets({name: read_scored(path / name).scores for name in members})
    primary = f"mean_{read_task(path / members[0]).task.primary}"
    return LoadedRun(path, manifest, summarise(manifest.task, scores), {}, primary, scores, tuple(members))


def _folder(name: str | Path) -> Path:
    runs = home.home() / "eval" / "runs"
    for path in (Path(name), runs / name):
        if (path / MANIFEST_FILE).is_file():
            return path
    known = [str(path.parent.relative_to(runs)) for path in runs.glob(f"**/{MANIFEST_FILE}")]
    raise UsageError(f"there is no run {str(name)!r}; {nearest(str(name), known)}; runs lie under {runs}")
