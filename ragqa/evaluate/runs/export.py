"""Runs in the forms that other people's programs read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ragqa.errors import UsageError
from ragqa.evaluate.runs.agent_runs import agent_runs_of
from ragqa.evaluate.runs.folder import read_members
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.prepare import slug
from ragqa.evaluate.runs.scored import read_scored
from ragqa.evaluate.runs.scoring import outcomes_of
from ragqa.evaluate.runs.task import read_task
from ragqa.evaluate.tasks.biogen import cited_sentences, grounded_answers
from ragqa.evaluate.tasks.formats.bioasq import write_submission
from ragqa.evaluate.tasks.formats.biogen import write_cited, write_grounded
from ragqa.evaluate.tasks.formats.browsecomp import write_agent_runs
from ragqa.evaluate.tasks.formats.predictions import write_mirage, write_pubmedqa
from ragqa.evaluate.tasks.formats.trec import write_run
from ragqa.evaluate.tasks.mirage import SEPARATOR
from ragqa.evaluate.tasks.outcomes import Outcomes, submission_of, verdicts
from ragqa.evaluate.tasks.task import Task, bioasq_gold, gold_labels

Format = Literal["trec", "bioasq", "biogen", "browsecomp-plus", "pubmedqa", "mirage"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and what had to be changed for the format, as sentences."""

    path: Path
    notes: tuple[str, ...]


def export_run(run: Path, format_name: Format, out: Path | None = None) -> Exported:
    """Write a run for another program.

    Parameters
    ----------
    run
        The run's folder.
    format_name
        ``trec``: a run file. ``bioasq``, ``biogen``: a submission. ``pubmedqa``: PMID → label.
        ``mirage``, ``browsecomp-plus``: one file a question.
    out
        The file (for ``mirage`` and ``browsecomp-plus``: the folder); None: beside the run's other files.

    Raises
    ------
    UsageError
        The run's task has nothing for that format.
    ProductError
        The run is not finished, or its files are damaged or are not those that it was scored from.
    """
    if members := read_members(run):
        raise UsageError(f"{run} holds the runs of several sets; export them one by one: {', '.join(members)}")
    read_scored(run)  # refuses a run that is not whole
    task, outcomes = read_task(run).task, outcomes_of(read_lines(run))
    target = out or run / _NAMES[format_name]
    target.parent.mkdir(parents=True, exist_ok=True)
    return Exported(target, _WRITERS[format_name](run, task, outcomes, target))


def _trec(run: Path, task: Task, outcomes: Outcomes, target: Path) -> tuple[str, ...]:
    if not any(question.relevant for question in task.questions):
        raise UsageError(f"the task {task.name!r} has no relevance judgements; a TREC run would score nothing")
    lists = {
        line.id: [
            (document, score)
            for document, score in zip(line.hits.document_ids, line.hits.scores, strict=True)
            if not (task.drop_query_id and document == line.id)
        ]
        for line in read_lines(run)
        if not line.error
    }
    n_lowered = write_run(target, lists, tag=slug(run.name))
    notes = (
        [f"{n_lowered} tied scores were lowered by one step, so that trec_eval keeps their order"] if n_lowered else []
    )
    empty = sum(not hits for hits in lists.values()) + len(outcomes.errors)
    if empty:
        notes.append(
            f"{empty} of {len(task.questions)} questions have no hits, which the format cannot say: score with the "
            "qrels' questions as denominator (trec_eval -c)"
        )
    return tuple(notes)


def _bioasq(run: Path, task: Task, outcomes: Outcomes, target: Path) -> tuple[str, ...]:  # noqa: ARG001
    if task.name not in ("bioasq", "sample"):
        raise UsageError(f"a run of {task.name!r} is no BioASQ submission; allowed are runs of bioasq")
    answers = submission_of(task, outcomes)
    cut = write_submission(target, bioasq_gold(task), answers, "A" if task.setting == "A" else "B")
    told = {
        "padded with empty lists": cut.n_padded,
        "cut at 10 documents": cut.n_documents_cut,
        "cut at 10 snippets": cut.n_snippets_cut,
        "cut at 5 factoid answers": cut.n_factoids_cut,
        "cut at 200 words": cut.n_ideal_cut,
        "without exact answer": cut.n_without_exact,
    }
    return tuple(f"{n} questions {what}" for what, n in told.items() if n)


def _biogen(run: Path, task: Task, outcomes: Outcomes, target: Path) -> tuple[str, ...]:
    if task.name != "biogen":
        raise UsageError(f"a run of {task.name!r} is no submission to BioGen; allowed are runs of biogen")
    if task.setting == "A":
        n_cut = write_grounded(target, grounded_answers(task, outcomes), slug(run.name))
        return (f"{n_cut} citations beyond three a sentence are left out",) if n_cut else ()
    answers = {question.id: cited_sentences(question, outcomes) for question in task.questions}
    n_cut = write_cited(target, answers, slug(run.name))
    notes = [f"{n_cut} answers are cut at 250 words"] if n_cut else []
    if empty := sum(not sentences for sentences in answers.values()):
        notes.append(f"{empty} topics have no answer")
    return tuple(notes)


def _browsecomp(run: Path, task: Task, outcomes: Outcomes, target: Path) -> tuple[str, ...]:
    if not outcomes.searches:
        raise UsageError(
            f"the run of {task.name!r} has no record of its searches; allowed are runs of browsecomp-plus, and runs of "
            "other tasks with answer.reader=iterative"
        )
    runs = agent_runs_of(task, outcomes)
    write_agent_runs(target, runs, slug(run.name))
    silent = sum(not one.response for one in runs)
    return (f"{silent} questions have no answer",) if silent else ()


def _pubmedqa(run: Path, task: Task, outcomes: Outcomes, target: Path) -> tuple[str, ...]:  # noqa: ARG001
    if task.name != "pubmedqa":
        raise UsageError(f"a run of {task.name!r} has no predictions for PubMedQA; allowed are runs of pubmedqa")
    n_filled = write_pubmedqa(target, list(gold_labels(task)), verdicts(task, outcomes))
    return (f"{n_filled} questions without a verdict are written as 'maybe'",) if n_filled else ()


def _mirage(run: Path, task: Task, outcomes: Outcomes, target: Path) -> tuple[str, ...]:  # noqa: ARG001
    if task.name != "mirage":
        raise UsageError(f"a run of {task.name!r} has no predictions for MIRAGE; allowed are runs of mirage")
    sets: dict[str, list[str]] = {}
    answers: dict[str, dict[str, str | None]] = {}
    for question in task.questions:
        own_id = question.id.removeprefix(f"{question.subset}{SEPARATOR}")
        sets.setdefault(question.subset, []).append(own_id)
        answers.setdefault(question.subset, {})[own_id] = outcomes.choices.get(question.id)
    n_empty = write_mirage(target, sets, answers)
    return (f"{n_empty} questions without an answer are written as empty texts",) if n_empty else ()


_Writer = Callable[[Path, Task, Outcomes, Path], tuple[str, ...]]
_WRITERS: dict[Format, _Writer] = {
    "trec": _trec,
    "bioasq": _bioasq,
    "biogen": _biogen,
    "browsecomp-plus": _browsecomp,
    "pubmedqa": _pubmedqa,
    "mirage": _mirage,
}
_NAMES: dict[Format, str] = {
    "trec": "run.trec",
    "bioasq": "submission.json",
    "biogen": "submission.jsonl",
    "browsecomp-plus": "browsecomp-plus",
    "pubmedqa": "predictions.json",
    "mirage": "mirage",
}
