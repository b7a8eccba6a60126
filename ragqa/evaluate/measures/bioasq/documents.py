"""BioASQ phase A, documents: precision, recall, F1, MAP and GMAP as the official program defines them (version 9).

AP = Σ_r P@r · rel(r) / min(10, number of gold documents); GMAP = exp(mean of ln(AP + 1e-5)). A question whose
gold list is empty is left out, as in the program, and counted.
"""

import math
from collections.abc import Mapping, Sequence, Set

import numpy as np

from ragqa.evaluate.measures.bioasq.common import f1, paired
from ragqa.evaluate.measures.bioasq.question import MAX_DOCUMENTS, BioasqQuestion, pmid_url
from ragqa.evaluate.measures.measure import Declaration, Floats, Measure, Scores, combined_measure, mean_measure

EPSILON = 1e-5


def exponential(means: Floats) -> Floats:
    """Exp of the mean: with logarithms as features, the geometric mean."""
    return np.asarray(np.exp(means[..., 0]))


_PADDED, _SUBMITTED = "questions with gold documents", "submitted questions with gold documents"
DECLARATIONS = (
    Declaration("document_*", cutoff=MAX_DOCUMENTS, denominator=_PADDED),
    Declaration(
        "document_gmap", low=EPSILON, high=1 + EPSILON, cutoff=MAX_DOCUMENTS, denominator=_PADDED, combine=exponential
    ),
    # The program cuts no list, so that its average precision can exceed 1.
    Declaration("official_document_*", cutoff=MAX_DOCUMENTS, denominator=_SUBMITTED),
    Declaration("official_document_map", high=math.inf, cutoff=MAX_DOCUMENTS, denominator=_SUBMITTED),
    Declaration(
        "official_document_gmap",
        low=EPSILON,
        high=math.inf,
        cutoff=MAX_DOCUMENTS,
        denominator=_SUBMITTED,
        combine=exponential,
    ),
)


def score_documents(gold: Mapping[str, BioasqQuestion], submission: Mapping[str, BioasqQuestion]) -> Scores:
    """Score the documents of a phase A submission.

    ``document_precision``, ``document_recall``, ``document_f1``, ``document_map`` and ``document_gmap`` are over
    every question with gold documents; addresses are normalised, duplicates dropped, and the list is cut at 10.
    The same with ``official_`` before the name are what the official program prints: questions missing from the
    submission left out, addresses compared as they stand (``https`` never matches), nothing cut (20 right of 20
    give an AP of 2).

    Returns
    -------
    Scores
        Counts: ``n_questions``, ``n_missing`` (padded with an empty list), ``n_without_gold`` (left out),
        ``n_not_in_gold`` (submitted but unknown), ``n_documents_cut`` (questions with more than 10 documents),
        ``n_documents_duplicated`` and ``n_documents_normalised`` (questions in which an address occurred twice,
        or was not in the program's form).

    Raises
    ------
    UsageError
        The submission has none of the gold questions.
    """
    scorable = {question_id: question for question_id, question in gold.items() if question.documents}
    pairs = paired(scorable, submission, gold)
    rows, official = {}, {}
    n_cut = n_duplicated = n_normalised = 0
    for question_id, question in scorable.items():
        written = pairs.answers[question_id].documents
        unique = list(dict.fromkeys(written))
        documents = list(dict.fromkeys(map(pmid_url, written)))
        n_cut += len(documents) > MAX_DOCUMENTS
        n_duplicated += len(documents) < len(written)
        n_normalised += any(pmid_url(document) != document for document in written)
        rows[question_id] = _row(documents[:MAX_DOCUMENTS], {pmid_url(document) for document in question.documents})
        if question_id in pairs.submitted:
            official[question_id] = _row(unique, set(question.documents))
    counts = {
        "n_questions": len(scorable),
        "n_missing": pairs.n_missing,
        "n_without_gold": len(gold) - len(scorable),
        "n_not_in_gold": pairs.n_unknown,
        "n_documents_cut": n_cut,
        "n_documents_duplicated": n_duplicated,
        "n_documents_normalised": n_normalised,
    }
    return Scores({**_measures("document_", rows), **_measures("official_document_", official)}, counts)


def average_precision(documents: Sequence[str], gold: Set[str]) -> float:
    """BioASQ's AP of a ranked list.

    >>> average_precision(["right", "wrong", "right too"], {"right", "right too"})
    0.8333333333333333
    """
    n_right, total = 0, 0.0
    for rank, document in enumerate(documents, start=1):
        if document in gold:
            n_right += 1
            total += n_right / rank
    return total / min(10, len(gold))


def geometric_mean(name: str, values: Mapping[str, float]) -> Measure:
    """The geometric mean exp(mean ln(value + 1e-5)), which the program calls GMAP."""
    features = np.array([[math.log(value + EPSILON)] for value in values.values()]).reshape(-1, 1)
    return combined_measure(name, tuple(values), list(values.values()), features, exponential)


def _row(documents: Sequence[str], gold: Set[str]) -> tuple[float, float, float, float]:
    n_right = sum(document in gold for document in documents)
    precision = n_right / len(documents) if documents else 0.0
    recall = n_right / len(gold)
    return precision, recall, f1(precision, recall), average_precision(documents, gold)


def _measures(prefix: str, rows: Mapping[str, tuple[float, float, float, float]]) -> dict[str, Measure]:
    measures = {}
    for column, name in enumerate(("precision", "recall", "f1", "map")):
        values = {question_id: row[column] for question_id, row in rows.items()}
        measures[prefix + name] = mean_measure(prefix + name, values)
    measures[prefix + "gmap"] = geometric_mean(
        prefix + "gmap", {question_id: row[3] for question_id, row in rows.items()}
    )
    return measures
