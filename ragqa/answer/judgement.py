"""The verdict over several documents, and whether they contradict each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.answer import verdict
from ragqa.answer.passages import Passage
from ragqa.types import VerdictLabel

_MOST_DOCUMENTS = 5
_CLEAR = 0.6
_MIN_SHARE_OF_CONFLICT = 0.25


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its probabilities and what each document says.

    Attributes
    ----------
    label
        The label with the highest probability.
    probabilities
        Probability of each label; they add up to 1.
    by_document
        float64 [n_documents, 3]: what each document says; zeros for those that were not asked.
    conflicting
        True where documents that fit the question clearly say yes and others clearly say no.
    """

    label: VerdictLabel
    probabilities: dict[str, float]
    by_document: np.ndarray
    conflicting: bool


def judge(question: str, passages: Sequence[Passage], weights: Sequence[float]) -> Judgement:
    """Weigh what each of the documents says.

    Parameters
    ----------
    question
        A yes/no question.
    passages
        The passages of all documents.
    weights
        How much each document counts, by its place; documents of weight 0 are not asked.
    """
    asked = sorted((d for d, weight in enumerate(weights) if weight > 0), key=lambda d: -weights[d])[:_MOST_DOCUMENTS]
    by_document = np.zeros((len(weights), len(verdict.LABELS)))
    for document in asked:
        own = [passage for passage in passages if passage.document == document]
        by_document[document] = _of_document(question, own)
    counted = np.array([weights[document] for document in asked])
    mean = counted @ by_document[asked] / counted.sum()
    labels: tuple[VerdictLabel, ...] = ("yes", "no", "maybe")
    return Judgement(
        label=labels[int(mean.argmax())],
        probabilities=dict(zip(labels, mean.tolist(), strict=True)),
        by_document=by_document,
        conflicting=_conflicting(by_document[asked], counted / counted.sum()),
    )


def _of_document(question: str, passages: Sequence[Passage]) -> np.ndarray:
    body = [passage for passage in passages if passage.part != "title"] or list(passages)
    conclusion = [passage.text for passage in body if passage.part == "conclusion"]
    findings = [passage.text for passage in body if passage.part in {"findings", "whole"}]
    if not conclusion and not findings:
        findings = [passage.text for passage in body]
    return verdict.probabilities(question, findings, conclusion)


def _conflicting(by_document: np.ndarray, shares: np.ndarray) -> bool:
    for_yes = float(shares[by_document[:, 0] >= _CLEAR].sum())
    for_no = float(shares[by_document[:, 1] >= _CLEAR].sum())
    return min(for_yes, for_no) >= _MIN_SHARE_OF_CONFLICT
