"""What searching in many steps brought: how often was searched, which of the evidence was found, and what was cited.

Recall and citation figures are those of BrowseComp-Plus (Chen et al., arXiv 2508.06600) by its evaluation program.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Measure, Scores, answered_measure, mean_measure, ratio

_RECORDED = "questions with a record of searches"
_CITING = "answers that cite something"
DECLARATIONS = (
    *(
        Declaration(
            name, higher_is_better=False, high=float("inf"), denominator=_RECORDED, is_conditional=True, combine=ratio
        )
        for name in ("n_searches", "n_retrieved")
    ),
    Declaration("evidence_recall", denominator="questions with evidence documents"),
    Declaration("gold_recall", denominator="questions with gold documents"),
    Declaration("citation_precision", denominator="questions with evidence documents"),
    Declaration("citation_recall", denominator="questions with evidence documents"),
    Declaration("citation_precision_cited", denominator=_CITING, is_conditional=True, combine=ratio),
    Declaration("citation_recall_cited", denominator=_CITING, is_conditional=True, combine=ratio),
)


@dataclass(frozen=True, slots=True)
class Searched:
    """How often was searched for a question, all documents that came back, and those that the answer cites."""

    n_searches: int
    retrieved: Collection[str]
    cited: Sequence[str] = ()


def score_searching(
    evidence: Mapping[str, Collection[str]], gold: Mapping[str, Collection[str]], searched: Mapping[str, Searched]
) -> Scores:
    """Searches, recall of documents, and citations.

    ``n_searches`` and ``n_retrieved`` (different documents) are means over the questions with a record. They tell what
    the recall was paid with: fewer is cheaper, not better in itself.

    ``evidence_recall`` is the share of a question's evidence documents among all that its searches brought,
    ``gold_recall`` that of those which hold the answer itself; a question without a record has 0.
    ``citation_precision`` is the share of cited documents that are evidence, ``citation_recall`` the share of evidence
    that is cited; an answer without citations has 0 for both. BrowseComp-Plus leaves such answers out of both means:
    ``citation_precision_cited`` and ``citation_recall_cited`` do so, too.

    Parameters
    ----------
    evidence, gold
        Question id → documents, for every question; an empty collection where none are known.
    searched
        Question id → its record; questions that failed are missing.

    Returns
    -------
    Scores
        Counts: ``n_questions``, ``n_without_record``, ``n_without_evidence`` (they are in no recall), ``n_citing``.

    Raises
    ------
    UsageError
        No question has evidence documents, or none has a record of searches.
    """
    judged = [question for question in evidence if evidence[question]]
    if not judged:
        raise UsageError("no question has evidence documents, so there is nothing whose recall could be told")
    recorded = {question: searched[question] for question in evidence if question in searched}
    if not recorded:
        raise UsageError(
            "no question has a record of its searches; score a run with a reader, or import one in the form of "
            "BrowseComp-Plus"
        )
    cited = {question: set(record.cited) for question, record in recorded.items() if record.cited}
    measures = [
        answered_measure("n_searches", list(evidence), {q: float(one.n_searches) for q, one in recorded.items()}),
        answered_measure(
            "n_retrieved", list(evidence), {q: float(len(set(one.retrieved))) for q, one in recorded.items()}
        ),
        _recall("evidence_recall", evidence, {q: one.retrieved for q, one in recorded.items()}),
        *(
            [_recall("gold_recall", gold, {q: one.retrieved for q, one in recorded.items()})]
            if any(gold.values())
            else []
        ),
        *_citations(judged, evidence, cited),
    ]
    counts = {
        "n_questions": len(evidence),
        "n_without_record": len(evidence) - len(recorded),
        "n_without_evidence": len(evidence) - len(judged),
        "n_citing": len(cited),
    }
    return Scores({measure.name: measure for measure in measures}, counts, _notes(counts))


def _recall(name: str, wanted: Mapping[str, Collection[str]], found: Mapping[str, Collection[str]]) -> Measure:
    return mean_measure(name, {q: _share(documents, found.get(q, ())) for q, documents in wanted.items() if documents})


def _citations(
    judged: Sequence[str], evidence: Mapping[str, Collection[str]], cited: Mapping[str, Collection[str]]
) -> list[Measure]:
    precision = {q: _share(cited[q], evidence[q]) for q in judged if q in cited}
    recall = {q: _share(evidence[q], cited[q]) for q in judged if q in cited}
    found = []
    for name, values in (("citation_precision", precision), ("citation_recall", recall)):
        found.append(mean_measure(name, {question: values.get(question, 0.0) for question in judged}))
        if values:
            found.append(answered_measure(f"{name}_cited", judged, values))
    return found


def _share(of: Collection[str], among: Collection[str]) -> float:
    wanted = set(of)
    return len(wanted.intersection(among)) / len(wanted)


def _notes(counts: Mapping[str, int]) -> tuple[str, ...]:
    notes = []
    if counts["n_without_evidence"]:
        notes.append(f"{counts['n_without_evidence']} questions have no evidence documents and are in no recall")
    if not counts["n_citing"]:
        notes.append("no answer cites a document")
    return tuple(notes)
