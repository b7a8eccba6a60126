"""A task and the lines of its run → scores, group by group."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ragqa.errors import UsageError
from ragqa.evaluate.measures.bioasq.question import MAX_DOCUMENTS
from ragqa.evaluate.measures.entailment import EntailmentModel, LexicalOverlap
from ragqa.evaluate.measures.measure import Measure, Scores, mean_measure, per_question
from ragqa.evaluate.measures.retrieval import evaluate_run
from ragqa.evaluate.runs.lines import QuestionLine
from ragqa.evaluate.runs.task import RunTask, searches
from ragqa.evaluate.tasks.outcomes import Outcomes
from ragqa.evaluate.tasks.scorers import RETRIEVAL, needs_reader, scorer
from ragqa.evaluate.tasks.task import Task, qrels

_BATCH = 256


def outcomes_of(lines: Iterable[QuestionLine]) -> Outcomes:
    """Gather the lines of a run."""
    outcomes = Outcomes()
    for line in lines:
        _gather(outcomes, line)
    return outcomes


def _gather(outcomes: Outcomes, line: QuestionLine) -> None:
    if line.error:
        outcomes.errors[line.id] = line.error
        return
    outcomes.documents[line.id] = line.hits.document_ids[:MAX_DOCUMENTS]
    if line.answer is not None:
        outcomes.answers[line.id] = replace(line.answer, sources=(), notices=())
        outcomes.choices[line.id] = line.choice
    if line.labelled is not None:
        outcomes.labels[line.id] = line.labelled
    if line.searched is not None:
        outcomes.searches[line.id] = line.searched
    if line.snippets:
        outcomes.snippets[line.id] = tuple(line.snippets)
    outcomes.sections.update({(cited.document_id, cited.section): cited.text for cited in line.cited})


def score_run(task: RunTask, lines: Iterable[QuestionLine], entailment: EntailmentModel | None = None) -> Scores:
    """Every figure of a run.

    Returns
    -------
    Scores
        Counts: ``n_questions``; ``n_missing`` (no line, or nothing came back where something should have);
        ``n_failed`` (ended in an error); ``n_abstained``; ``n_unparsed``; and each group's own counts as
        ``GROUP.NAME``. All of them are in the denominators. A group that cannot be scored has a note that says why.
    """
    outcomes, retrieval = _streamed(task, lines)
    model = entailment or LexicalOverlap()
    measures: dict[str, Measure] = {}
    counts = _overall(task.task, outcomes)
    notes = [*task.task.notes, *_leak(task)]
    for group in task.task.scorers:
        try:
            scores = retrieval if group == RETRIEVAL else scorer(group).score(task.task, outcomes, model)
        except UsageError as error:
            notes.append(f"{group} is not scored: {error}")
            continue
        measures.update({name: measure for name, measure in scores.measures.items() if name not in measures})
        counts.update({f"{group}.{name}": count for name, count in scores.counts.items()})
        counts["n_unparsed"] = max(counts["n_unparsed"], scores.counts.get("n_unparsed", 0))
        notes += [note for note in scores.notes if note not in notes]
    if outcomes.errors:
        notes.append(f"{len(outcomes.errors)} questions ended in an error and count as wrong")
    return Scores(measures, counts, tuple(notes))


def score_retrieval(task: RunTask, lines: Iterable[QuestionLine], measures: Sequence[str]) -> Scores:
    """Retrieval measures of a run that its task does not name.

    Raises
    ------
    UsageError
        A measure is unknown, or the task has no relevance judgements.
    """
    if not qrels(task.task):
        raise UsageError(f"the task {task.task.name!r} has no relevance judgements for {', '.join(measures)}")
    asked = replace(task.task, measures=tuple(measures), scorers=(RETRIEVAL,))
    return _streamed(replace(task, task=asked), lines)[1]


def _overall(task: Task, outcomes: Outcomes) -> dict[str, int]:
    ids = [question.id for question in task.questions]
    reads, searched = needs_reader(task), searches(task)
    silent = [
        question_id
        for question_id in ids
        if question_id not in outcomes.errors
        and (
            question_id not in outcomes.documents
            or (reads and question_id not in outcomes.answers and question_id not in outcomes.labels)
            or (searched and not outcomes.documents[question_id])
        )
    ]
    return {
        "n_questions": len(ids),
        "n_missing": len(silent),
        "n_failed": sum(question_id in outcomes.errors for question_id in ids),
        "n_abstained": sum(answer.abstained for answer in outcomes.answers.values()),
        "n_unparsed": 0,
    }


def _leak(task: RunTask) -> list[str]:
    if not task.n_sources or not searches(task.task):
        return []
    found, total = task.n_sources_in_corpus, task.n_sources
    return [f"{found} of the {total} documents that the questions were made from are in the corpus (leak flag)"]


def _streamed(task: RunTask, lines: Iterable[QuestionLine]) -> tuple[Outcomes, Scores]:
    """The outcomes, and the retrieval scores, for which the hits of one batch of questions are held at a time."""
    outcomes = Outcomes()
    judged = qrels(task.task) if RETRIEVAL in task.task.scorers else {}
    found: dict[str, list[str]] = {}
    parts: list[Scores] = []
    for line in lines:
        _gather(outcomes, line)
        if line.id in judged:
            found[line.id] = [] if line.error else line.hits.document_ids
        if len(found) == _BATCH:
            parts.append(_retrieval(task, {question: judged.pop(question) for question in found}, found))
            found = {}
    if judged:
        parts.append(_retrieval(task, judged, found))
    return outcomes, _in_order(parts, [question.id for question in task.task.questions]) if parts else Scores({})


def _retrieval(task: RunTask, judged: Mapping[str, dict[str, int]], found: Mapping[str, list[str]]) -> Scores:
    relevant = {document for grades in judged.values() for document, grade in grades.items() if grade > 0}
    return evaluate_run(
        judged,
        found,
        task.task.measures,
        drop_query_id=task.task.drop_query_id,
        corpus_ids=relevant - set(task.not_in_corpus),
    )


def _in_order(parts: Sequence[Scores], question_ids: Sequence[str]) -> Scores:
    """Scores of batches as one, questions in the order of the task, so that how they were batched does not matter."""
    place = {question_id: number for number, question_id in enumerate(question_ids)}
    measures = {}
    for name in parts[0].measures:
        values = {q: value for part in parts for q, value in per_question(part.measures[name]).items()}
        measures[name] = mean_measure(name, dict(sorted(values.items(), key=lambda item: place[item[0]])))
    counts: dict[str, int] = {}
    for part in parts:
        for key, count in part.counts.items():
            counts[key] = counts.get(key, 0) + count
    return Scores(measures, counts, _retrieval_notes(counts))


def _retrieval_notes(counts: Mapping[str, int]) -> tuple[str, ...]:
    notes = []
    if counts["n_missing"]:
        notes.append(f"{counts['n_missing']} of {counts['n_questions']} queries have no hits and score 0")
    if outside := counts.get("n_judged_not_in_corpus", 0):
        notes.append(f"{outside} relevant documents (of all judged pairs) are not in the corpus and cannot be found")
    return tuple(notes)
