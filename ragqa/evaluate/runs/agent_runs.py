"""Runs of searching agents in BrowseComp-Plus' form → lines of a run, and back."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from ragqa.evaluate.runs.lines import QuestionLine, RunHits
from ragqa.evaluate.tasks.formats.browsecomp import AgentRun
from ragqa.evaluate.tasks.outcomes import Outcomes, SearchOutcome
from ragqa.evaluate.tasks.search_scores import confidence_in, short_answer
from ragqa.evaluate.tasks.task import Task, TaskQuestion, as_question
from ragqa.types import Answer, ExactAnswer

_LABEL = r"^[\s>*_#-]*{}[\s*_]*:[\s*_]*"
_EXACT = re.compile(_LABEL.format("exact answer") + r"(?P<text>.+?)[\s*_]*$", re.IGNORECASE | re.MULTILINE)
_CONFIDENCE = re.compile(_LABEL.format("confidence") + r"(?P<percent>\d+(?:\.\d+)?)\s*%?", re.IGNORECASE | re.MULTILINE)
_ROUND = str.maketrans("[]【】", "()()")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]|【([^【】]*)】")


def lines_of_agent(runs: Mapping[str, AgentRun], task: Task) -> tuple[dict[str, QuestionLine], list[str]]:
    """The lines of those questions of a task that an agent was run on, and what must be known about them.

    A response counts where the run was completed. What stands behind ``Exact Answer:`` is the answer, else the whole
    response; the confidence is that behind ``Confidence:``, and certainty where none is stated, as BrowseComp-Plus'
    judge is told to take it.
    """
    there = [question for question in task.questions if question.id in runs]
    lines = {question.id: _line(question, runs[question.id]) for question in there}
    judged = {document for question in there for document in question.relevant}
    notes = []
    if judged and not any(judged.intersection(line.hits.document_ids) for line in lines.values()):
        notes.append("no search brought a single evidence document: are the run's document ids those of the corpus?")
    told = {
        "were not completed: their answers count as wrong, their searches as they were made": [
            not runs[q.id].completed for q in there
        ],
        "tell their documents as a set only: measures of ranked lists (nDCG, R@K) take the file's order": [
            not runs[q.id].is_ordered for q in there
        ],
        "state no exact answer: the whole response is matched": [
            _answers(runs[q.id]) and not _EXACT.search(runs[q.id].response) for q in there
        ],
        "state no confidence: 100% is taken": [
            _answers(runs[q.id]) and not _CONFIDENCE.search(runs[q.id].response) for q in there
        ],
    }
    return lines, [*notes, *(f"{sum(which)} questions {what}" for what, which in told.items() if any(which))]


def agent_runs_of(task: Task, outcomes: Outcomes) -> list[AgentRun]:
    """What a run made of the questions, as an agent's run; questions that failed have no searches and no response."""
    found = []
    for question in task.questions:
        searched = outcomes.searches.get(question.id, SearchOutcome(0))
        answer = outcomes.answers.get(question.id)
        response = _response(answer, searched) if answer is not None else ""
        found.append(AgentRun(question.id, searched, response, completed=question.id not in outcomes.errors))
    return found


def cited_in(response: str, known: Collection[str]) -> list[str]:
    """The documents that a response cites in brackets, [7] or 【7, 12】, once each.

    Where the ids of the documents ``known`` are numbers, every number in brackets is one that is cited, as
    BrowseComp-Plus' program has it; other ids are recognised where they are known.

    >>> cited_in("It is so [12; 7] 【5】.", {"7", "9"}), cited_in("It is so [d7, see d9] [95% CI].", {"d7", "d9"})
    (['12', '7', '5'], ['d7', 'd9'])
    """
    numeric = all(document.isdecimal() for document in known)
    inside = [one or other for one, other in _BRACKETS.findall(response)]
    if numeric:
        return list(dict.fromkeys(number for text in inside for number in re.findall(r"\d+", text)))
    return list(dict.fromkeys(word for text in inside for word in re.split(r"[\s,;|]+", text) if word in known))


def _line(question: TaskQuestion, run: AgentRun) -> QuestionLine:
    known = {*run.searched.retrieved, *question.relevant}
    searched = replace(run.searched, cited=cited_in(run.response, known) if _answers(run) else [])
    hits = RunHits(searched.retrieved, [1.0 / rank for rank in range(1, len(searched.retrieved) + 1)])
    answer = None
    if _answers(run):
        exact, confidence = _EXACT.search(run.response), _CONFIDENCE.search(run.response)
        sure = min(float(confidence["percent"]), 100.0) / 100 if confidence else 1.0
        text = exact["text"] if exact else run.response
        answer = Answer(as_question(question), text=run.response, exact_answers=(ExactAnswer(text, sure),))
    return QuestionLine(question.id, question.text, query=question.text, hits=hits, answer=answer, searched=searched)


def _answers(run: AgentRun) -> bool:
    return run.completed and bool(run.response)


def _response(answer: Answer, searched: SearchOutcome) -> str:
    """An answer in the words that BrowseComp-Plus asks its agents for; brackets that cite nothing become round."""
    if answer.abstained or not (answer.text or answer.exact_answers):
        return ""
    if _EXACT.search(answer.text):
        return answer.text  # a response in this form already
    sentences = [
        " ".join(
            [
                statement.text.translate(_ROUND),
                *(f"[{d}]" for d in dict.fromkeys(span.document_id for span in statement.spans)),
            ]
        )
        for statement in answer.statements
    ]
    said = " ".join(sentences) or answer.text.translate(_ROUND)
    uncited = [document for document in searched.cited if f"[{document}]" not in said]
    confidence = confidence_in(answer)
    lines = [
        f"Explanation: {' '.join([said, *(f'[{document}]' for document in uncited)])}",
        f"Exact Answer: {' '.join(short_answer(answer).translate(_ROUND).split())}",
        *([] if confidence is None else [f"Confidence: {100 * confidence:.12g}%"]),
    ]
    return "\n".join(lines)
