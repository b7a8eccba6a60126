"""The verdict over several documents, and whether they contradict each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.answer.extractive.decisions import decisions
from ragqa.answer.extractive.evidence import N_WEIGHED, DocumentEvidence, Evidence
from ragqa.types import VerdictLabel

_SAYS_ENOUGH = 0.5
_CLEAR = 2.0
_SUREST = 0.9
_MIN_SHARE_OF_CONFLICT = 0.25
LEAST_OF_BEST = 0.25
"""The other side is quoted from articles whose share in the verdict is at least so much of the greatest share."""


@dataclass(frozen=True, slots=True)
class OverallVerdict:
    """The verdict of several documents together.

    Attributes
    ----------
    label
        The label with the highest probability.
    probabilities
        Probability of each label; they add up to 1.
    conflicting
        True where documents that answer the question clearly say yes and others clearly say no.
    coverage
        The share of the question's words, each counted by how rare it is, that these documents have on average, 0 to 1;
        each counts as in the verdict, times the odds that it deals with the question.
    likely
        True where the label is likely enough to be given as the answer.
    covered
        True where the documents name enough of the question for that.
    """

    label: VerdictLabel
    probabilities: dict[str, float]
    conflicting: bool
    coverage: float
    likely: bool
    covered: bool

    @property
    def decided(self) -> bool:
        """Whether the label is given as the answer."""
        return self.likely and self.covered

    @property
    def share(self) -> float:
        """The probability of the label."""
        return self.probabilities[self.label]


def overall_verdict(
    evidence: Evidence, least: float, above: float, least_coverage: float = 0.0
) -> OverallVerdict | None:
    """Weigh what each of the documents says; None where none that answers the question says anything.

    Parameters
    ----------
    evidence
        What each document says.
    least
        Relevance that a document needs to be asked.
    above
        Probability from which on the label is likely enough.
    least_coverage
        The coverage that they need: a verdict from articles on something near is none.
    """
    asked = [d for d in evidence.documents if d.usable and d.relevance >= least and d.relation[2] < 1]
    asked = sorted(asked, key=lambda d: -d.worth)[:N_WEIGHED]
    if not asked:
        return None
    features = verdict_features(asked, directed=evidence.directed)
    probabilities = decisions().verdict_probabilities(features)
    label = max(probabilities, key=probabilities.__getitem__)
    coverage = float(shares(asked) @ [d.coverage for d in asked])
    likely, covered = probabilities[label] >= above, coverage >= least_coverage
    return OverallVerdict(label, dict(probabilities.items()), _conflicting(asked), coverage, likely, covered)


def verdict_features(asked: Sequence[DocumentEvidence], *, directed: bool) -> dict[str, float]:
    """What a verdict is judged by: the lean to yes and its size, that of the conclusions, silence, disagreement.

    Leans count by weights of their own where the question is ``directed``, since they are read in another way.
    """
    weights = shares(asked)
    relations = np.stack([d.relation for d in asked])
    yes, no, nothing = (weights @ relations).tolist()
    lean = math.log((yes + 0.02) / (no + 0.02))
    concluded = np.stack([d.relation if d.conclusion is None else d.conclusion for d in asked])
    of_conclusions = float(weights @ np.log((concluded[:, 0] + 0.05) / (concluded[:, 1] + 0.05)))
    leans = relations[:, 0] - relations[:, 1]
    return {
        "lean": 0.0 if directed else lean,
        "lean_of_conclusions": 0.0 if directed else of_conclusions,
        "directed_lean": lean if directed else 0.0,
        "directed_lean_of_conclusions": of_conclusions if directed else 0.0,
        "size_of_lean": abs(lean),
        "silence": nothing,
        "disagreement": float(weights @ np.abs(leans - weights @ leans)),
    }


def agreement(relation: np.ndarray, label: VerdictLabel) -> np.ndarray:
    """How far sentences with these relations, float64 [n, 3], agree with a verdict, 0 to 1."""
    if label == "maybe":
        return np.asarray(1 - relation[:, 2])
    side = 0 if label == "yes" else 1
    return np.asarray(relation[:, side] / np.maximum(relation[:, 0] + relation[:, 1], 1e-9))


def shares(documents: Sequence[DocumentEvidence]) -> np.ndarray:
    """The documents' shares in a verdict, float64 [n].

    By the odds of their relevance: what barely deals with the question takes nothing from what clearly does.
    """
    weights = np.array([d.worth * d.relevance / (1 - min(d.relevance, _SUREST)) for d in documents])
    return np.asarray(weights / weights.sum())


def _conflicting(asked: Sequence[DocumentEvidence]) -> bool:
    weights = shares(asked)
    relations = np.stack([d.relation for d in asked])
    speaks = relations[:, 2] < _SAYS_ENOUGH
    for_yes = weights[speaks & (relations[:, 0] > _CLEAR * relations[:, 1])].sum()
    for_no = weights[speaks & (relations[:, 1] > _CLEAR * relations[:, 0])].sum()
    return bool(min(for_yes, for_no) >= _MIN_SHARE_OF_CONFLICT)
