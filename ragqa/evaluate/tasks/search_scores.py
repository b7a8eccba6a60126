"""Answers that were searched for in many steps → scores."""

from ragqa.evaluate.measures.confidence import score_confidence
from ragqa.evaluate.measures.measure import Scores
from ragqa.evaluate.measures.searching import Searched, score_searching
from ragqa.evaluate.measures.short_answers import is_exact_match, score_short_answers
from ragqa.evaluate.tasks.outcomes import Outcomes
from ragqa.evaluate.tasks.task import Task, TaskQuestion
from ragqa.types import Answer

HOLDS_ANSWER = "answer"
"""Label of the evidence that holds the answer itself: BrowseComp-Plus' gold documents."""


def searching_scores(task: Task, outcomes: Outcomes) -> Scores:
    """Searches, the recall of evidence and gold documents, and citations."""
    evidence = {question.id: [d for d, grade in question.relevant.items() if grade > 0] for question in task.questions}
    gold = {question.id: gold_documents(question) for question in task.questions}
    searched = {
        question_id: Searched(one.n_searches, one.retrieved, one.cited)
        for question_id, one in outcomes.searches.items()
    }
    return score_searching(evidence, gold, searched)


def short_answer_scores(task: Task, outcomes: Outcomes) -> Scores:
    """Exact match and token F1 of the first exact answer."""
    wanted = {question.id: wanted_answers(question) for question in task.questions}
    return score_short_answers(wanted, {q: short_answer(answer) for q, answer in outcomes.answers.items()})


def confidence_scores(task: Task, outcomes: Outcomes) -> Scores:
    """The calibration error of answers' confidence; an answer is right where it matches exactly."""
    given = {question_id: short_answer(answer) for question_id, answer in outcomes.answers.items()}
    right = {q.id: is_exact_match(given.get(q.id, ""), wanted_answers(q)) for q in task.questions}
    stated = {question_id: confidence_in(answer) for question_id, answer in outcomes.answers.items()}
    return score_confidence(right, {q: confidence for q, confidence in stated.items() if confidence is not None})


def gold_documents(question: TaskQuestion) -> tuple[str, ...]:
    """The documents that hold the answer itself."""
    return tuple(one.document_id for one in question.evidence if one.label == HOLDS_ANSWER)


def wanted_answers(question: TaskQuestion) -> tuple[str, ...]:
    """Every text that counts as the answer."""
    exact = question.exact_answer
    return tuple(name for entry in exact for name in entry) if isinstance(exact, tuple) else ()


def confidence_in(answer: Answer) -> float | None:
    """How sure an answer is, 0 to 1: the score of its first exact answer, else the support of its best statement.

    None under an abstention, and where it has neither.
    """
    if answer.abstained:
        return None
    if answer.exact_answers:
        return answer.exact_answers[0].score
    return max((statement.support for statement in answer.statements), default=None)


def short_answer(answer: Answer) -> str:
    """What an answer comes to: its first exact answer, else its text; "" under an abstention."""
    return answer.exact_answers[0].text if answer.exact_answers else answer.text
