"""Whether probabilities mean what they say, and what a system gains by abstaining."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Floats, Scores, combined_measure, mean_measure

N_BINS = 10


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Questions whose confidence lies in (``low``, ``high``]: how many, how sure on average, how often right."""

    low: float
    high: float
    n_questions: int
    confidence: float
    accuracy: float


def sum_of_sizes(means: Floats) -> Floats:
    """The sum of the absolute means, float64 [..., n_bins] → [...]."""
    return np.asarray(np.abs(means).sum(axis=-1))


DECLARATIONS = (
    Declaration("brier", higher_is_better=False, high=2.0),
    Declaration("ece", higher_is_better=False, combine=sum_of_sizes),
)


def score_calibration(
    gold: Mapping[str, str],
    probabilities: Mapping[str, Mapping[str, float]],
    labels: Sequence[str],
    n_bins: int = N_BINS,
) -> Scores:
    """Brier score and expected calibration error of the questions that have probabilities.

    ``brier`` is Brier's own multi-class form (1950), the mean over questions of Σ_labels (p − [label is gold])²,
    from 0 to 2. ``ece`` (Guo et al., ICML 2017) bins the confidence of the likeliest label into ``n_bins`` of
    equal width and adds up |share right − mean confidence| weighted by the bins' sizes. Lower is better for both.

    Returns
    -------
    Scores
        Counts: ``n_questions`` (with probabilities), ``n_without_probability`` (left out: nothing to judge).

    Raises
    ------
    UsageError
        No question has probabilities, or they are out of range, name an unknown label or do not add up to 1.
    """
    ids = [question_id for question_id in gold if probabilities.get(question_id)]
    if not ids:
        raise UsageError(f"none of the {len(gold)} questions has probabilities; calibration cannot be measured")
    table = np.array([_row(question_id, probabilities[question_id], labels) for question_id in ids])
    is_gold = np.array([[label == gold[question_id] for label in labels] for question_id in ids], dtype=np.float64)
    brier = ((table - is_gold) ** 2).sum(axis=1)
    confidence = table.max(axis=1)
    right = is_gold[np.arange(len(ids)), table.argmax(axis=1)]
    in_bin = np.eye(n_bins)[_bins(confidence, n_bins)]
    features = in_bin * (right - confidence)[:, None]

    measures = {
        "brier": mean_measure("brier", dict(zip(ids, brier.tolist(), strict=True))),
        "ece": combined_measure("ece", ids, np.abs(right - confidence), features, sum_of_sizes),
    }
    return Scores(measures, {"n_questions": len(ids), "n_without_probability": len(gold) - len(ids)})


def reliability(confidence: Sequence[float], right: Sequence[bool], n_bins: int = N_BINS) -> list[ReliabilityBin]:
    """The non-empty bins of a reliability diagram, from the least to the most sure."""
    sure, correct = _checked(confidence, right)
    bins = _bins(sure, n_bins)
    return [
        ReliabilityBin(
            low=number / n_bins,
            high=(number + 1) / n_bins,
            n_questions=int((bins == number).sum()),
            confidence=float(sure[bins == number].mean()),
            accuracy=float(correct[bins == number].mean()),
        )
        for number in np.unique(bins).tolist()
    ]


def _bins(confidence: Floats, n_bins: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The bin of each confidence, (0, 1/n], (1/n, 2/n] …; 0 itself goes to the first."""
    edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    return np.searchsorted(edges, confidence, side="left").astype(np.int64)


def _row(question_id: str, probabilities: Mapping[str, float], labels: Sequence[str]) -> list[float]:
    unknown = probabilities.keys() - set(labels)
    values = [float(probabilities.get(label, 0.0)) for label in labels]
    if unknown or min(values) < 0 or not abs(sum(values) - 1) < 1e-3:
        raise UsageError(
            f"question {question_id}: {dict(probabilities)} are not probabilities of {', '.join(labels)} that add up"
            " to 1"
        )
    return values


def _checked(confidence: Sequence[float], right: Sequence[bool]) -> tuple[Floats, Floats]:
    sure, correct = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if len(sure) != len(correct) or not len(sure):
        raise UsageError(f"{len(sure)} confidences and {len(correct)} outcomes; give one of each for every question")
    if not ((sure >= 0) & (sure <= 1)).all():
        raise UsageError("a confidence lies outside 0 to 1; give probabilities")
    return sure, correct
