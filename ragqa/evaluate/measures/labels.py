"""Accuracy and macro-F1 over a fixed set of labels, with abstentions and unreadable answers counted."""

from collections.abc import Mapping, Sequence

import numpy as np

from ragqa.errors import UsageError, nearest
from ragqa.evaluate.measures.measure import Declaration, Floats, Scores, combined_measure, mean_measure

PUBMEDQA_LABELS = ("yes", "no", "maybe")


def f1_of_counts(means: Floats) -> Floats:
    """F1 from the means of right, gold and predicted, float64 [..., 3]."""
    return _f1_by_label(means)[..., 0]


def macro_f1(means: Floats) -> Floats:
    """The mean F1 of the labels from means of [right, gold, predicted] columns, float64 [..., 3 · n_labels]."""
    return np.asarray(_f1_by_label(means).mean(axis=-1))


def _f1_by_label(means: Floats) -> Floats:
    """F1 of each label from means of [right, gold, predicted] columns, float64 [..., n_labels]."""
    right, gold, predicted = np.split(means, 3, axis=-1)
    total = gold + predicted
    return np.asarray(np.divide(2 * right, total, out=np.zeros_like(total), where=total > 0))


DECLARATIONS = (
    Declaration("accuracy", is_proportion=True),
    Declaration("macro_f1", denominator="all labels, equally", combine=macro_f1),
    Declaration("f1_*", denominator="questions with the label, in gold or prediction", combine=f1_of_counts),
)


def score_labels(
    gold: Mapping[str, str], predictions: Mapping[str, str | None], labels: Sequence[str] = PUBMEDQA_LABELS
) -> Scores:
    """Accuracy and macro-F1.

    The macro mean is over ``labels``, whether or not one occurs in the gold, so that figures of different
    samples can be compared; a label that occurs neither in gold nor in predictions has an F1 of 0. A question
    without a prediction, or with one outside ``labels``, is wrong.

    Parameters
    ----------
    gold
        Question id → label.
    predictions
        Question id → label (white space around it and case are ignored), or None for an abstention.
    labels
        The fixed label set.

    Returns
    -------
    Scores
        ``accuracy``, ``macro_f1``, and ``f1_LABEL`` for each label. Counts: ``n_questions``, ``n_missing``
        (no prediction), ``n_abstained`` (the prediction is None), ``n_unparsed`` (no label), ``n_not_in_gold``.

    Raises
    ------
    UsageError
        The gold is empty or has a label outside ``labels``.
    """
    _check_gold(gold, labels)
    place = {label: column for column, label in enumerate(labels)}
    ids = tuple(gold)
    read = [_read(predictions.get(question_id), place) for question_id in ids]
    is_gold, is_predicted = np.zeros((len(ids), len(labels))), np.zeros((len(ids), len(labels)))
    for row, (question_id, label) in enumerate(zip(ids, read, strict=True)):
        is_gold[row, place[gold[question_id]]] = 1
        if label is not None:
            is_predicted[row, place[label]] = 1
    right = (is_gold * is_predicted).sum(axis=1)
    features = np.hstack([is_gold * is_predicted, is_gold, is_predicted])
    accuracy = mean_measure("accuracy", dict(zip(ids, right.tolist(), strict=True)))
    measures = {"accuracy": accuracy}
    measures["macro_f1"] = combined_measure("macro_f1", ids, right, features, macro_f1)
    n = len(labels)
    for label, column in place.items():
        name = f"f1_{label}"
        measures[name] = combined_measure(
            name, ids, right, features[:, [column, column + n, column + 2 * n]], f1_of_counts
        )
    counts = {
        "n_questions": len(ids),
        "n_missing": sum(question_id not in predictions for question_id in ids),
        "n_abstained": sum(question_id in predictions and predictions[question_id] is None for question_id in ids),
        "n_unparsed": sum(
            label is None and predictions.get(question_id) is not None
            for question_id, label in zip(ids, read, strict=True)
        ),
        "n_not_in_gold": sum(question_id not in gold for question_id in predictions),
    }
    return Scores(measures, counts)


def _read(prediction: str | None, labels: Mapping[str, int]) -> str | None:
    text = (prediction or "").strip()
    if text in labels:
        return text
    return next((label for label in labels if label.lower() == text.lower()), None)


def _check_gold(gold: Mapping[str, str], labels: Sequence[str]) -> None:
    if not gold:
        raise UsageError("there are no gold labels; give a gold file with at least one question")
    unknown = {question_id: label for question_id, label in gold.items() if label not in labels}
    if unknown:
        question_id, label = next(iter(unknown.items()))
        raise UsageError(
            f"{len(unknown)} of {len(gold)} gold labels are unknown, for example {label!r} of question"
            f" {question_id}; {nearest(label, labels)}"
        )
