"""The questions that come with ragqa's sample corpus: every type, some without an answer in the corpus."""

from pathlib import Path
from typing import Any, cast, get_args

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.bioasq.question import ExactAnswer
from ragqa.evaluate.measures.labels import PUBMEDQA_LABELS
from ragqa.evaluate.tasks.formats.read import read_json_lines, string
from ragqa.evaluate.tasks.task import Task, TaskQuestion, checked
from ragqa.home import shipped
from ragqa.types import QuestionType

_MEASURES = ("nDCG@10", "R@10", "MRR@10")


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read questions in the form of ``corpora/sample/questions.jsonl``, by default that file.

    A line has ``id``, ``text``, ``type``, ``exact_answer`` (a label, or a list of lists of synonyms, or null),
    ``ideal_answer``, ``document_ids`` and ``answerable``.

    Raises
    ------
    UsageError
        A split or setting was given.
    SourceError
        The file is missing or malformed, an id occurs twice, or an answerable question has no gold.
    """
    if split or setting:
        raise UsageError("the task 'sample' has neither splits nor settings; leave --split and --setting out")
    path = data or shipped() / "corpora" / "sample" / "questions.jsonl"
    questions = tuple(_question(row, f"{path}, line {number}") for number, row in read_json_lines(path))
    task = Task(
        name="sample",
        questions=questions,
        scorers=("retrieval", "labels", "bioasq_exact", "rouge", "calibration", "selective", "citations"),
        primary="nDCG@10",
        measures=_MEASURES,
        labels=PUBMEDQA_LABELS,
        counts={
            "n_questions": len(questions),
            "n_unanswerable": sum(not question.answerable for question in questions),
        },
        notes=("the sample is for trying ragqa out; its figures say nothing about other corpora",),
    )
    return (checked(task, str(path)),)


def _question(row: dict[str, Any], where: str) -> TaskQuestion:
    kind, answerable = row.get("type"), row.get("answerable", True)
    if kind not in get_args(QuestionType) or not isinstance(answerable, bool):
        raise SourceError(
            f"{where}: 'type' must be one of {', '.join(get_args(QuestionType))}, 'answerable' true or false"
        )
    documents = row.get("document_ids") or []
    if not isinstance(documents, list) or not all(isinstance(document, str) for document in documents):
        raise SourceError(f"{where}: 'document_ids' must be a list of texts")
    exact = _exact(row.get("exact_answer"), where)
    label = exact if isinstance(exact, str) else ""
    if answerable and not documents:
        raise SourceError(f"{where}: an answerable question must have 'document_ids'")
    if answerable and kind != "summary" and not exact:
        raise SourceError(f"{where}: an answerable {kind} question must have an 'exact_answer'")
    if label and label not in PUBMEDQA_LABELS:
        raise SourceError(f"{where}: {label!r} is not a verdict; allowed are {', '.join(PUBMEDQA_LABELS)}")
    ideal = row.get("ideal_answer")
    return TaskQuestion(
        id=string(row, "id", where),
        text=string(row, "text", where),
        type=cast("QuestionType", kind),
        relevant=dict.fromkeys(documents, 1),
        label=label,
        exact_answer=None if isinstance(exact, str) else exact,
        ideal_answers=(ideal,) if isinstance(ideal, str) and ideal else (),
        answerable=answerable,
    )


def _exact(value: Any, where: str) -> ExactAnswer | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, list) and all(
        isinstance(entry, list) and all(isinstance(name, str) for name in entry) for entry in value
    ):
        return tuple(tuple(entry) for entry in value)
    raise SourceError(f"{where}: 'exact_answer' must be a label, a list of lists of texts, or null")
