"""Whether a stated confidence means what it says: the calibration error of BrowseComp and BrowseComp-Plus."""

from collections.abc import Mapping

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Floats, Scores, combined_measure

BIN_SIZE = 100
_STATED = "answers with a confidence"


def rms_error(means: Floats) -> Floats:
    """The root of the mean squared gap of bins, weighted by their sizes; undefined where no answer has a confidence.

    ``means`` is float64 [..., 2 * n_bins + 1]: in each bin the gaps (right − confidence) and the answers; then the
    share of answers with a confidence.
    """
    return _root(means, means.shape[-1] // 2)


def rms_error_without_last(means: Floats) -> Floats:
    """The same, but that the last bin, of the surest answers, adds nothing."""
    return _root(means, means.shape[-1] // 2 - 1)


def _root(means: Floats, n_counted: int) -> Floats:
    n_bins, stated = means.shape[-1] // 2, means[..., -1]
    gaps, sizes = means[..., :n_counted], means[..., n_bins : n_bins + n_counted]
    squares = np.divide(gaps**2, sizes, out=np.zeros_like(gaps), where=sizes > 0).sum(axis=-1)
    mean = np.divide(squares, stated, out=np.full_like(stated, np.nan), where=stated > 0)
    return np.asarray(np.sqrt(mean))


DECLARATIONS = (
    Declaration(
        "rms_calibration_error", higher_is_better=False, denominator=_STATED, is_conditional=True, combine=rms_error
    ),
    Declaration(
        "browsecomp_calibration_error",
        higher_is_better=False,
        denominator=_STATED,
        is_conditional=True,
        combine=rms_error_without_last,
    ),
)


def score_confidence(right: Mapping[str, bool], confidence: Mapping[str, float]) -> Scores:
    """The calibration error of stated confidences.

    Answers are ordered by confidence and divided into bins of 100, the last of which takes what is left; the error is
    √ Σ_bins n/N · (mean confidence − share right)² (Hendrycks et al., ICLR 2019). BrowseComp-Plus' program computes it
    so, but its loop ends before the last bin, which therefore counts as without error, and with fewer than 200 answers
    it gives 0: ``browsecomp_calibration_error`` is that figure, ``rms_calibration_error`` is over all bins.

    Parameters
    ----------
    right
        Question id → whether its answer is right, for all questions.
    confidence
        Question id → confidence, 0 to 1, of those that have one.

    Returns
    -------
    Scores
        Counts: ``n_questions``, ``n_without_confidence``.

    Raises
    ------
    UsageError
        Fewer than 100 answers have a confidence, or one is not within 0 and 1.
    """
    ids = list(right)
    stated = [question for question in ids if question in confidence]
    wrong = [question for question in stated if not 0 <= confidence[question] <= 1]
    if wrong:
        raise UsageError(f"question {wrong[0]}: the confidence {confidence[wrong[0]]} is not within 0 and 1")
    if len(stated) < BIN_SIZE:
        raise UsageError(
            f"{len(stated)} answers have a confidence; at least {BIN_SIZE} are needed for bins of {BIN_SIZE}"
        )
    ordered = sorted(stated, key=lambda question: confidence[question])
    n_bins = len(stated) // BIN_SIZE
    bins = {question: min(place // BIN_SIZE, n_bins - 1) for place, question in enumerate(ordered)}
    features = np.zeros((len(ids), 2 * n_bins + 1))
    shown = np.full(len(ids), np.nan)
    for row, question in enumerate(ids):
        if question in bins:
            gap = float(right[question]) - confidence[question]
            features[row, bins[question]], features[row, n_bins + bins[question]] = gap, 1.0
            features[row, -1], shown[row] = 1.0, abs(gap)
    measures = {
        name: combined_measure(name, ids, shown, features, combine)
        for name, combine in (
            ("rms_calibration_error", rms_error),
            ("browsecomp_calibration_error", rms_error_without_last),
        )
    }
    return Scores(measures, {"n_questions": len(ids), "n_without_confidence": len(ids) - len(stated)})
