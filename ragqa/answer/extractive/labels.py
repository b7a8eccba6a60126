"""What documents say to a claim, or to a question on a trial: the probability of each label, and the evidence."""

from collections.abc import Sequence

import numpy as np

from ragqa.answer.extractive.evidence import gather
from ragqa.answer.extractive.relation import MASK
from ragqa.answer.passages import Passage, passages_of
from ragqa.answer.question import AskedFor, analyse
from ragqa.reader.model import ReaderModel, pooled, sigmoid
from ragqa.types import Document, Labelling, Proposition, Question, ScoredSpan, TrialQuestion

_CLAIM_LABELS = ("supports", "contradicts", "neither")
_TRIAL_LABELS = ("increased", "decreased", "no difference")
_CHOSEN = 0.5
_MOST_SPANS = 20


def label(model: ReaderModel, proposition: Proposition, documents: Sequence[Document]) -> Labelling:
    """The probability of each of the proposition's labels, and the sentences that tell, best first."""
    if not documents:
        return Labelling({name: 1 / len(proposition.labels) for name in proposition.labels})
    asked = analyse(Question(proposition.text, type="yesno"))
    if proposition.trial is not None:
        passages, chances, weights = _of_trial(model, proposition.trial, asked, documents)
        names: Sequence[str] = _TRIAL_LABELS
    else:
        passages, chances, weights = _of_claim(model, asked, documents)
        names = _CLAIM_LABELS
    told = dict(zip(names, chances.tolist(), strict=True))
    total = sum(told[name] for name in proposition.labels) or 1.0
    order = [place for place in np.argsort(-weights, kind="stable").tolist() if weights[place] > 0][:_MOST_SPANS]
    best = float(weights.max(initial=0.0))
    spans = tuple(
        ScoredSpan(passages[p].span, round(float(weights[p]), 4), chosen=bool(weights[p] >= min(_CHOSEN, best)))
        for p in order
    )
    return Labelling({name: told[name] / total for name in proposition.labels}, spans)


def _of_claim(
    model: ReaderModel, asked: AskedFor, documents: Sequence[Document]
) -> tuple[list[Passage], np.ndarray, np.ndarray]:
    evidence = gather(model, asked, documents, allow_retracted=True)
    counted = np.array([max(document.relevance, 1e-6) for document in evidence.documents])
    chances = counted @ np.stack([document.relation for document in evidence.documents]) / counted.sum()
    return evidence.passages, chances, _without_titles(evidence.passages, evidence.within)


def _without_titles(passages: Sequence[Passage], weights: np.ndarray) -> np.ndarray:
    """The weights with 0 for titles, which are no evidence."""
    is_title = np.array([passage.part == "title" for passage in passages], dtype=bool)
    return np.where(is_title, 0.0, weights)


def _of_trial(
    model: ReaderModel, trial: TrialQuestion, asked: AskedFor, documents: Sequence[Document]
) -> tuple[list[Passage], np.ndarray, np.ndarray]:
    passages = passages_of(asked, documents)
    query = f"Does {trial.intervention} {MASK} {trial.outcome} compared with {trial.comparator or 'control'}?"
    sentences = [[p.text for p in passages if p.document == place] for place in range(len(documents))]
    readings = model.read_documents(query, sentences)
    weights = sigmoid(np.concatenate([reading.evidence for reading in readings]))
    chances = pooled(
        np.concatenate([reading.direction for reading in readings]),
        np.concatenate([reading.evidence for reading in readings]),
    )
    return passages, np.asarray(chances[:3]), _without_titles(passages, weights)
