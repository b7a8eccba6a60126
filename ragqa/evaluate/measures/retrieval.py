"""Retrieval measures by ir_measures and pytrec_eval (trec_eval's own code).

Three things decide whether two published figures can be compared, so they are fixed here:

- The denominator is the qrels: each of its queries counts, and one without hits scores 0.
- nDCG has linear gain and log2 discount, as trec_eval computes it.
- trec_eval ignores the ranks of a run. It sorts by score (held in single precision) and breaks ties by
  document id, the greater first. A ranked list therefore goes in as the scores n, n−1, … 1, which are exact and
  distinct, so that its order stands; a mapping of document to score is sorted and tied as trec_eval does it.
"""

import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from ragqa.errors import UsageError, nearest
from ragqa.evaluate.measures.measure import Measure, Scores, mean_measure

Qrels = Mapping[str, Mapping[str, int]]
Hits = Sequence[str] | Mapping[str, float]

DEFAULT_MEASURES = ("nDCG@10", "R@100", "MRR@10", "AP")
_HEADS = {"mrr": "RR", "map": "AP", "recall": "R", "precision": "P", "ndcg": "nDCG", "success": "Success"}
_EXAMPLES = ("nDCG@10", "R@100", "MRR@10", "AP", "P@10", "Success@1", "Rprec", "nDCG", "RR", "Bpref")


def evaluate_run(
    qrels: Qrels,
    run: Mapping[str, Hits],
    measures: Sequence[str] = DEFAULT_MEASURES,
    *,
    drop_query_id: bool = False,
    corpus_ids: Container[str] | None = None,
) -> Scores:
    """Score a run against relevance judgements.

    Parameters
    ----------
    qrels
        Query id → document id → grade; a grade of 1 or more is relevant.
    run
        Query id → documents best first, or document → score (see the module's text on ties).
    measures
        Names as ir_measures writes them, for example ``nDCG@10``, ``R@100``, ``AP``, ``P@5``, ``Success@1``;
        ``MRR@10``, ``MAP`` and ``recall@100`` are understood as well. Each is reported under the name asked for.
    drop_query_id
        Drop a document whose id equals the query's id (BEIR's and R2MED's rule for ArguAna-like sets).
    corpus_ids
        What has the ids that could be found at all (a set or a store); relevant documents outside are counted
        as ``n_judged_not_in_corpus``.

    Returns
    -------
    Scores
        Counts: ``n_questions`` (queries of the qrels), ``n_missing`` (of these, absent from the run or without
        hits), ``n_without_relevant`` (no relevant document is judged: they score 0, as in trec_eval),
        ``n_not_judged`` (queries of the run that the qrels lack: not scored).

    Raises
    ------
    UsageError
        A measure is unknown, the qrels are empty, a ranked list names a document twice, or a score is not finite.
    """
    if not qrels:
        raise UsageError("the qrels are empty; give a qrels file with at least one judged query")
    parsed = {name: _parse(name) for name in measures}
    scored = {query: _scores(query, run.get(query, ()), drop_query_id) for query in qrels}
    table = _pytrec_eval(qrels, scored, [measure for measure, _ in parsed.values()])
    result: dict[str, Measure] = {}
    for name, (measure, cutoff) in parsed.items():
        values = {query: table[str(measure)].get(query, 0.0) for query in qrels}
        if cutoff is not None:
            values = {query: value if value >= 1 / cutoff - 1e-12 else 0.0 for query, value in values.items()}
        result[name] = mean_measure(name, values)
    return _with_counts(result, qrels, run, scored, corpus_ids)


def _with_counts(
    measures: dict[str, Measure],
    qrels: Qrels,
    run: Mapping[str, Hits],
    scored: Mapping[str, dict[str, float]],
    corpus_ids: Container[str] | None,
) -> Scores:
    counts = {
        "n_questions": len(qrels),
        "n_missing": sum(not hits for hits in scored.values()),
        "n_without_relevant": sum(not any(grade > 0 for grade in judged.values()) for judged in qrels.values()),
        "n_not_judged": sum(query not in qrels for query in run),
    }
    notes = []
    if counts["n_missing"]:
        notes.append(f"{counts['n_missing']} of {len(qrels)} queries have no hits and score 0")
    if counts["n_not_judged"]:
        notes.append(f"{counts['n_not_judged']} queries of the run have no judgements and are not scored")
    if corpus_ids is not None:
        outside, n_judged = judged_outside(qrels, corpus_ids)
        counts["n_judged_not_in_corpus"] = outside
        if outside:
            notes.append(f"{outside} of {n_judged} relevant documents are not in the corpus and cannot be found")
    return Scores(measures, counts, tuple(notes))


def judged_outside(qrels: Qrels, corpus_ids: Container[str]) -> tuple[int, int]:
    """How many relevant (query, document) pairs name a document outside the corpus, and how many there are.

    >>> judged_outside({"q": {"d1": 1, "d2": 1, "d3": 0}}, {"d1"})
    (1, 2)
    """
    relevant = [document for judged in qrels.values() for document, grade in judged.items() if grade > 0]
    return sum(document not in corpus_ids for document in relevant), len(relevant)


def check_measure(name: str) -> None:
    """Raise :class:`UsageError` with the nearest name unless ``name`` is a retrieval measure."""
    _parse(name)


def _parse(name: str) -> tuple[Any, int | None]:
    """The ir_measures measure, and the cut-off that is applied to RR afterwards (trec_eval has none)."""
    import ir_measures
    from ir_measures import pytrec_eval

    head, _, tail = name.partition("@")
    written = _HEADS.get(head.lower(), head) + (f"@{tail}" if tail else "")
    if match := re.fullmatch(r"RR@([1-9]\d*)", written):
        return ir_measures.RR, int(match[1])
    try:
        measure = ir_measures.parse_measure(written)
        needs_cutoff = measure.NAME in {"P", "R", "Success"}
        known = "@0" not in written and ("@" in written or not needs_cutoff) and pytrec_eval.supports(measure)
    except (NameError, ValueError, TypeError):
        known = False
    if not known:
        raise UsageError(f"{name!r} is not a retrieval measure; {nearest(name, _EXAMPLES)} (any cut-off after @)")
    return measure, None


def _scores(query: str, hits: Hits, drop_query_id: bool) -> dict[str, float]:
    if isinstance(hits, Mapping):
        scores = dict(hits)
        if scores and not np.isfinite(list(scores.values())).all():
            raise UsageError(f"query {query!r} has a score that is not a finite number; mend the run")
    else:
        scores = {document: float(len(hits) - place) for place, document in enumerate(hits)}
        if len(scores) != len(hits):
            raise UsageError(f"query {query!r} lists a document more than once; a ranked list names each once")
    if drop_query_id:
        scores.pop(query, None)
    return scores


def _pytrec_eval(
    qrels: Qrels, scored: Mapping[str, dict[str, float]], measures: Sequence[Any]
) -> dict[str, dict[str, float]]:
    from ir_measures import pytrec_eval

    table: dict[str, dict[str, float]] = {str(measure): {} for measure in measures}
    # pytrec_eval fails on a query with an empty table of judgements or hits; both score 0.
    judged = {query: dict(grades) for query, grades in qrels.items() if grades}
    found = {query: scores for query, scores in scored.items() if scores}
    if judged and found:
        for metric in pytrec_eval.iter_calc(list(set(measures)), judged, found):
            table[str(metric.measure)][metric.query_id] = float(metric.value)
    return table
