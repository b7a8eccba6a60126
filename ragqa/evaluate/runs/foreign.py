"""Scoring what another system made: TREC runs and BioASQ submissions."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ragqa.errors import UsageError
from ragqa.evaluate.measures.bioasq.documents import score_documents
from ragqa.evaluate.measures.bioasq.exact import score_exact_answers
from ragqa.evaluate.measures.bioasq.question import BioasqQuestion
from ragqa.evaluate.measures.bioasq.snippets import score_snippets
from ragqa.evaluate.measures.measure import Measure, Scores
from ragqa.evaluate.measures.retrieval import DEFAULT_MEASURES, evaluate_run
from ragqa.evaluate.measures.rouge import score_ideal_answers
from ragqa.evaluate.runs.figures import Metrics, summarise
from ragqa.evaluate.tasks.formats.bioasq import is_gold, read_bioasq
from ragqa.evaluate.tasks.formats.read import listed
from ragqa.evaluate.tasks.formats.trec import read_qrels, read_run

Answers = Mapping[str, BioasqQuestion]


def score_trec(qrels: Path, run: Path, measures: Sequence[str] = ()) -> Metrics:
    """Score a TREC run against judgements, every judged query counting.

    Raises
    ------
    SourceError
        A file is missing, empty or malformed.
    UsageError
        A measure is unknown, or the run has none of the judged queries.
    """
    judged, found = read_qrels(qrels), read_run(run)
    if not judged.keys() & found.keys():
        raise UsageError(
            f"{run} has none of the {len(judged)} judged queries of {qrels} ({listed(list(judged))}), but "
            f"{listed(list(found))}; check that run and judgements belong together"
        )
    scores = evaluate_run(judged, found, tuple(measures) or DEFAULT_MEASURES)
    counts = {"n_failed": 0, "n_unparsed": 0, **scores.counts}
    task = {"name": "trec", "data": qrels.name, "run": run.name}
    return summarise(task, Scores(scores.measures, counts, scores.notes))


def score_bioasq(gold: Path, submission: Path) -> Metrics:
    """Score a BioASQ submission by everything that it and the gold file have.

    Raises
    ------
    SourceError
        A file is missing or malformed.
    UsageError
        The two have no question in common, or they are swapped.
    """
    if not is_gold(gold) and is_gold(submission):
        raise UsageError(
            f"{gold} has ideal answers as texts, as a submission has them, and {submission} lists of them, as a gold "
            "file has them: swap --gold and --submission"
        )
    wanted, given = read_bioasq(gold), read_bioasq(submission, submission=True)
    measures: dict[str, Measure] = {}
    counts = {
        "n_questions": len(wanted),
        "n_missing": sum(question_id not in given for question_id in wanted),
        "n_failed": 0,
        "n_unparsed": 0,
        "n_not_in_gold": sum(question_id not in wanted for question_id in given),
    }
    if counts["n_missing"] == len(wanted):
        raise UsageError(f"{submission} answers none of the {len(wanted)} questions of {gold}; take the same batch")
    notes = [f"{counts['n_missing']} questions are missing and count as wrong"] if counts["n_missing"] else []
    for name, score in _SCORERS.items():
        try:
            scores = score(wanted, given)
        except UsageError as error:
            notes.append(f"{name} is not scored: {error}")
            continue
        measures |= scores.measures
        counts |= {f"{name}.{key}": count for key, count in scores.counts.items()}
        notes += [note for note in scores.notes if note not in notes]
    task = {"name": "bioasq", "data": gold.name, "submission": submission.name}
    return summarise(task, Scores(measures, counts, tuple(notes)))


def _ideal(gold: Answers, given: Answers) -> Scores:
    references = {question_id: question.ideal_answers for question_id, question in gold.items()}
    return score_ideal_answers(references, {q: " ".join(answer.ideal_answers[:1]) for q, answer in given.items()})


_SCORERS: dict[str, Callable[[Answers, Answers], Scores]] = {
    "documents": score_documents,
    "snippets": score_snippets,
    "exact": score_exact_answers,
    "ideal": _ideal,
}
