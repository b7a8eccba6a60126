"""What a run needs before its first question: its corpus, its index, and its manifest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ragqa import home, products, recipe
from ragqa.errors import UsageError
from ragqa.evaluate.runs import prepare
from ragqa.evaluate.runs.folder import RunManifest
from ragqa.evaluate.runs.labelling import baseline
from ragqa.evaluate.runs.prepare import WantedIndex
from ragqa.evaluate.runs.request import SAMPLE, Request, default_recipe, described
from ragqa.evaluate.runs.task import searches
from ragqa.evaluate.stats.intervals import SEED
from ragqa.evaluate.tasks.scorers import needs_reader
from ragqa.evaluate.tasks.task import Task, question_set_hash
from ragqa.manifest import here_and_now
from ragqa.recipe import AnswerSettings, Recipe, to_table
from ragqa.types import Progress


@dataclass(frozen=True, slots=True)
class Ready:
    """A task with the index that it is run on, and what identifies the run."""

    task: Task
    wanted: WantedIndex
    described: dict[str, Any]
    system: str


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
        needed += ["answer.verdict_above", "answer.verdict_coverage"]
    return [f"{name}=0.0" for name in needed if not any(text.startswith(name) for text in request.overrides)]


def ready(request: Request, task: Task, wanted: WantedIndex, system: str) -> Ready:
    """The task, cut to the limit that was asked for, with the index that it is run on."""
    if request.limit:
        task = replace(task, questions=task.questions[: request.limit])
    return Ready(task, wanted, described(request, task), system)


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


def _wanted(request: Request, task: Task, overrides: Sequence[str], progress: Progress | None) -> WantedIndex:
    if request.index:
        if request.index == SAMPLE and not products.is_built("indexes", SAMPLE):
            products.build_index(SAMPLE, progress=progress)
        return prepare.built_index(request.index, overrides)
    name = request.recipe or default_recipe(task)
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
    if not corpus and (task.name == SAMPLE or not searches(task)):
        corpus = SAMPLE  # where nothing is searched, the index only lends its sentence encoder to the reader
    if not corpus:
        raise UsageError(
            f"the task {task.name!r} brings no corpus; name one with --corpus, or a built index with --index, made by: "
            "ragqa corpus import NAME PATH --format pubmed-xml && ragqa index build NAME"
        )
    if not products.is_built("corpora", corpus):
        products.build_corpus(corpus, progress=progress)
    return corpus


def _prompts(settings: AnswerSettings) -> dict[str, str]:
    own = settings.iterative
    names = {settings.reader, *((own.reader, own.queries) if settings.reader == "iterative" else ())}
    if not names & {"chat", "generator"}:
        return {}
    from ragqa.llm.prompt import Prompts

    return dict(Prompts("ragqa.answer", settings.chat.prompts).hashes())
