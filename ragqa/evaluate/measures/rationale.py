"""How well a reader's evidence agrees with what people marked, and whether its label rests on it: ERASER's measures.

After DeYoung et al., "ERASER: A Benchmark to Evaluate Rationalized NLP Models" (ACL 2020), and its program
``rationale_benchmark/metrics.py``: tokens are what stands between white space, and all marked evidence of a question
counts, whether it is an alternative or not. An instance is a question; ERASER's own is a question and document, which
is the same where one document is given.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Floats, Measure, Scores, combined_measure, mean_measure

_TOKEN = re.compile(r"\S+")
Stretch = tuple[str, int, int]
"""A text's name and the characters ``begin`` to ``end`` in it."""


def _harmonic(precision: Floats, recall: Floats) -> Floats:
    total = precision + recall
    return np.asarray(np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0))


def iou_f1(means: Floats) -> Floats:
    """F1 from means of [precision where evidence was read, whether any was read, recall], float64 [..., 3]."""
    of_read = np.divide(means[..., 0], means[..., 1], out=np.zeros_like(means[..., 0]), where=means[..., 1] > 0)
    return _harmonic(of_read, means[..., 2])


DECLARATIONS = (
    Declaration("token_f1", denominator="questions with marked evidence"),
    Declaration("iou_f1", denominator="questions with marked evidence", combine=iou_f1),
    Declaration("token_auprc", denominator="questions with marked evidence"),
    Declaration("sufficiency", higher_is_better=False, low=-1.0, denominator="questions whose reader shows evidence"),
    Declaration("comprehensiveness", low=-1.0, denominator="questions whose reader shows evidence"),
)


@dataclass(frozen=True, slots=True)
class ReadEvidence:
    """The evidence that a reader gave for one question.

    Attributes
    ----------
    chosen
        The stretches that it shows as its evidence.
    scores
        A score of each stretch that it weighed, chosen or not; empty where it gives none.
    """

    chosen: tuple[Stretch, ...] = ()
    scores: tuple[tuple[Stretch, float], ...] = ()


def score_rationales(
    texts: Mapping[str, Mapping[str, str]],
    gold: Mapping[str, Sequence[Stretch]],
    read: Mapping[str, ReadEvidence],
    threshold: float = 0.5,
) -> Scores:
    """Agreement of the evidence with the gold.

    Parameters
    ----------
    texts
        Question id → name of a text → the text that was given.
    gold
        Question id → the marked stretches; a question without any is not scored.
    read
        Question id → what the reader gave. A question that is missing has none.
    threshold
        The intersection over union from which on two stretches agree.

    Returns
    -------
    Scores
        ``token_f1``: the mean over questions of the F1 of tokens. ``iou_f1``: the F1 of mean precision (over
        questions with any evidence read) and mean recall of stretches that agree. ``token_auprc``: the mean area
        under the precision-recall curve of the tokens' scores; 0 for a question whose reader gave none. Counts:
        ``n_questions``, ``n_without_evidence`` (the reader gave none).

    Raises
    ------
    UsageError
        No question has gold evidence.
    """
    ids = tuple(question_id for question_id, stretches in gold.items() if stretches)
    if not ids:
        raise UsageError("no question has marked evidence; there is nothing to compare the reader's evidence with")
    given = {question_id: read.get(question_id, ReadEvidence()) for question_id in ids}
    token_f1, areas, matches = {}, {}, []
    for question_id in ids:
        tokens = _tokens(texts[question_id])
        truth = _covered(tokens, gold[question_id])
        token_f1[question_id] = _f1_of_sets(truth, _covered(tokens, given[question_id].chosen))
        areas[question_id] = _area(truth, _token_scores(tokens, given[question_id]))
        matches.append(_agreeing(tokens, gold[question_id], given[question_id].chosen, threshold))
    measures = {
        "token_f1": mean_measure("token_f1", token_f1),
        "iou_f1": _iou_f1(ids, np.array(matches, dtype=np.float64)),
        "token_auprc": mean_measure("token_auprc", areas),
    }
    counts = {
        "n_questions": len(ids),
        "n_without_evidence": sum(not given[question_id].chosen for question_id in ids),
    }
    return Scores(measures, counts)


def score_faithfulness(
    full: Mapping[str, Mapping[str, float]],
    only_evidence: Mapping[str, Mapping[str, float]],
    without_evidence: Mapping[str, Mapping[str, float]],
) -> Scores:
    """Whether the label rests on the evidence that the reader shows.

    Parameters
    ----------
    full, only_evidence, without_evidence
        Question id → label → probability, from the whole documents, from the reader's evidence alone, and from the
        documents with it cut out.

    Returns
    -------
    Scores
        With ŷ the label of the whole documents: ``sufficiency``, the mean of p(ŷ) − p(ŷ | evidence alone), lower is
        better; ``comprehensiveness``, the mean of p(ŷ) − p(ŷ | all but the evidence), higher is better. Count:
        ``n_questions``, those that have all three.

    Raises
    ------
    UsageError
        No question has all three.
    """
    ids = [q for q, probabilities in full.items() if probabilities and q in only_evidence and q in without_evidence]
    if not ids:
        raise UsageError("the reader gives no probabilities with and without its evidence; nothing to compare")
    sufficiency, comprehensiveness = {}, {}
    for question_id in ids:
        label = max(full[question_id], key=full[question_id].__getitem__)
        whole = full[question_id][label]
        sufficiency[question_id] = whole - only_evidence[question_id].get(label, 0.0)
        comprehensiveness[question_id] = whole - without_evidence[question_id].get(label, 0.0)
    measures = {
        "sufficiency": mean_measure("sufficiency", sufficiency),
        "comprehensiveness": mean_measure("comprehensiveness", comprehensiveness),
    }
    return Scores(measures, {"n_questions": len(ids)})


def _tokens(texts: Mapping[str, str]) -> list[Stretch]:
    return [(name, found.start(), found.end()) for name, text in texts.items() for found in _TOKEN.finditer(text)]


def _covered(tokens: Sequence[Stretch], stretches: Sequence[Stretch]) -> set[int]:
    """Numbers of the tokens that share a character with one of the stretches."""
    return {
        number
        for number, (name, begin, end) in enumerate(tokens)
        for other, first, last in stretches
        if name == other and begin < last and first < end
    }


def _f1_of_sets(gold: set[int], read: set[int]) -> float:
    return 2 * len(gold & read) / (len(gold) + len(read)) if gold or read else 0.0


def _token_scores(tokens: Sequence[Stretch], read: ReadEvidence) -> Floats:
    scores = np.zeros(len(tokens))
    for stretch, score in read.scores or tuple((stretch, 1.0) for stretch in read.chosen):
        for number in _covered(tokens, [stretch]):
            scores[number] = max(scores[number], score)
    return scores


def _area(gold: set[int], scores: Floats) -> float:
    if not gold or not scores.any():
        return 0.0
    from sklearn.metrics import auc, precision_recall_curve

    truth = np.zeros(len(scores), dtype=np.int64)
    truth[list(gold)] = 1
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(auc(recall, precision))


def _agreeing(
    tokens: Sequence[Stretch], gold: Sequence[Stretch], read: Sequence[Stretch], threshold: float
) -> tuple[float, float, float]:
    """Share of the read stretches that agree, whether there are any, and the share of the gold's number that agree.

    The last is cut at 1: ERASER's program counts a gold stretch twice that two read ones agree with.
    """
    truths = [_covered(tokens, [stretch]) for stretch in dict.fromkeys(gold)]
    reads = [_covered(tokens, [stretch]) for stretch in dict.fromkeys(read)]
    best = [max((len(r & t) / len(r | t) for t in truths if r | t), default=0.0) for r in reads]
    n_agree = sum(overlap >= threshold for overlap in best)
    return (n_agree / len(reads) if reads else 0.0, float(bool(reads)), min(n_agree / len(truths), 1.0))


def _iou_f1(ids: tuple[str, ...], rows: Floats) -> Measure:
    """F1 of the mean precision over questions with evidence read, and the mean recall over all."""
    values = _harmonic(rows[:, 0], rows[:, 2])
    return combined_measure("iou_f1", ids, values, rows, iou_f1)
