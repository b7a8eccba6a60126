"""``ragqa eval run``: a task, an index or a recipe → a run folder with lines and figures."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ragqa import home, products, recipe
from ragqa.errors import UsageError
from ragqa.evaluate.measures.entailment import DEFAULT, entailment_model
from ragqa.evaluate.measures.measure import mean_over_sets
from ragqa.evaluate.runs import prepare
from ragqa.evaluate.runs.figures import Metrics, StageTiming, summarise
from ragqa.evaluate.runs.folder import METRICS_FILE, RunFolder, RunManifest, refuse_changed, write_members
from ragqa.evaluate.runs.labelling import baseline
from ragqa.evaluate.runs.loop import RunProgress, work_through
from ragqa.evaluate.runs.prepare import WantedIndex
from ragqa.evaluate.runs.running import running_score
from ragqa.evaluate.runs.scored import read_scored, score_folder
from ragqa.evaluate.runs.stages import Savings, Stages
from ragqa.evaluate.runs.task import N_HITS, TASK_FILE, run_task, searches, work_of, write_task
from ragqa.evaluate.stats.intervals import SEED
from ragqa.evaluate.tasks.perturbed import perturbed
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.rewritten import SUFFIX, name_of, rewritten
from ragqa.evaluate.tasks.scorers import needs_reader
from ragqa.evaluate.tasks.task import Task, question_set_hash
from ragqa.manifest import content_hash, here_and_now, write_json
from ragqa.ray.gather import Spread
from ragqa.ray.search import on_cluster
from ragqa.recipe import AnswerSettings, Recipe, to_table
from ragqa.types import Progress

_log = logging.getLogger(__name__)
BATCH = 256
_SAMPLE = "sample"


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


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run: its folder, figures and timings, and how many questions were there before."""

    path: Path
    manifest: RunManifest
    metrics: Metrics
    timings: Mapping[str, StageTiming]
    n_before: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A task with the index that it is run on, and what identifies the run."""

    task: Task
    wanted: WantedIndex
    described: dict[str, Any]
    system: str


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
    _check(request)
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


def make_ready(request: Request, task: Task, progress: Progress | None = None) -> Ready:
    """Import the task's corpus where needed, and name the index that it is run on."""
    overrides = (*request.overrides, *_needed(request, task))
    wanted = _wanted(request, task, overrides, progress)
    if request.baseline:
        baseline(request.baseline, task)
        return ready(request, task, wanted, f"{request.baseline} (baseline)")
    return ready(request, task, wanted, " ".join([request.index or wanted.recipe_name, *request.overrides]))


def _needed(request: Request, task: Task) -> list[str]:
    """What measuring needs of the reader, where the request does not say."""
    needed = []
    if not searches(task):  # the documents are given: whether they deal with the question is not in question
        needed.append("answer.abstain_below")
    if any(question.label for question in task.questions):  # what is withheld would count as a wrong label
        needed.append("answer.verdict_above")
    return [f"{name}=0.0" for name in needed if not any(text.startswith(name) for text in request.overrides)]


def ready(request: Request, task: Task, wanted: WantedIndex, system: str) -> Ready:
    """The task, cut to the limit that was asked for, with the index that it is run on."""
    if request.limit:
        task = replace(task, questions=task.questions[: request.limit])
    return Ready(task, wanted, described(request, task), system)


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


def begun(ready: Ready, run_name: str, request: Request) -> RunManifest:
    """The manifest of a run before it begins; the hash of the index's files is added once it is built."""
    settings = ready.wanted.recipe
    return RunManifest(
        id=run_name,
        system=ready.system,
        task=ready.described,
        recipe=to_table(settings),
        inputs={
            "questions": question_set_hash(ready.task),
            "corpus": ready.wanted.corpus,
            "corpus_state": ready.wanted.corpus_state,
            "index_name": ready.wanted.name,
        },
        n_questions=len(ready.task.questions),
        n_hits=request.n_hits,
        batch=request.batch,
        scoring={"entailment": request.entailment},
        prompts=_prompts(settings.answer) if needs_reader(ready.task) else {},
        seeds={"bootstrap": SEED, "generator": settings.answer.chat.seed},
        **here_and_now(),
    )


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
    pipeline = request.index or Path(request.recipe or _default_recipe(task)).stem
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


def _check(request: Request) -> None:
    if request.index and (request.recipe or request.corpus):
        raise UsageError("give --index (a built index), or --recipe and --corpus to make one; not both")
    for name, value in (("--batch", request.batch), ("--hits", request.n_hits), ("--limit", request.limit)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; it must be at least 1")
    entailment_model(request.entailment)


def described(request: Request, task: Task) -> dict[str, Any]:
    """What the manifest says of the task: its name, data, split, setting and limit."""
    data = request.data.absolute().name if request.data else ""
    told: dict[str, Any] = {"name": task.name, "data": data, "split": task.split, "setting": task.setting}
    if request.limit:
        told["limit"] = request.limit
    if request.perturb:
        told["perturbation"] = name_of(Path(request.perturb)) if request.perturb.endswith(SUFFIX) else request.perturb
    return told


def _wanted(request: Request, task: Task, overrides: Sequence[str], progress: Progress | None) -> WantedIndex:
    if request.index:
        if request.index == _SAMPLE and not products.is_built("indexes", _SAMPLE):
            products.build_index(_SAMPLE, progress=progress)
        return prepare.built_index(request.index, overrides)
    name = request.recipe or _default_recipe(task)
    return prepare.wanted_index(corpus_of(request, task, name, progress), name, overrides)


def corpus_of(request: Request, task: Task, recipe_name: str, progress: Progress | None = None) -> str:
    """The corpus that the task is run on, imported or built where it is not there yet.

    Raises
    ------
    UsageError
        Neither the request, nor the task, nor the recipe names one.
    """
    if request.corpus:
        products.product_folder("corpora", request.corpus)
        return request.corpus
    if task.corpus is not None:
        label = f"{task.name}-{task.corpus.path.absolute().name}"
        return prepare.prepare_corpus(label, task.corpus, progress)
    corpus = recipe.load(home.recipe_path("indexes", recipe_name), Recipe).corpus
    if not corpus and (task.name == _SAMPLE or not searches(task)):
        corpus = _SAMPLE  # where nothing is searched, the index only lends its sentence encoder to the reader
    if not corpus:
        raise UsageError(
            f"the task {task.name!r} brings no corpus; name one with --corpus, or a built index with --index, made by: "
            "ragqa corpus import NAME PATH --format pubmed-xml && ragqa index build NAME"
        )
    if not products.is_built("corpora", corpus):
        products.build_corpus(corpus, progress=progress)
    return corpus


def _default_recipe(task: Task) -> str:
    return _SAMPLE if task.name == _SAMPLE or (task.corpus is None and not searches(task)) else prepare.DEFAULT_RECIPE


def _prompts(settings: AnswerSettings) -> dict[str, str]:
    own = settings.iterative
    names = {settings.reader, *((own.reader, own.queries) if settings.reader == "iterative" else ())}
    if not names & {"chat", "generator"}:
        return {}
    from ragqa.llm.prompt import Prompts

    return dict(Prompts("ragqa.answer", settings.chat.prompts).hashes())
