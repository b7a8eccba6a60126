"""Retrieval measures by ir_measures and pytrec_eval (trec_eval's own code).

Three things decide whether two published figures can be compared, so they are fixed here:

- The denominator is the qrels: each of its queries counts, and one without hits scores 0.
- nDCG has linear gain and log2 discount, as trec_eval computes it.
- trec_eval ignores the ranks of a run. It sorts by score (held in single precision) and breaks ties by
  document id, the greater first. A ranked list therefore goes in as the scores n, n−1, … 1, which are exact and
  distinct, so that its order stands; a mapping of document to score is sorted and tied as trec_eval does it.
"""

import math
import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from ragqa.errors import UsageError, nearest
from ragqa.evaluate.measures.measure import Declaration, Measure, Scores, mean_measure
from ragqa.evaluate.measures.rank_biased import RankBiasedPrecision

Qrels = Mapping[str, Mapping[str, int]]
Hits = Sequence[str] | Mapping[str, float]

DEFAULT_MEASURES = ("nDCG@10", "R@100", "MRR@10", "AP@100")
_HEADS = {"mrr": "RR", "map": "AP", "recall": "R", "precision": "P", "ndcg": "nDCG", "success": "Success"}
_NEED_CUTOFF = frozenset({"P", "R", "Success"})
_EXAMPLES = (
    "nDCG@10",
    "R@100",
    "MRR@10",
    "AP@100",
    "RR(rel=2)@10",
    "nDCG(judged_only=True)@10",
    "Judged@10",
    "AP",
    "P@10",
    "Success@1",
    "Rprec",
    "nDCG",
    "RR",
    "Bpref",
)


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
        ``n_not_judged`` (queries of the run that the qrels lack: not scored); with ``drop_query_id`` also
        ``n_relevant_with_own_id`` (relevant documents that are dropped).

    Raises
    ------
    UsageError
        A measure is unknown, the qrels are empty, a ranked list names a document twice, or a score is not finite.
    """
    if not qrels:
        raise UsageError("the qrels are empty; give a qrels file with at least one judged query")
    parsed = {name: parse_measure(name) for name in measures}
    scored = {query: _scores(query, run.get(query, ()), drop_query_id) for query in qrels}
    table = _computed(qrels, scored, list(parsed.values()))
    result: dict[str, Measure] = {}
    for name, measure in parsed.items():
        values = {query: table[str(measure)].get(query, 0.0) for query in qrels}
        result[name] = mean_measure(name, values)
    scores = _with_counts(result, qrels, run, scored, corpus_ids)
    return _told_of_own_ids(scores, qrels) if drop_query_id else scores


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
    if counts["n_without_relevant"] == len(qrels):
        notes.append("no document is judged relevant (all grades are 0 or less): every measure is 0 for any run")
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


def _told_of_own_ids(scores: Scores, qrels: Qrels) -> Scores:
    """Count the relevant documents that cannot be found because they have the id of their query."""
    n_lost = sum(judged.get(query, 0) > 0 for query, judged in qrels.items())
    notes = [f"{n_lost} relevant documents have the id of their query and are dropped with it"] if n_lost else []
    counts = {**scores.counts, "n_relevant_with_own_id": n_lost}
    return Scores(scores.measures, counts, (*scores.notes, *notes))


def judged_outside(qrels: Qrels, corpus_ids: Container[str]) -> tuple[int, int]:
    """How many relevant (query, document) pairs name a document outside the corpus, and how many there are.

    >>> judged_outside({"q": {"d1": 1, "d2": 1, "d3": 0}}, {"d1"})
    (1, 2)
    """
    relevant = [document for judged in qrels.values() for document, grade in judged.items() if grade > 0]
    return sum(document not in corpus_ids for document in relevant), len(relevant)


def declared_retrieval(name: str) -> Declaration | None:
    """What holds of a measure of ranked lists by its name; None where the name is none.

    >>> declared_retrieval("MRR@10").cutoff, declared_retrieval("AP").needs_all_hits
    (10, True)
    """
    try:
        measure = parse_measure(name)
    except UsageError:
        return None
    cutoff = measure.params.get("cutoff")
    is_share = measure.NAME == "Success"
    unbounded = measure.NAME in {"NumRet", "NumRel", "NumRelRet", "NumQ", "nERR_IA"}
    return Declaration(
        name,
        high=math.inf if unbounded else 1.0,
        cutoff=cutoff,
        needs_all_hits=cutoff is None,
        denominator="judged queries",
        is_proportion=is_share,
    )


def parse_measure(name: str) -> Any:
    """The measure of ir_measures that ``name`` means, in its own syntax or by a usual name (``MRR@10``, ``map``).

    Raises
    ------
    UsageError
        There is none, or no installed program computes it; the nearest is named.
    """
    import ir_measures

    head, brackets, rest = re.fullmatch(r"([^@(]*)(\([^)]*\))?(.*)", name, re.DOTALL).groups("")  # type: ignore[union-attr]
    written = _HEADS.get(head.lower(), head) + brackets + rest
    try:
        measure = ir_measures.parse_measure(written)
        str(measure)
        cutoff = measure.params.get("cutoff", 1 if measure.NAME not in _NEED_CUTOFF else 0)
        known = cutoff > 0 and _program(measure) is not None
    except (NameError, ValueError, TypeError, KeyError, AssertionError, SyntaxError):
        known = False
    if not known:
        raise UsageError(
            f"{name!r} is not a retrieval measure; {nearest(name, _EXAMPLES)} (any cut-off after @, parameters in "
            "brackets as ir_measures writes them)"
        )
    return measure


def _program(measure: Any) -> Any:
    """The program that computes the measure, trec_eval's own code wherever it can; None for none.

    The perl script among ir_measures' programs is not taken: it fails on ids that are no numbers.
    """
    from ir_measures import accuracy, compat, cwl_eval, judged, msmarco, pytrec_eval

    programs: list[Any] = [pytrec_eval, judged, msmarco, compat, accuracy, cwl_eval, RankBiasedPrecision()]
    return next((one for one in programs if one.is_available() and one.supports(measure)), None)


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


def _computed(
    qrels: Qrels, scored: Mapping[str, dict[str, float]], measures: Sequence[Any]
) -> dict[str, dict[str, float]]:
    """Measure → query → value."""
    table: dict[str, dict[str, float]] = {str(measure): {} for measure in measures}
    # The programs fail on a query with an empty table of judgements or hits; both score 0.
    judged = {query: dict(grades) for query, grades in qrels.items() if grades}
    found = {query: scores for query, scores in scored.items() if scores}
    if not judged or not found:
        return table
    asked: dict[str, tuple[Any, list[Any]]] = {}
    for measure in dict.fromkeys(measures):
        wanted, cutoff = _without_cutoff(measure)
        program = _program(wanted)
        asked.setdefault(program.NAME, (program, []))[1].append((measure, wanted, cutoff))
    for program, members in asked.values():
        by_name: dict[str, list[tuple[Any, int | None]]] = {}
        for measure, wanted, cutoff in members:
            by_name.setdefault(str(wanted), []).append((measure, cutoff))
        for one in program.iter_calc(list({str(w): w for _, w, _ in members}.values()), judged, found):
            for measure, cutoff in by_name[str(one.measure)]:
                reached = cutoff is None or one.value >= 1 / cutoff - 1e-12
                table[str(measure)][one.query_id] = float(one.value) if reached else 0.0
    return table


def _without_cutoff(measure: Any) -> tuple[Any, int | None]:
    """trec_eval's reciprocal rank has no cut-off; it is applied afterwards, so that ties are broken alike."""
    if measure.NAME != "RR" or "cutoff" not in measure.params:
        return measure, None
    others = {name: value for name, value in measure.params.items() if name != "cutoff"}
    return type(measure)(**others), measure.params["cutoff"]
