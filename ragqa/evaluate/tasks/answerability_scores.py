"""Answers to questions that can, and cannot, be answered, or that suppose what is false → scores."""

from dataclasses import dataclass

from ragqa.evaluate.measures.abstention import score_answerability, score_risk_coverage, score_selective
from ragqa.evaluate.measures.entailment import EntailmentModel, LexicalOverlap
from ragqa.evaluate.measures.measure import Scores, mean_measure, merged
from ragqa.evaluate.tasks.evidence import NEITHER
from ragqa.evaluate.tasks.outcomes import Outcomes
from ragqa.evaluate.tasks.task import Task, TaskQuestion


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered, None under an abstention, and how sure the system is of it."""

    label: str | None
    confidence: float


def answerability_scores(task: Task, outcomes: Outcomes) -> Scores:
    """Whether answers are given where there are any, are right, and come from the surest first."""
    answerable = {question.id: question.answerable for question in task.questions}
    responses = {q.id: found for q in task.questions if (found := response(q, outcomes)) is not None}
    right = {
        question.id: None if given.label is None else question.answerable and given.label == question.label
        for question in task.questions
        if (given := responses.get(question.id)) is not None
    }
    sure = {question_id: given.confidence for question_id, given in responses.items() if given.label is not None}
    whole = {question_id: right.get(question_id, False) for question_id in answerable}
    parts = [
        score_answerability(answerable, right),
        score_selective(whole),
        score_risk_coverage({question_id: value is True for question_id, value in whole.items()}, sure),
    ]
    return merged(parts)


def response(question: TaskQuestion, outcomes: Outcomes) -> Response | None:
    """What the system answered to a question; None where it failed.

    A claim labelled ``neither`` is an abstention. The confidence in a label is its probability; in a verdict its
    probability times the support of the best statement, which tells how well the evidence fits the question.
    """
    label = outcomes.labels.get(question.id)
    if label is not None:
        given = None if label.label in (None, NEITHER) else label.label
        return Response(given, label.probabilities.get(given, 0.0) if given else 0.0)
    answer = outcomes.answers.get(question.id)
    if answer is None:
        return None
    if answer.abstained or answer.verdict is None:
        return Response(None, 0.0)
    support = max((statement.support for statement in answer.statements), default=1.0)
    return Response(answer.verdict, answer.verdict_probabilities.get(answer.verdict, 1.0) * support)


def correction_scores(task: Task, outcomes: Outcomes, model: EntailmentModel) -> Scores:
    """Whether answers say what sets a false premise right: the answer must entail the gold correction.

    Word overlap is scored whatever the model, so that runs judged by different models can be compared.
    """
    asked = [question for question in task.questions if question.ideal_answers]
    texts = {q.id: outcomes.answers[q.id].text for q in asked if q.id in outcomes.answers}
    judges = {judge.name: judge for judge in (LexicalOverlap(), model)}
    measures = {}
    for name, judge in judges.items():
        pairs = [(texts.get(question.id, ""), question.ideal_answers[0]) for question in asked]
        said = judge.entails(pairs)
        key = f"false_premise_corrected[{name}]"
        values = {q.id: float(bool(texts.get(q.id)) and told) for q, told in zip(asked, said, strict=True)}
        measures[key] = mean_measure(key, values)
    silent = sum(not texts.get(question.id) for question in asked)
    note = "false_premise_corrected counts words of the correction; only an entailment model sees what is meant"
    notes = (note,) if isinstance(model, LexicalOverlap) else ()
    return Scores(measures, {"n_questions": len(asked), "n_without_answer": silent}, notes)
