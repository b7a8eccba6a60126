"""The figures of a section by type of question, by set or batch, and by year: where a system is good, and where not."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ragqa.evaluate.measures.measure import Measure, figure
from ragqa.evaluate.report.model import Section
from ragqa.evaluate.report.tables import Cell, Table
from ragqa.evaluate.runs.task import read_task
from ragqa.evaluate.stats.intervals import interval, n_averaged
from ragqa.evaluate.tasks import bioasq
from ragqa.evaluate.tasks.task import Task, TaskQuestion

MAX_GROUPS = 30
_TITLES = {"type": "By type of question", "set": "By set or batch", "year": "By year"}


def breakdowns(section: Section) -> list[Table]:
    """A table for each way of dividing the questions into at least two groups that have figures.

    Runs over several sets have none: each set's run has its own report.
    """
    runs = [row.run for row in section.rows]
    if any(run.members for run in runs):
        return []
    found = [_table(section, kind, groups) for kind, groups in groups_of(read_task(runs[0].path).task).items()]
    return [table for table in found if len({row[0].text for row in table.rows}) > 1]


def groups_of(task: Task) -> dict[str, dict[str, list[str]]]:
    """``type``, ``set`` and ``year`` → group → the ids of its questions; ways with more than 30 groups are left out."""
    ways: dict[str, dict[str, list[str]]] = {kind: {} for kind in _TITLES}
    for question in task.questions:
        of = (("type", question.type or ""), ("set", question.subset), ("year", year_of(task, question)))
        for kind, group in of:
            if group:
                ways[kind].setdefault(group, []).append(question.id)
    return {kind: dict(sorted(groups.items())) for kind, groups in ways.items() if 1 < len(groups) <= MAX_GROUPS}


def year_of(task: Task, question: TaskQuestion) -> str:
    """The year that a question was set in, "" where the task does not tell."""
    return bioasq.year_of(question.subset) if task.name == "bioasq" else ""


def among(measure: Measure, question_ids: set[str]) -> Measure:
    """The measure over those of its questions that are among ``question_ids``."""
    inside = np.array([question_id in question_ids for question_id in measure.question_ids], dtype=bool)
    ids = tuple(q for q, is_inside in zip(measure.question_ids, inside, strict=True) if is_inside)
    return replace(measure, question_ids=ids, values=measure.values[inside], features=measure.features[inside])


def _table(section: Section, kind: str, groups: Mapping[str, list[str]]) -> Table:
    rows = []
    for group, question_ids in groups.items():
        for row in section.rows:
            parts = [among(row.run.scores.measures[name], set(question_ids)) for name in section.columns]
            if any(part.question_ids for part in parts):
                cells = [_cell(part) for part in parts]
                rows.append((Cell(group, mark="left"), Cell(row.name, mark="left"), *cells))
    caption = "95 % intervals and the number of questions of the group that each figure is over; not adjusted."
    return Table(_TITLES[kind], (kind, "system", *section.columns), tuple(rows), caption)


def _cell(measure: Measure) -> Cell:
    if not measure.question_ids or not n_averaged(measure) or np.isnan(figure(measure)):
        return Cell("–")
    found = interval(measure, n_resamples=1_000)
    return Cell(f"{found.value:.4f}", f"{found.low:.4f} – {found.high:.4f}; n = {found.n_questions:,}")
