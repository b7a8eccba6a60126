"""``ragqa eval run``: a task, an index or a recipe → a run folder with lines and figures."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ragqa import home
from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import mean_over_sets
from ragqa.evaluate.runs import prepare
from ragqa.evaluate.runs.figures import Metrics, StageTiming, summarise
from ragqa.evaluate.runs.folder import METRICS_FILE, RunFolder, RunManifest, refuse_changed, write_members
from ragqa.evaluate.runs.labelling import baseline
from ragqa.evaluate.runs.loop import RunProgress, work_through
from ragqa.evaluate.runs.prepare import WantedIndex
from ragqa.evaluate.runs.ready import Ready, begun, make_ready
from ragqa.evaluate.runs.request import Request, check_request, run_id, tasks_of
from ragqa.evaluate.runs.running import running_score
from ragqa.evaluate.runs.scored import read_scored, score_folder
from ragqa.evaluate.runs.sharing import Savings
from ragqa.evaluate.runs.stages import Stages
from ragqa.evaluate.runs.task import TASK_FILE, run_task, work_of, write_task
from ragqa.manifest import write_json
from ragqa.ray.gather import Spread
from ragqa.ray.search import on_cluster
from ragqa.types import Progress

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run: its folder, figures and timings, and how many questions were there before."""

    path: Path
    manifest: RunManifest
    metrics: Metrics
    timings: Mapping[str, StageTiming]
    n_before: int


def run(request: Request, progress: Progress | None = None, on_question: RunProgress | None = None) -> list[Result]:
    """Run a task, or go on with it, and score it.

    Returns
    -------
    list of Result
        One. For R2MED one for each set in a folder of its own, then that of the folder around them, the mean.

    Raises
    ------
    UsageError
        A wrong task, setting, recipe, index or number, or the folder holds a run of something else.
    """
    check_request(request)
    tasks = tasks_of(request)
    path = request.out or home.home() / "eval" / "runs" / run_id(request, tasks)
    if len(tasks) == 1:
        return [run_ready(make_ready(request, tasks[0], progress), path, request, progress, on_question)]
    if request.index:
        raise UsageError(f"{request.task} has {len(tasks)} sets with a corpus each; give --recipe, not --index")
    results = []
    for task in tasks:
        ready = make_ready(request, task, progress)
        results.append(run_ready(ready, path / prepare.slug(task.split), request, progress, on_question))
    return [*results, finish_sets(path, results)]


def run_ready(
    ready: Ready,
    path: Path,
    request: Request,
    progress: Progress | None = None,
    on_question: RunProgress | None = None,
) -> Result:
    """Do what is left of one run, and score it."""
    return run_together([(ready, path)], request, progress, on_question)[0][0]


def run_together(
    runs: Sequence[tuple[Ready, Path]],
    request: Request,
    progress: Progress | None = None,
    on_question: RunProgress | None = None,
    *,
    share: bool = True,
) -> tuple[list[Result], Savings]:
    """Do what is left of runs of one task on one corpus, batch by batch in turn, and score them.

    Parameters
    ----------
    runs
        Each with its folder.
    share
        Whether stages that runs agree in are computed once; otherwise each run computes all of its own.

    Raises
    ------
    UsageError
        A folder holds a run of something else.
    """
    manifests = [_begun(ready, path, request) for ready, path in runs]
    hashes = {wanted.name: prepare.ensure_index(wanted, progress) for wanted in _distinct(runs)}
    savings = Savings()
    with ExitStack() as stack:
        folders = []
        for (ready, path), manifest in zip(runs, manifests, strict=True):
            whole = replace(manifest, inputs={**manifest.inputs, "index": hashes[ready.wanted.name]})
            folders.append(stack.enter_context(RunFolder.open(path, whole, retry_failed=request.retry_failed)))
        n_before = [len(folder.done) for folder in folders]
        left = [place for place, folder in enumerate(folders) if _is_left(folder)]
        if left:
            savings = _work([runs[place][0] for place in left], [folders[place] for place in left], request,
                            on_question, share=share)  # fmt: skip
        return [finish(folder, n) for folder, n in zip(folders, n_before, strict=True)], savings


def _begun(ready: Ready, path: Path, request: Request) -> RunManifest:
    manifest = begun(ready, path.name, request)
    if request.baseline:
        manifest = replace(manifest, inputs={**manifest.inputs, "baseline": request.baseline})
    refuse_changed(path, manifest)
    return manifest


def _distinct(runs: Sequence[tuple[Ready, Path]]) -> list[WantedIndex]:
    return list({ready.wanted.name: ready.wanted for ready, _ in runs}.values())


def _is_left(folder: RunFolder) -> bool:
    if n_before := len(folder.done):
        _log.info("%s: %d of %d questions are finished and kept", folder.path, n_before, folder.manifest.n_questions)
    return n_before < folder.manifest.n_questions or not (folder.path / TASK_FILE).exists()


def _work(
    ready: Sequence[Ready],
    folders: Sequence[RunFolder],
    request: Request,
    on_question: RunProgress | None,
    *,
    share: bool,
) -> Savings:
    task = ready[0].task
    pipelines = [(one.wanted.name, one.wanted.recipe) for one in ready]
    with (
        on_cluster(request.ray_address, Spread(budget_s=600.0)) as opener,
        Stages.open(ready[0].wanted.corpus, pipelines, share=share, opener=opener) as stages,
    ):
        kept = run_task(task, stages.store)
        for folder in folders:
            write_task(folder.path, kept)
        labeller = baseline(request.baseline, task) if request.baseline else None
        work = work_of(task, request.batch, request.n_hits, labeller)
        work_through(work, stages, folders, on_question, running_score(task))
        return stages.savings


def finish(folder: RunFolder, n_before: int) -> Result:
    """Score the lines of a complete run and write the figures."""
    scored = score_folder(folder.path)
    return Result(folder.path, folder.manifest, scored.metrics, scored.timings, n_before)


def finish_sets(path: Path, results: Sequence[Result]) -> Result:
    """Write the figures of several sets: the unweighted mean of each measure."""
    members = [result.path.name for result in results]
    scores = mean_over_sets({name: read_scored(path / name).scores for name in members})
    first = results[0].manifest
    described = {**first.task, "split": "", "sets": members}
    manifest = replace(first, id=path.name, task=described, n_questions=sum(r.manifest.n_questions for r in results))
    write_members(path, members, manifest)
    metrics = summarise(described, scores)
    write_json(path / METRICS_FILE, metrics)
    return Result(path, manifest, metrics, {}, sum(result.n_before for result in results))
