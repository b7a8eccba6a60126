"""What a reader makes of a question and the documents found for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragqa.types import ExactAnswer, Generation, Notice, QuestionType, Statement, VerdictLabel

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
