"""A claim with the documents that it is judged by, as a question of a task."""

from collections.abc import Mapping, Sequence

from ragqa.evaluate.tasks.evidence import GoldEvidence, Place
from ragqa.evaluate.tasks.task import Task, TaskQuestion, checked
from ragqa.types import Document


def claim_question(
    question_id: str,
    claim: str,
    label: str,
    documents: tuple[Document, ...],
    *,
    subset: str = "",
    evidence: tuple[GoldEvidence, ...] = (),
    sentences: tuple[Place, ...] = (),
) -> TaskQuestion:
    """A claim that is judged by the documents given."""
    return TaskQuestion(
        id=question_id,
        text=" ".join(claim.split()),
        label=label,
        documents=documents,
        subset=subset,
        evidence=evidence,
        sentences=sentences,
        source_ids=tuple(document.id for document in documents),
    )


def claim_task(
    name: str,
    questions: Sequence[TaskQuestion],
    labels: tuple[str, ...],
    split: str,
    setting: str,
    *,
    origin: str,
    counts: Mapping[str, int] | None = None,
    notes: tuple[str, ...] = (),
    scorers: tuple[str, ...] = ("labels", "calibration", "rationale"),
) -> Task:
    """A task that labels claims given their evidence; raises :class:`SourceError` where ids occur twice."""
    told = {f"n_{label.replace(' ', '_')}": sum(q.label == label for q in questions) for label in labels}
    task = Task(
        name=name,
        split=split,
        setting=setting,
        questions=tuple(questions),
        scorers=scorers,
        primary="macro_f1",
        asserts=True,
        labels=labels,
        counts={"n_questions": len(questions), **told, **(counts or {})},
        notes=notes,
    )
    return checked(task, origin)
