"""Questions that were held back from training, with the documents that answer them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from texts import held_back

from ragqa.evaluate.runs.task import given_documents
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.task import TaskQuestion
from ragqa.types import Document, Question, QuestionType


@dataclass(frozen=True, slots=True)
class Item:
    """A question with documents that answer it; ``label`` is "" where it is no yes/no question."""

    source: str
    text: str
    type: QuestionType | None
    documents: tuple[Document, ...]
    label: str
    gold: TaskQuestion

    @property
    def question(self) -> Question:
        """As it is put to the reader."""
        return Question(self.text, type=self.type)


def items(data: Path) -> Iterator[Item]:
    """Questions held back from training."""
    for batch in ("10B1", "10B2", "10B3", "10B4", "10B5", "10B6"):
        (task,) = load_tasks("bioasq", data / "bioasq" / "golden" / f"{batch}_golden.json", None, "B")
        for question in task.questions:
            if question.type == "summary" and not held_back(question.id, 5):
                continue
            yield Item("bioasq-10b", question.text, question.type, given_documents(question), question.label, question)
    for setting in ("reasoning-required", "reasoning-free"):
        (task,) = load_tasks("pubmedqa", data / "pubmedqa" / "ori_pqal.json", None, setting)
        for question in task.questions:
            if held_back(question.id, 5):
                yield Item(
                    f"pubmedqa-{setting}", question.text, "yesno", given_documents(question), question.label, question
                )
    (task,) = load_tasks("evidence-inference", data / "evidence-inference", "validation", None)
    for question in task.questions:
        trial = question.trial
        if trial is None or not question.documents or held_back(question.id, 2):
            continue
        for verb, told in (("increase", "increased"), ("decrease", "decreased")):
            text = f"Does {trial.intervention} {verb} {trial.outcome} compared with {trial.comparator or 'control'}?"
            yield Item(
                "evidence-inference",
                text,
                "yesno",
                question.documents,
                "yes" if question.label == told else "no",
                question,
            )
