"""What a reader of a run's figures must know about the system that made them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ragqa.evaluate.measures.measure import Scores
from ragqa.evaluate.tasks.task import Task

_TRAINED_ON = {
    ("pubmedqa", "dev"): "four fifths of these questions",
    ("scifact-claims", "train"): "five sixths of these claims",
    ("evidence-inference", "train"): "these prompts",
}


def with_reader_notes(scores: Scores, task: Task, settings: Mapping[str, Any]) -> Scores:
    """Say plainly what the reader cannot do, and where its own weights were trained on the questions asked."""
    if _reader(settings) == "extractive" and any(question.options for question in task.questions):
        note = (
            "the extractive reader does not choose among options: the option whose words the retrieved articles hold "
            "most of was taken, a baseline that understands nothing (yes and no by its verdict)"
        )
        return replace(scores, notes=(note, *scores.notes))
    if _reader(settings) == "extractive" and (trained := _TRAINED_ON.get((task.name, task.split))) is not None:
        note = f"NOT a held-out result: the reader's model was trained on {trained} (ragqa/reader/weights/card.json)"
        return replace(scores, notes=(note, *scores.notes))
    return scores


def _reader(settings: Mapping[str, Any]) -> str:
    """The reader that answers: of ``iterative``, the one that it searches for."""
    answer = settings.get("answer")
    if not isinstance(answer, Mapping):
        return ""
    own = answer.get("iterative")
    if answer.get("reader") == "iterative" and isinstance(own, Mapping):
        return str(own.get("reader", ""))
    return str(answer.get("reader", ""))
