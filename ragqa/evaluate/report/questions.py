"""The question browser: every question of a section with its gold, and what each system found and answered."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragqa.evaluate.measures.measure import per_question
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.report.breakdown import year_of
from ragqa.evaluate.report.model import Section, SystemRow
from ragqa.evaluate.runs.lines import QuestionLine, read_lines
from ragqa.evaluate.runs.task import read_task
from ragqa.evaluate.tasks.task import TaskQuestion

N_HITS = 10
_OWN_NUMBERS = frozenset({"browsecomp-plus"})
"""Tasks whose documents have numbers that are no PMIDs."""


@dataclass(frozen=True, slots=True)
class ShownHit:
    """A hit: the document, where its abstract can be read ("" where nowhere is known), and its grade in the gold."""

    document_id: str
    address: str
    grade: int | None


@dataclass(frozen=True, slots=True)
class ShownStatement:
    """A sentence of an answer, the documents that it cites, and the words quoted from them."""

    text: str
    citations: tuple[ShownHit, ...]
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownSearch:
    """One search of a system that searched several times: its query and what it brought."""

    query: str
    hits: tuple[ShownHit, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a system made of it; ``outcome`` is ``right``, ``partly``, ``wrong``, ``abstained`` or ``failed``.

    ``searches`` are those of a system that searched several times; its ``hits`` are what all of them brought.
    """

    system: str
    value: float | None
    outcome: str
    given: str
    hits: tuple[ShownHit, ...] = ()
    statements: tuple[ShownStatement, ...] = ()
    reason: str = ""
    searches: tuple[ShownSearch, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """A question with its gold and every system's attempt; ``change`` is the first system's value less the second's."""

    id: str
    text: str
    kind: str
    subset: str
    year: str
    gold: str
    gold_documents: tuple[ShownHit, ...]
    attempts: tuple[Attempt, ...]
    change: float | None


def questions_of(section: Section) -> list[ShownQuestion]:
    """The questions of a section, those first on which the first system gains or loses most, then the worst.

    Runs over several sets have none: each set's run has its own report.
    """
    rows = [row for row in section.rows if not row.run.members]
    if not rows:
        return []
    task = read_task(rows[0].run.path).task
    questions = {question.id: question for question in task.questions}
    linked = task.name not in _OWN_NUMBERS
    attempts: dict[str, list[Attempt]] = {question_id: [] for question_id in questions}
    for row in rows:
        values = per_question(row.run.scores.measures[section.primary]) if section.primary else {}
        for line in read_lines(row.run.path):
            if line.id in questions:
                attempts[line.id].append(
                    _attempt(row, line, questions[line.id], values, section.primary, linked=linked)
                )
    shown = [
        _shown(questions[question_id], year_of(task, questions[question_id]), made, linked)
        for question_id, made in attempts.items()
    ]
    sign = declared(section.primary).sign if section.primary else 1
    return sorted(shown, key=lambda question: _order(question, sign))


def _order(question: ShownQuestion, sign: int) -> tuple[float, float]:
    value = next((attempt.value for attempt in question.attempts if attempt.value is not None), math.inf)
    return -abs(question.change or 0.0), sign * value


def _shown(question: TaskQuestion, year: str, attempts: Sequence[Attempt], linked: bool) -> ShownQuestion:
    values = [attempt.value for attempt in attempts[:2]]
    change = None
    if len(values) == 2 and values[0] is not None and values[1] is not None:
        change = values[0] - values[1]
    return ShownQuestion(
        id=question.id,
        text=question.text,
        kind=question.type or "",
        subset=question.subset,
        year=year,
        gold=_gold(question),
        gold_documents=tuple(_hit(d, question, linked) for d, grade in question.relevant.items() if grade > 0)[:N_HITS],
        attempts=tuple(attempts),
        change=change,
    )


def _gold(question: TaskQuestion) -> str:
    exact = question.exact_answer
    told = exact if isinstance(exact, str) else "; ".join(" / ".join(entry) for entry in exact or ())
    option = f"{question.label}: {question.options[question.label]}" if question.label in question.options else ""
    return " — ".join(filter(None, (option or question.label, told, *question.ideal_answers[:1])))


def _attempt(
    row: SystemRow,
    line: QuestionLine,
    question: TaskQuestion,
    values: Mapping[str, float],
    primary: str,
    *,
    linked: bool,
) -> Attempt:
    value = values.get(line.id)
    value = None if value is None or math.isnan(value) else value
    answer = line.answer
    statements: tuple[ShownStatement, ...] = ()
    if answer is not None:
        statements = tuple(
            ShownStatement(
                statement.text,
                tuple(_hit(d, question, linked) for d in dict.fromkeys(span.document_id for span in statement.spans)),
                tuple(span.quote for span in statement.spans),
            )
            for statement in answer.statements
        )
    return Attempt(
        system=row.name,
        value=value,
        outcome=_outcome(line, value, primary),
        given=_given(line, question),
        hits=tuple(_hit(document_id, question, linked) for document_id in line.hits.document_ids[:N_HITS]),
        statements=statements,
        reason=line.error or (answer.reason if answer is not None else ""),
        searches=_searches(line, question, linked),
    )


def _searches(line: QuestionLine, question: TaskQuestion, linked: bool) -> tuple[ShownSearch, ...]:
    if line.searched is None or len(line.searched.steps) < 2:
        return ()
    return tuple(
        ShownSearch(
            step.query, tuple(_hit(document_id, question, linked) for document_id in step.document_ids[:N_HITS])
        )
        for step in line.searched.steps
    )


def _outcome(line: QuestionLine, value: float | None, primary: str) -> str:
    if line.error:
        return "failed"
    if line.answer is not None and line.answer.abstained:
        return "abstained"
    if value is None:
        return ""
    declaration = declared(primary)
    best, worst = (declaration.high, declaration.low)[:: declaration.sign]
    return "right" if value == best else "wrong" if value == worst else "partly"


def _given(line: QuestionLine, question: TaskQuestion) -> str:
    if line.choice:
        return f"{line.choice}: {question.options.get(line.choice, '')}"
    if line.labelled is not None:
        return line.labelled.label or "no label"
    if line.answer is None:
        return ""
    exact = "; ".join(one.text for one in line.answer.exact_answers)
    text = "" if line.answer.statements else line.answer.text
    return " — ".join(filter(None, (line.answer.verdict or "", exact, text)))


def _hit(document_id: str, question: TaskQuestion, linked: bool) -> ShownHit:
    address = f"https://pubmed.ncbi.nlm.nih.gov/{document_id}/" if linked and document_id.isdigit() else ""
    return ShownHit(document_id, address, question.relevant.get(document_id))
