"""What a system gains by abstaining: how much it answers, how often it is right where it does, and whether it keeps
silent where nothing can be answered.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Floats, Scores, combined_measure, mean_measure, ratio_or_zero


def area(means: Floats) -> Floats:
    """The integral of the risk over the coverage, within a level in random order."""
    size, wrong = np.split(means, 2, axis=-1)
    covered, failed = size.cumsum(axis=-1) - size, wrong.cumsum(axis=-1) - wrong
    rate = np.divide(wrong, size, out=np.zeros_like(size), where=size > 0)
    growth = np.divide(size, covered, out=np.zeros_like(size), where=covered > 0)
    return np.asarray((wrong + (failed - rate * covered) * np.log1p(growth)).sum(axis=-1))


def harmonic_of_shares(means: Floats) -> Floats:
    """The harmonic mean of two ratios, of the means [above, below, above, below]; undefined where one is."""
    above, below = means[..., 0::2], means[..., 1::2]
    shares = np.divide(above, below, out=np.full_like(below, np.nan), where=below > 0)
    total, product = shares.sum(axis=-1), shares.prod(axis=-1)
    return np.asarray(np.divide(2 * product, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0))


DECLARATIONS = (
    Declaration("answer_rate", is_proportion=True),
    Declaration("selective_accuracy", denominator="answered questions", is_conditional=True, combine=ratio_or_zero),
    Declaration("right_answerable", is_proportion=True, denominator="answerable questions"),
    Declaration(
        "answered_unanswerable", higher_is_better=False, is_proportion=True, denominator="unanswerable questions"
    ),
    Declaration(
        "answerability_f1",
        denominator="answerable and unanswerable questions, equally",
        combine=harmonic_of_shares,
    ),
    Declaration("aurc", higher_is_better=False, combine=area),
)
N_LEVELS = 64
"""Levels of confidence that the area under the risk-coverage curve tells apart."""


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
            "selective_accuracy", ids, correct, np.stack([correct, answered], axis=1), ratio_or_zero
        ),
    }
    n_answered = int(answered.sum())
    counts = {"n_questions": len(ids), "n_answered": n_answered, "n_abstained": len(ids) - n_answered}
    notes = () if n_answered else ("no question was answered, so the selective accuracy is set to 0",)
    return Scores(measures, counts, notes)


def score_answerability(answerable: Mapping[str, bool], right: Mapping[str, bool | None]) -> Scores:
    """Whether a system answers what can be answered, and abstains from the rest.

    Parameters
    ----------
    answerable
        Question id → whether the corpus holds an answer.
    right
        Question id → whether the answer is right; None for an abstention. A question that failed is missing and
        counts as answered wrongly: a crash is no judgement.

    Returns
    -------
    Scores
        ``right_answerable``: right answers by answerable questions. ``answered_unanswerable``: wrong answers by
        unanswerable questions, of which every answer is wrong. ``answerability_f1``: the harmonic mean of
        ``right_answerable`` and of the share of unanswerable questions abstained from; to answer always, or never,
        gives 0. Counts: ``n_questions``, ``n_answerable``, ``n_unanswerable``, ``n_abstained_answerable``,
        ``n_abstained_unanswerable``.

    Raises
    ------
    UsageError
        All questions, or none, are answerable, so that nothing is to be told apart.
    """
    ids = list(answerable)
    can = np.array([answerable[question_id] for question_id in ids], dtype=bool)
    if not ids or can.all() or not can.any():
        raise UsageError(
            f"{int(can.sum())} of {len(ids)} questions are answerable; give some of both kinds (a larger --limit)"
        )
    abstained = np.array([right.get(question_id, False) is None for question_id in ids])
    correct = np.array([right.get(question_id) is True for question_id in ids])
    good = np.where(can, correct, abstained)
    features = np.stack([can & good, can, ~can & good, ~can], axis=1).astype(np.float64)
    by_id = dict(zip(ids, good.astype(np.float64).tolist(), strict=True))
    measures = {
        "right_answerable": mean_measure("right_answerable", {q: by_id[q] for q in ids if answerable[q]}),
        "answered_unanswerable": mean_measure(
            "answered_unanswerable", {q: 1 - by_id[q] for q in ids if not answerable[q]}
        ),
        "answerability_f1": combined_measure(
            "answerability_f1", ids, good.astype(np.float64), features, harmonic_of_shares
        ),
    }
    counts = {
        "n_questions": len(ids),
        "n_answerable": int(can.sum()),
        "n_unanswerable": int((~can).sum()),
        "n_abstained_answerable": int((can & abstained).sum()),
        "n_abstained_unanswerable": int((~can & abstained).sum()),
    }
    return Scores(measures, counts)


def score_risk_coverage(right: Mapping[str, bool], confidence: Mapping[str, float]) -> Scores:
    """The area under the risk-coverage curve (Geifman & El-Yaniv, NeurIPS 2017).

    Questions are answered from the most to the least confident; the risk is the share of wrong ones among those
    answered so far, and the area its mean over all coverages. Among equally confident questions the order is left open
    and the expected risk taken, so that a system which is always equally sure has its error rate. Confidences are told
    apart in at most 64 levels of about equally many questions, so that resampling is possible; this changes the area
    by less than a hundredth.

    Parameters
    ----------
    right
        Question id → whether the answer is right.
    confidence
        Question id → how sure the system is of it; missing ones (abstentions, failures) come last.

    Raises
    ------
    UsageError
        There are no questions.
    """
    if not right:
        raise UsageError("there are no questions; the risk needs at least one")
    ids = list(right)
    wrong = np.array([not right[question_id] for question_id in ids], dtype=np.float64)
    levels = _levels([confidence.get(question_id, -1.0) for question_id in ids])
    inside = np.eye(int(levels.max()) + 1)[levels]
    features = np.hstack([inside, inside * wrong[:, None]])
    measure = combined_measure("aurc", ids, wrong, features, area)
    n_unsure = sum(question_id not in confidence for question_id in ids)
    return Scores({"aurc": measure}, {"n_questions": len(ids), "n_without_confidence": n_unsure})


def _levels(confidence: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The level of each confidence, 0 for the highest."""
    values = -np.asarray(confidence, dtype=np.float64)
    distinct = np.unique(values)
    if len(distinct) > N_LEVELS:
        distinct = np.unique(np.quantile(values, np.linspace(0, 1, N_LEVELS + 1)[1:], method="higher"))
    return np.searchsorted(distinct, values, side="left").astype(np.int64)
