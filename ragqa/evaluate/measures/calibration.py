"""Whether probabilities mean what they say, and what a system gains by abstaining."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import (
    Declaration,
    Floats,
    Scores,
    answered_measure,
    combined_measure,
    mean_measure,
    ratio,
)

N_BINS = 10


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Questions whose confidence lies in (``low``, ``high``]: how many, how sure on average, how often right."""

    low: float
    high: float
    n_questions: int
    confidence: float
    accuracy: float


def answered_ece(means: Floats) -> Floats:
    """De-biased calibration error of the questions that have probabilities; undefined where none has.

    ``means`` is float64 [..., 3 * n_bins + 2]: in each bin the gaps, the right ones and the questions; then the number
    of all questions, and the share that have probabilities.
    """
    gaps, right, questions = np.split(means[..., :-2], 3, axis=-1)
    n_all, answered = means[..., -2], means[..., -1]
    filled = questions > 0
    gap = np.divide(gaps, questions, out=np.zeros_like(gaps), where=filled)
    share = np.divide(right, questions, out=np.zeros_like(right), where=filled)
    n_in_bin = np.where(filled, questions * n_all[..., None], 1.0)
    deviation = np.sqrt(np.clip(share * (1 - share), 0, None) / n_in_bin)
    sizes = 2 * np.abs(gap) - _mean_size(gap, deviation)
    error = np.clip((questions * sizes).sum(axis=-1), 0.0, None)
    return np.asarray(np.divide(error, answered, out=np.full_like(error, np.nan), where=answered > 0))


def ece(means: Floats) -> Floats:
    """The same over all questions: one without probabilities counts with the largest error, 1."""
    answered = means[..., -1]
    return np.asarray(np.nan_to_num(answered_ece(means)) * answered + (1 - answered))


def _mean_size(mean: Floats, deviation: Floats) -> Floats:
    """The mean of |x| for a normal x (a folded normal distribution)."""
    from scipy.special import erf

    spread = np.where(deviation > 0, deviation, 1.0)
    folded = spread * np.sqrt(2 / np.pi) * np.exp(-(mean**2) / (2 * spread**2)) + mean * erf(mean / (spread * 2**0.5))
    return np.asarray(np.where(deviation > 0, folded, np.abs(mean)))


_ANSWERED = "questions with probabilities"
DECLARATIONS = (
    Declaration("brier", higher_is_better=False, high=2.0),
    Declaration(
        "brier_answered", higher_is_better=False, high=2.0, denominator=_ANSWERED, is_conditional=True, combine=ratio
    ),
    Declaration("ece", higher_is_better=False, combine=ece),
    Declaration(
        "ece_answered", higher_is_better=False, denominator=_ANSWERED, is_conditional=True, combine=answered_ece
    ),
)


def score_calibration(
    gold: Mapping[str, str],
    probabilities: Mapping[str, Mapping[str, float]],
    labels: Sequence[str],
    n_bins: int = N_BINS,
) -> Scores:
    """Brier score and expected calibration error, over all questions and over those that have probabilities.

    ``brier`` is Brier's own multi-class form (1950), the mean over questions of Σ_labels (p − [label is gold])²,
    from 0 to 2. A question without probabilities has p = 0 for every label, which makes 1: more than equal chances
    would cost, so that nothing is gained by keeping silent.

    ``ece`` bins the confidence of the likeliest label into ``n_bins`` of equal width and adds up |share right − mean
    confidence| weighted by the bins' sizes (Guo et al., ICML 2017), less what chance alone adds to the size of each
    bin's gap (Kumar, Liang & Ma, NeurIPS 2019, with the normal distribution's mean in place of resamples). A question
    without probabilities counts with the largest gap, 1. Lower is better for both. ``brier_answered`` and
    ``ece_answered`` are over the questions that have probabilities, where there are any.

    Returns
    -------
    Scores
        Counts: ``n_questions``, ``n_without_probability``.

    Raises
    ------
    UsageError
        No question has probabilities, or they are out of range, name an unknown label or do not add up to 1.
    """
    ids = list(gold)
    answered = np.array([bool(probabilities.get(question_id)) for question_id in ids])
    if not answered.any():
        raise UsageError(f"none of the {len(gold)} questions has probabilities; calibration cannot be measured")
    table = np.zeros((len(ids), len(labels)))
    table[answered] = [_row(q, probabilities[q], labels) for q in ids if probabilities.get(q)]
    is_gold = np.array([[label == gold[question_id] for label in labels] for question_id in ids], dtype=np.float64)
    brier = ((table - is_gold) ** 2).sum(axis=1)
    confidence = table.max(axis=1)
    right = is_gold[np.arange(len(ids)), table.argmax(axis=1)]
    in_bin = np.eye(n_bins)[_bins(confidence, n_bins)] * answered[:, None]
    n_all = np.full((len(ids), 1), float(len(ids)))
    gap = (right - confidence)[:, None]
    features = np.hstack([in_bin * gap, in_bin * right[:, None], in_bin, n_all, answered[:, None]])
    sizes = np.abs(gap[:, 0])

    measures = {
        "brier": mean_measure("brier", dict(zip(ids, brier.tolist(), strict=True))),
        "brier_answered": answered_measure(
            "brier_answered",
            ids,
            {q: value for q, value, is_in in zip(ids, brier.tolist(), answered, strict=True) if is_in},
        ),
        "ece": combined_measure("ece", ids, np.where(answered, sizes, 1.0), features, ece),
        "ece_answered": combined_measure(
            "ece_answered", ids, np.where(answered, sizes, np.nan), features, answered_ece
        ),
    }
    return Scores(measures, {"n_questions": len(ids), "n_without_probability": int((~answered).sum())})


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
