"""What a reader makes of a question and the documents found for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragqa.errors import UsageError
from ragqa.types import Document, ExactAnswer, Generation, Notice, Question, QuestionType, Statement, VerdictLabel

Encode = Callable[[Sequence[str]], np.ndarray]
"""Sentences → float32 [n_sentences, dimension], each row of length 1."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The part of a :class:`ragqa.types.Answer` that a reader is responsible for.

    Attributes
    ----------
    question_type
        The type the question was read as: the one it came with, or the one its wording tells.
    statements, verdict, verdict_probabilities, exact_answers, abstained, reason, notices
        As in :class:`ragqa.types.Answer`. Under an abstention there are no statements, verdict or exact answers.
    strength
        How well the best document fits the question, 0 to 1: what an abstention is decided by.
    generation
        What a language model did for the reading; None where none was asked.
    """

    question_type: QuestionType
    statements: tuple[Statement, ...] = ()
    verdict: VerdictLabel | None = None
    verdict_probabilities: Mapping[str, float] = field(default_factory=dict)
    exact_answers: tuple[ExactAnswer, ...] = ()
    abstained: bool = False
    reason: str = ""
    notices: tuple[Notice, ...] = ()
    strength: float = 0.0
    generation: Generation | None = None


def check_input(question: Question, documents: Sequence[Document], scores: Sequence[float]) -> None:
    """Refuse what no reader can read.

    Raises
    ------
    UsageError
        The question is empty, or there are not as many scores as documents.
    """
    if not question.text.strip():
        raise UsageError("the question is empty; ask something, for example: Do statins prevent delirium?")
    if len(documents) != len(scores):
        raise UsageError(f"{len(documents)} documents came with {len(scores)} scores; give one score for each")


def rounded(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Four digits that still add up to 1."""
    rounded = {label: round(value, 4) for label, value in probabilities.items()}
    largest = max(rounded, key=rounded.__getitem__)
    rounded[largest] = round(1 - sum(value for label, value in rounded.items() if label != largest), 4)
    return rounded
