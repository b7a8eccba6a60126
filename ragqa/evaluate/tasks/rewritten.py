"""The same questions as another writer put them: a file of rewritten questions, taken in the place of the originals."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec

from ragqa.errors import SourceError
from ragqa.evaluate.tasks.formats.read import listed, read_lines
from ragqa.evaluate.tasks.task import Task
from ragqa.manifest import content_hash

SUFFIX = ".jsonl"


class Rewritten(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question put otherwise; a line of the file.

    Attributes
    ----------
    id, original
        The question's id and its text, by which a file made for other data is noticed.
    text
        What is asked instead; the original where the rewriting failed.
    manner
        How it was changed, for example "paraphrase".
    writer
        Who changed it: a model's name, or a person's.
    prompt_sha256
        Of the prompt that the writer was given; "" for none.
    problem
        Why the original stays; "" where it does not.
    """

    id: Annotated[str, msgspec.Meta(min_length=1)]
    original: Annotated[str, msgspec.Meta(min_length=1)]
    text: Annotated[str, msgspec.Meta(min_length=1)]
    manner: str = ""
    writer: str = ""
    prompt_sha256: str = ""
    problem: str = ""


def read_rewritten(path: Path) -> dict[str, Rewritten]:
    """The lines of a file of rewritten questions, by id.

    Raises
    ------
    SourceError
        It cannot be read, or a line is malformed or of a question that was there before.
    """
    rows: dict[str, Rewritten] = {}
    for number, line in read_lines(path):
        try:
            row = msgspec.json.decode(line.encode(), type=Rewritten)
        except msgspec.DecodeError as error:
            raise SourceError(
                f"{path}, line {number}: {error}; each line needs 'id', 'original' and 'text', see: "
                "ragqa eval rewrite --help"
            ) from error
        if row.id in rows:
            raise SourceError(f"{path}, line {number}: the question {row.id!r} is there twice; keep one of the two")
        rows[row.id] = row
    return rows


def rewritten(tasks: Sequence[Task], path: Path) -> tuple[Task, ...]:
    """The tasks with the texts of ``path``; ids and gold stay, so that runs on both can be compared.

    Raises
    ------
    SourceError
        The file is malformed, names questions that the tasks do not have, was made from other texts, or changes no
        question.
    """
    rows = read_rewritten(path)
    known = {question.id: question.text for task in tasks for question in task.questions}
    if strange := [name for name in rows if name not in known]:
        raise SourceError(f"{path} is of other data: there is no question {listed(strange)}; take the file made of it")
    if other := [name for name, row in rows.items() if row.original != known[name]]:
        raise SourceError(
            f"{path} was made from other texts: the question {other[0]!r} is {known[other[0]][:80]!r} here; make the "
            "file again with ragqa eval rewrite"
        )
    changed = tuple(_changed(task, rows, path.stem) for task in tasks)
    if not any(task.counts["n_changed"] for task in changed):
        raise SourceError(f"{path} changes none of {len(known)} questions; look at the 'problem' of its lines")
    return changed


def name_of(path: Path) -> str:
    """How a file is named in what a run tells of itself: with a hash of what it says."""
    rows = [(row.id, row.text) for row in read_rewritten(path).values()]
    return f"{path.stem} ({content_hash(sorted(rows))[:12]})"


def _changed(task: Task, rows: dict[str, Rewritten], name: str) -> Task:
    questions = tuple(
        replace(question, text=rows[question.id].text) if question.id in rows else question
        for question in task.questions
    )
    n_changed = sum(new.text != old.text for new, old in zip(questions, task.questions, strict=True))
    note = f"{n_changed} of {len(questions)} questions are changed by {name!r}"
    return replace(task, questions=questions, counts={**task.counts, "n_changed": n_changed}, notes=(*task.notes, note))
