"""What the three groups of BioASQ measures share: which questions count, and the mean over them.

The official program leaves a question that is missing from a submission out of its means, which raises them.
The first figure here is always over the padded submission, in which a missing question scores 0; the figure of
the official program, with its own reading of the file, stands beside it as ``official_NAME``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ragqa.errors import UsageError
from ragqa.evaluate.measures.bioasq.question import BioasqQuestion


@dataclass(frozen=True, slots=True)
class Pairs:
    """Gold and submitted questions, ready to be scored.

    Attributes
    ----------
    gold
        The gold questions that can be scored, by id.
    answers
        The submission's question for each of them; an empty one where it has none.
    n_missing
        How many of them the submission lacks.
    n_unknown
        Questions of the submission that are not in the gold file.
    """

    gold: Mapping[str, BioasqQuestion]
    answers: Mapping[str, BioasqQuestion]
    submitted: frozenset[str]
    n_missing: int
    n_unknown: int


def paired(
    scorable: Mapping[str, BioasqQuestion],
    submission: Mapping[str, BioasqQuestion],
    gold: Mapping[str, BioasqQuestion],
) -> Pairs:
    """Pad the submission to the questions that can be scored.

    Raises
    ------
    UsageError
        The submission has none of the gold questions.
    """
    submitted = frozenset(submission.keys() & gold.keys())
    if not submitted:
        raise UsageError(
            f"the submission answers none of the {len(gold)} gold questions; check that both are of the same batch"
        )
    answers = {question_id: submission.get(question_id, BioasqQuestion(question_id)) for question_id in scorable}
    n_missing = sum(question_id not in submitted for question_id in scorable)
    return Pairs(scorable, answers, submitted, n_missing, len(submission) - len(submitted))


def f1(precision: float, recall: float) -> float:
    """The harmonic mean of precision and recall, 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
