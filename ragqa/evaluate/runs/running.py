"""The score that a run shows while it is under way: a quick stand-in for the task's primary measure."""

from collections.abc import Callable
from dataclasses import dataclass

from ragqa.evaluate.measures.retrieval import declared_retrieval
from ragqa.evaluate.runs.lines import QuestionLine
from ragqa.evaluate.tasks.task import Task

_DEPTH = 10


@dataclass(frozen=True, slots=True)
class RunningScore:
    """A measure that each finished question has a value of its own for.

    Attributes
    ----------
    name
        ``accuracy`` or ``MRR@10``.
    value
        The value of a question, or None where it has none.
    """

    name: str
    value: Callable[[QuestionLine], float | None]


def running_score(task: Task) -> RunningScore | None:
    """Accuracy for a task with labels, MRR@10 where the primary measure is one of ranked lists; else None."""
    labels = {question.id: question.label for question in task.questions if question.label}
    relevant = {question.id: question.relevant for question in task.questions if question.relevant}

    def is_right(line: QuestionLine) -> float | None:
        if line.id not in labels or (line.labelled or line.answer or line.choice or line.error or None) is None:
            return None
        if line.labelled is not None:
            return float(line.labelled.label == labels[line.id])
        given = line.choice or (line.answer.verdict if line.answer else None)
        return float(given == labels[line.id])

    def reciprocal_rank(line: QuestionLine) -> float | None:
        if line.id not in relevant:
            return None
        for rank, document_id in enumerate(line.hits.document_ids[:_DEPTH], start=1):
            if relevant[line.id].get(document_id, 0) > 0:
                return 1.0 / rank
        return 0.0

    if relevant and (not labels or declared_retrieval(task.primary) is not None):
        return RunningScore(f"MRR@{_DEPTH}", reciprocal_rank)
    return RunningScore("accuracy", is_right) if labels else None
