"""What a system gains by abstaining: how much it answers, and how often it is right where it does."""

from collections.abc import Callable, Mapping

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Floats, Scores, combined_measure, mean_measure

DECLARATIONS = (
    Declaration("answer_rate", is_proportion=True),
    Declaration("selective_accuracy", denominator="answered questions"),
)


def score_selective(right: Mapping[str, bool | None]) -> Scores:
    """Answer rate and accuracy of the answers given, for a system that may abstain.

    Parameters
    ----------
    right
        Question id → whether the answer is right; None for an abstention (or no answer at all).

    Returns
    -------
    Scores
        ``answer_rate``, and ``selective_accuracy`` = right / answered, which no system that never answers has:
        it is then 0 and a note says so. Counts: ``n_questions``, ``n_answered``, ``n_abstained``.

    Raises
    ------
    UsageError
        There are no questions.
    """
    if not right:
        raise UsageError("there are no questions; the answer rate needs at least one")
    ids = list(right)
    answered = np.array([right[question_id] is not None for question_id in ids], dtype=np.float64)
    correct = np.array([right[question_id] is True for question_id in ids], dtype=np.float64)
    measures = {
        "answer_rate": mean_measure("answer_rate", dict(zip(ids, answered.tolist(), strict=True))),
        "selective_accuracy": combined_measure(
            "selective_accuracy", ids, correct, np.stack([correct, answered], axis=1), _ratio(empty=0.0)
        ),
    }
    n_answered = int(answered.sum())
    counts = {"n_questions": len(ids), "n_answered": n_answered, "n_abstained": len(ids) - n_answered}
    notes = () if n_answered else ("no question was answered, so the selective accuracy is set to 0",)
    return Scores(measures, counts, notes)


def _ratio(empty: float) -> Callable[[Floats], Floats]:
    def combine(means: Floats) -> Floats:
        above, below = means[..., 0], means[..., 1]
        return np.asarray(np.divide(above, below, out=np.full_like(above, empty), where=below > 0))

    return combine
