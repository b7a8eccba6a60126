"""A task and the lines of its run → scores, group by group."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragqa.errors import UsageError
from ragqa.evaluate.measures.abstention import score_selective
from ragqa.evaluate.measures.bioasq.documents import score_documents
from ragqa.evaluate.measures.bioasq.exact import score_exact_answers
from ragqa.evaluate.measures.bioasq.question import (
    MAX_DOCUMENTS,
    MAX_FACTOIDS,
    BioasqQuestion,
    BioasqSnippet,
    ExactAnswer,
    pmid_url,
)
from ragqa.evaluate.measures.bioasq.snippets import score_snippets
from ragqa.evaluate.measures.calibration import score_calibration
from ragqa.evaluate.measures.choices import score_choices
from ragqa.evaluate.measures.citations import (
    EntailmentModel,
    LexicalOverlap,
    cited_sentences,
    score_alce,
    score_citations,
)
from ragqa.evaluate.measures.labels import PUBMEDQA_LABELS, score_labels
from ragqa.evaluate.measures.measure import Measure, Scores, mean_measure, per_question
from ragqa.evaluate.measures.retrieval import evaluate_run
from ragqa.evaluate.measures.rouge import score_ideal_answers
from ragqa.evaluate.runs.lines import QuestionLine
from ragqa.evaluate.runs.task import RunTask, reads, searches
from ragqa.evaluate.tasks.task import MetricGroup, Task, bioasq_gold, gold_labels, qrels
from ragqa.types import Answer, Statement

_BATCH = 256


@dataclass(slots=True)
class Outcomes:
    """What the lines of a run say, kept small: one entry a question that has a line.

    A question that failed has an error and nothing else. ``documents`` are the first ten.
    """

    documents: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    snippets: dict[str, tuple[BioasqSnippet, ...]] = field(default_factory=dict)
    sections: dict[tuple[str, str], str] = field(default_factory=dict)
    choices: dict[str, str | None] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


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
    for group in task.task.metrics:
        try:
            scores = retrieval if group == "retrieval" else _GROUPS[group](task, outcomes, model)
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


def submission_of(task: Task, outcomes: Outcomes) -> dict[str, BioasqQuestion]:
    """The outcomes as a BioASQ submission; questions without an outcome are missing from it."""
    submission = {}
    for question in task.questions:
        if question.id not in outcomes.documents:
            continue
        answer = outcomes.answers.get(question.id)
        submission[question.id] = BioasqQuestion(
            id=question.id,
            type=question.type,
            body=question.text,
            documents=tuple(map(pmid_url, outcomes.documents[question.id])),
            snippets=outcomes.snippets.get(question.id, ()),
            exact_answer=exact_answer_of(question.type, answer) if answer is not None else None,
            ideal_answers=(answer.text,) if answer is not None and answer.text else (),
        )
    return submission


def exact_answer_of(question_type: str | None, answer: Answer) -> ExactAnswer | None:
    """The exact answer as BioASQ has it.

    A yes/no question knows no ``maybe``: the likelier of yes and no is taken.
    """
    if question_type == "yesno":
        if answer.verdict in ("yes", "no"):
            return answer.verdict
        chances = answer.verdict_probabilities
        return max(("yes", "no"), key=lambda label: chances.get(label, 0.0)) if chances else None
    entries = tuple((exact.text,) for exact in answer.exact_answers)
    if question_type == "factoid":
        return entries[:MAX_FACTOIDS] or None
    return entries or None if question_type == "list" else None


def verdicts(task: Task, outcomes: Outcomes) -> dict[str, str | None]:
    """Question id → verdict, None under an abstention; questions that failed are missing."""
    found: dict[str, str | None] = {}
    for question_id in gold_labels(task):
        answer = outcomes.answers.get(question_id)
        if answer is not None:
            found[question_id] = answer.verdict
    return found


def _overall(task: Task, outcomes: Outcomes) -> dict[str, int]:
    ids = [question.id for question in task.questions]
    silent = [
        question_id
        for question_id in ids
        if question_id not in outcomes.errors
        and (
            question_id not in outcomes.documents
            or (reads(task) and question_id not in outcomes.answers)
            or (searches(task) and not outcomes.documents[question_id])
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
    judged = qrels(task.task) if "retrieval" in task.task.metrics else {}
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


def _labels(task: RunTask, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    return score_labels(gold_labels(task.task), verdicts(task.task, outcomes), task.task.labels or PUBMEDQA_LABELS)


def _choices(task: RunTask, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    sets = {question.id: question.subset for question in task.task.questions}
    several = sets if len(set(sets.values())) > 1 else None
    return score_choices(gold_labels(task.task), outcomes.choices, several)


def _calibration(task: RunTask, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    gold = gold_labels(task.task)
    chances = {
        question_id: answer.verdict_probabilities
        for question_id, answer in outcomes.answers.items()
        if question_id in gold
    }
    return score_calibration(gold, chances, task.task.labels or PUBMEDQA_LABELS)


def _selective(task: RunTask, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    gold = gold_labels(task.task)
    given = verdicts(task.task, outcomes)
    if not task.task.labels:  # BioASQ: yes or no
        given = {
            question_id: exact_answer_of("yesno", outcomes.answers[question_id])  # type: ignore[misc]
            for question_id in given
            if not outcomes.answers[question_id].abstained
        }
    return score_selective({q: None if given.get(q) is None else given[q] == label for q, label in gold.items()})


def _statements(task: RunTask, outcomes: Outcomes) -> dict[str, Sequence[Statement] | None]:
    found: dict[str, Sequence[Statement] | None] = {}
    for question in task.task.questions:
        answer = outcomes.answers.get(question.id)
        found[question.id] = answer.statements if answer is not None else None
    return found


def _citations(task: RunTask, outcomes: Outcomes, model: EntailmentModel) -> Scores:
    def section_text(document_id: str, section: str) -> str | None:
        return outcomes.sections.get((document_id, section))

    statements = _statements(task, outcomes)
    facts = score_citations(statements, section_text)
    sentences = {q: cited_sentences(found, section_text) if found else None for q, found in statements.items()}
    try:
        alce = score_alce(sentences, model)
    except UsageError as error:
        return Scores(facts.measures, facts.counts, (*facts.notes, f"citation recall and precision: {error}"))
    counts = {**facts.counts, **{f"alce_{name}": count for name, count in alce.counts.items()}}
    note = f"alce_*[{model.name}]: {model.name} is no entailment model" if isinstance(model, LexicalOverlap) else ""
    return Scores({**facts.measures, **alce.measures}, counts, (*facts.notes, *([note] if note else [])))


def _bioasq(
    score: Callable[[Mapping[str, BioasqQuestion], Mapping[str, BioasqQuestion]], Scores],
) -> Callable[[RunTask, Outcomes, EntailmentModel], Scores]:
    return lambda task, outcomes, _model: score(bioasq_gold(task.task), submission_of(task.task, outcomes))


def _rouge(task: RunTask, outcomes: Outcomes, model: EntailmentModel) -> Scores:  # noqa: ARG001
    gold = {question.id: question.ideal_answers for question in task.task.questions}
    return score_ideal_answers(gold, {question_id: answer.text for question_id, answer in outcomes.answers.items()})


_GROUPS: dict[MetricGroup, Callable[[RunTask, Outcomes, EntailmentModel], Scores]] = {
    "bioasq_documents": _bioasq(score_documents),
    "bioasq_snippets": _bioasq(score_snippets),
    "bioasq_exact": _bioasq(score_exact_answers),
    "rouge": _rouge,
    "labels": _labels,
    "choices": _choices,
    "calibration": _calibration,
    "selective": _selective,
    "citations": _citations,
}
