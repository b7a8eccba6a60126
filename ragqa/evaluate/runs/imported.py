"""What another system made, as a run: TREC runs, BioASQ and BioGen submissions, predictions, runs of searching agents.

The folder that is made has the task's gold, a line for each of its questions and the figures, so that comparison, tests
and reports take it beside runs made here.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np

from ragqa import home
from ragqa.errors import UsageError
from ragqa.evaluate.measures.bioasq.question import BioasqQuestion, document_id
from ragqa.evaluate.measures.choices import parse_choice
from ragqa.evaluate.measures.grounding import SentenceCitations
from ragqa.evaluate.measures.labels import PUBMEDQA_LABELS
from ragqa.evaluate.runs.agent_runs import lines_of_agent
from ragqa.evaluate.runs.folder import MANIFEST_FILE, RunFolder, RunManifest, read_manifest
from ragqa.evaluate.runs.lines import QuestionLine, RunHits
from ragqa.evaluate.runs.prepare import slug
from ragqa.evaluate.runs.request import Request, described
from ragqa.evaluate.runs.run import Result
from ragqa.evaluate.runs.scored import read_scored, score_folder
from ragqa.evaluate.runs.task import RunTask, write_task
from ragqa.evaluate.stats.intervals import SEED
from ragqa.evaluate.tasks.evidence import CONTRADICTS, SUPPORTS
from ragqa.evaluate.tasks.formats.bioasq import read_bioasq
from ragqa.evaluate.tasks.formats.biogen import by_sentence, read_answers
from ragqa.evaluate.tasks.formats.browsecomp import read_agent_runs
from ragqa.evaluate.tasks.formats.predictions import read_mirage, read_pubmedqa
from ragqa.evaluate.tasks.formats.read import listed
from ragqa.evaluate.tasks.formats.trec import read_run
from ragqa.evaluate.tasks.mirage import SEPARATOR
from ragqa.evaluate.tasks.outcomes import DocumentLabel, LabelOutcome
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.scorers import RETRIEVAL
from ragqa.evaluate.tasks.task import Task, TaskQuestion, as_question, question_set_hash
from ragqa.manifest import content_hash, here_and_now
from ragqa.types import Answer, ExactAnswer, VerdictLabel

Format = Literal["trec", "bioasq", "biogen", "browsecomp-plus", "pubmedqa", "mirage"]
_BY_TASK: Mapping[str, Format] = {
    "bioasq": "bioasq",
    "biogen": "biogen",
    "browsecomp-plus": "browsecomp-plus",
    "mirage": "mirage",
    "pubmedqa": "pubmedqa",
    "sample": "bioasq",
}


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a file says: a line for each question of the task that it has, and what had to be left out, as sentences."""

    lines: Mapping[str, QuestionLine]
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def import_run(path: Path, request: Request, label: str = "", form: Format | None = None) -> Result:
    """Make a run folder of another system's file.

    Parameters
    ----------
    path
        The file; for MIRAGE the folder with the sets' folders, for BrowseComp-Plus that with the run's files.
    request
        The task and its data. ``out``: the run's folder; None: ``eval/runs/ID``. ``n_hits``: the depth to which the
        lists were made.
    label
        What tables call the system; "" for the file's name.
    form
        The file's form; None: that of the task.

    Returns
    -------
    Result
        The run. The same file imported again is the same run.

    Raises
    ------
    SourceError
        The file is missing, damaged, of another form, or has something twice.
    UsageError
        The task has no such form, the file has none of its questions, or the folder holds something else.
    """
    tasks = load_tasks(request.task, request.data, request.split, request.setting)
    if len(tasks) > 1:
        names = ", ".join(task.split for task in tasks)
        raise UsageError(f"{request.task} has {len(tasks)} sets; import a run of each with --split: {names}")
    task = tasks[0]
    if request.limit:
        task = replace(task, questions=task.questions[: request.limit])
    form = form or _form_of(task)
    found = _READERS[form](path, task)
    if not found.lines:
        theirs = f", but {listed(list(found.unknown))}" if found.unknown else ""
        raise UsageError(
            f"{path} has none of the {len(task.questions)} questions of {task.name} (such as "
            f"{task.questions[0].id!r}){theirs}; check that file, split and data belong together"
        )
    label = label or path.stem
    out = request.out or home.home() / "eval" / "runs" / _folder_name(task, request, label)
    manifest = replace(_manifest(task, request, found), id=out.name, system=label)
    if (out / MANIFEST_FILE).exists():
        return _there_already(out, manifest)
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} holds something else than a run; give an empty or new folder with --out")
    return _written(out, task, manifest, found)


def _form_of(task: Task) -> Format:
    if task.name in _BY_TASK:
        return _BY_TASK[task.name]
    if RETRIEVAL in task.scorers:
        return "trec"
    raise UsageError(
        f"the runs of {task.name!r} have no form that can be imported; tasks with relevance judgements (TREC runs), "
        f"{', '.join(_BY_TASK)} have"
    )


def _folder_name(task: Task, request: Request, label: str) -> str:
    data = request.data.absolute().name.removesuffix(".json") if request.data else ""
    limit = f"first{request.limit}" if request.limit else ""
    return "-".join(
        slug(part) for part in (task.name, data, task.split, task.setting, limit, "imported", label) if part
    )


def _manifest(task: Task, request: Request, found: Foreign) -> RunManifest:
    deepest = max(len(line.hits.document_ids) for line in found.lines.values())
    imported = content_hash([found.lines[question_id] for question_id in sorted(found.lines)])
    return RunManifest(
        id="",
        system="",
        task=described(request, task),
        recipe={},
        inputs={"questions": question_set_hash(task), "imported": imported},
        n_questions=len(task.questions),
        n_hits=max(deepest, request.n_hits),
        batch=1,
        scoring={"entailment": request.entailment},
        seeds={"bootstrap": SEED},
        **here_and_now(),
    )


def _there_already(out: Path, manifest: RunManifest) -> Result:
    before = read_manifest(out)
    if (before.inputs, before.system, before.n_hits) != (manifest.inputs, manifest.system, manifest.n_hits):
        raise UsageError(
            f"{out} holds another run ({before.system}); give another --label or --out, or delete that folder"
        )
    scored = read_scored(out)
    return Result(out, before, scored.metrics, scored.timings, before.n_questions)


def _written(out: Path, task: Task, manifest: RunManifest, found: Foreign) -> Result:
    """The run, under its name only once it is whole."""
    n_missing = sum(question.id not in found.lines for question in task.questions)
    notes = [*found.notes]
    if n_missing:
        notes.append(f"{n_missing} questions are missing from the imported file and count as wrong")
    if found.unknown:
        notes.append(f"{len(found.unknown)} questions of the imported file are not in the task and are left out")
    building = out.with_name(f"{out.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    try:
        with RunFolder.open(building, manifest) as folder:
            write_task(building, RunTask(replace(task, corpus=None, notes=(*task.notes, *notes))))
            for question in task.questions:
                folder.append(found.lines.get(question.id) or QuestionLine(question.id, question.text))
        scored = score_folder(building)
        if out.exists():
            out.rmdir()
        building.rename(out)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    return Result(out, manifest, scored.metrics, scored.timings, 0)


def _trec(path: Path, task: Task) -> Foreign:
    lists = read_run(path)
    lines = {}
    for question in task.questions:
        if question.id not in lists:
            continue
        # As trec_eval orders: by the score in single precision, then by the id, both from the greatest down.
        ordered = sorted(lists[question.id].items(), key=lambda hit: (np.float32(hit[1]), hit[0]), reverse=True)
        hits = RunHits([document for document, _ in ordered], [score for _, score in ordered])
        lines[question.id] = QuestionLine(question.id, question.text, query=question.text, hits=hits)
    judged = {d for question in task.questions if question.id in lines for d in question.relevant}
    notes = []
    if judged and not any(judged.intersection(line.hits.document_ids) for line in lines.values()):
        notes.append("no list has a single judged document: are the run's document ids those of the corpus?")
    return Foreign(lines, _unknown(lists, task), tuple(notes))


def _bioasq(path: Path, task: Task) -> Foreign:
    submission = read_bioasq(path, submission=True)
    there = [question for question in task.questions if question.id in submission]
    synonyms = [
        question.id
        for question in there
        if isinstance(submission[question.id].exact_answer, tuple)
        and any(len(entry) > 1 for entry in submission[question.id].exact_answer or ())
    ]
    notes = []
    if synonyms:
        notes.append(f"{len(synonyms)} questions have synonyms in an entry ({listed(synonyms)}): only the first counts")
    lines = {question.id: _bioasq_line(question, submission[question.id]) for question in there}
    return Foreign(lines, _unknown(submission, task), tuple(notes))


def _bioasq_line(question: TaskQuestion, given: BioasqQuestion) -> QuestionLine:
    documents = list(dict.fromkeys(map(document_id, given.documents)))
    hits = RunHits(documents, [1.0 / rank for rank in range(1, len(documents) + 1)])
    exact = given.exact_answer
    entries = () if exact is None or isinstance(exact, str) else exact
    verdict = cast("VerdictLabel", exact) if exact in ("yes", "no") else None
    text = given.ideal_answers[0] if given.ideal_answers else ""
    answer = None
    if exact is not None or text:
        answer = Answer(
            question=as_question(question),
            text=text,
            verdict=verdict,
            exact_answers=tuple(ExactAnswer(entry[0], 0.0, tuple(entry[1:])) for entry in entries if entry),
        )
    return QuestionLine(
        question.id, question.text, query=question.text, hits=hits, answer=answer, snippets=list(given.snippets)
    )


def _biogen(path: Path, task: Task) -> Foreign:
    """A submission of task A; its sentences are known by their answer and their number in it."""
    if task.setting != "A":
        raise UsageError("only submissions of BioGen's task A can be imported; leave --setting out, or give A")
    given = by_sentence(read_answers(path))
    lines = {
        question.id: QuestionLine(question.id, question.text, labelled=_grounded(given[question.id]))
        for question in task.questions
        if question.id in given
    }
    return Foreign(lines, _unknown(given, task))


def _grounded(cited: SentenceCitations) -> LabelOutcome:
    by_document = {article: DocumentLabel(CONTRADICTS) for article in cited.contradicting}
    by_document |= {article: DocumentLabel(SUPPORTS) for article in cited.supporting}
    return LabelOutcome(by_document=by_document)


def _pubmedqa(path: Path, task: Task) -> Foreign:
    predictions = read_pubmedqa(path)
    there = [question for question in task.questions if question.id in predictions]
    wrong = [question.id for question in there if predictions[question.id] not in PUBMEDQA_LABELS]
    lines = {
        question.id: _answered(
            question,
            verdict=cast("VerdictLabel", label) if (label := predictions[question.id]) in PUBMEDQA_LABELS else None,
        )
        for question in there
    }
    notes = (
        (f"{len(wrong)} labels are none of yes, no and maybe and count as wrong ({listed(wrong)})",) if wrong else ()
    )
    return Foreign(lines, _unknown(predictions, task), notes)


def _mirage(path: Path, task: Task) -> Foreign:
    own_ids: dict[str, dict[str, TaskQuestion]] = {}
    for question in task.questions:
        own_ids.setdefault(question.subset, {})[question.id.removeprefix(f"{question.subset}{SEPARATOR}")] = question
    generated = read_mirage(path, {name: list(ids) for name, ids in own_ids.items()})
    lines = {}
    for name, texts in generated.items():
        for own_id, text in texts.items():
            question = own_ids[name][own_id]
            lines[question.id] = replace(_answered(question, text=text), choice=parse_choice(text))
    return Foreign(lines)


def _browsecomp(path: Path, task: Task) -> Foreign:
    runs = read_agent_runs(path)
    lines, notes = lines_of_agent(runs, task)
    return Foreign(lines, _unknown(runs, task), tuple(notes))


def _answered(question: TaskQuestion, text: str = "", verdict: VerdictLabel | None = None) -> QuestionLine:
    return QuestionLine(question.id, question.text, answer=Answer(as_question(question), text=text, verdict=verdict))


def _unknown(given: Mapping[str, object], task: Task) -> tuple[str, ...]:
    ids = {question.id for question in task.questions}
    return tuple(question_id for question_id in given if question_id not in ids)


_READERS: Mapping[Format, Callable[[Path, Task], Foreign]] = {
    "trec": _trec,
    "bioasq": _bioasq,
    "biogen": _biogen,
    "browsecomp-plus": _browsecomp,
    "pubmedqa": _pubmedqa,
    "mirage": _mirage,
}
