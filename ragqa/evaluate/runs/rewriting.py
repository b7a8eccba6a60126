"""``ragqa eval rewrite``: a language model puts a task's questions otherwise, for ``eval run --perturb FILE``.

A misleading detail that must not change the answer is what MedFuzz adds (Ness et al., 2024, arXiv:2406.06573). What is
written is kept in a file, so that every system is asked the same and anybody can read what was asked.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.runs.lines import cut_torn_line
from ragqa.evaluate.runs.lock import locked
from ragqa.evaluate.tasks.rewritten import SUFFIX, Rewritten, read_rewritten
from ragqa.evaluate.tasks.task import TaskQuestion
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.model import LanguageModel, Message, Request
from ragqa.llm.prompt import Prompts
from ragqa.manifest import sync_folder
from ragqa.recipe import EndpointSettings
from ragqa.types import Progress

Manner = Literal["paraphrase", "distract"]
MANNERS: tuple[Manner, ...] = ("paraphrase", "distract")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_MOST_TOKENS = 400
_MOST_TIMES_AS_LONG, _ALLOWANCE = 4, 200


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What was written.

    Attributes
    ----------
    path
        The file.
    n_questions, n_changed, n_before
        Questions, those that are put otherwise, and those that were in the file before.
    problems
        How many questions stay as they are, by reason.
    """

    path: Path
    n_questions: int
    n_changed: int
    n_before: int
    problems: dict[str, int]


def rewrite(
    questions: Sequence[TaskQuestion],
    manner: Manner,
    endpoint: EndpointSettings,
    path: Path,
    progress: Progress | None = None,
) -> Rewriting:
    """Have each question rewritten, or go on with a file that is there.

    A rewriting that is empty, cut off, far too long, or lacks a number of the original is not used: the original
    stays, with the problem beside it.

    Parameters
    ----------
    questions
        Of one task or several; their ids differ.
    manner
        A prompt of ``ragqa/evaluate/prompts``.
    endpoint
        The model that writes.
    path
        Where to; its name ends with ``.jsonl``.

    Raises
    ------
    UsageError
        The name is another, the file was made in another manner, by another model or from another prompt, or another
        process is writing it.
    SourceError
        What is there is no such file, or it cannot be written.
    EndpointError
        The model cannot be reached or refuses; what was written until then stays and is gone on from.
    """
    if path.suffix != SUFFIX:
        raise UsageError(f"{path.name!r} must end with {SUFFIX}: eval run --perturb knows the file by that")
    prompts = Prompts("ragqa.evaluate")
    model = EndpointModel(endpoint)
    origin = _Origin(manner, model.name or endpoint.base_url, prompts.hashes()[manner])

    async def some(part: Sequence[TaskQuestion]) -> Sequence[Rewritten]:
        filled = [prompts.fill(manner, text=question.text) for question in part]
        return await asyncio.gather(*(_write(model, q, f, origin) for q, f in zip(part, filled, strict=True)))

    with locked(path, path.with_name(f".{path.name}.lock"), "writing", "give another file with --out"):
        rows = _before(path, origin)
        n_before = len(rows)
        left = [question for question in questions if question.id not in rows]
        for begin in range(0, len(left), 2 * model.in_flight):
            found = loop.run(some(left[begin : begin + 2 * model.in_flight]))
            _append(path, found)
            rows |= {row.id: row for row in found}
            if progress:
                progress("rewrite", len(rows), len(questions))
    problems = [row.problem for row in rows.values() if row.problem]
    n_changed = sum(row.text != row.original for row in rows.values())
    return Rewriting(path, len(rows), n_changed, n_before, {one: problems.count(one) for one in sorted(set(problems))})


@dataclass(frozen=True, slots=True)
class _Origin:
    manner: str
    writer: str
    prompt_sha256: str


async def _write(model: LanguageModel, question: TaskQuestion, filled: str, origin: _Origin) -> Rewritten:
    reply = await model.complete(Request((Message("user", filled),), max_tokens=_MOST_TOKENS))
    text = " ".join(reply.text.split())
    problem = "cut off" if reply.cut_off else _problem(question.text, text)
    return Rewritten(
        id=question.id,
        original=question.text,
        text=question.text if problem else text,
        manner=origin.manner,
        writer=origin.writer,
        prompt_sha256=origin.prompt_sha256,
        problem=problem,
    )


def _problem(original: str, text: str) -> str:
    if not text:
        return "empty"
    if text == original:
        return "unchanged"
    if len(text) > _MOST_TIMES_AS_LONG * len(original) + _ALLOWANCE:
        return "too long"
    return "" if set(_NUMBER.findall(original)) <= set(_NUMBER.findall(text)) else "a number is lost"


def _before(path: Path, origin: _Origin) -> dict[str, Rewritten]:
    if not path.exists():
        return {}
    cut_torn_line(path)
    rows = read_rewritten(path) if path.stat().st_size else {}
    for row in rows.values():
        if (row.manner, row.writer, row.prompt_sha256) != (origin.manner, origin.writer, origin.prompt_sha256):
            raise UsageError(
                f"{path} was written otherwise ({row.manner} by {row.writer}); give another --out, or delete it"
            )
    return rows


def _append(path: Path, rows: Sequence[Rewritten]) -> None:
    try:
        with path.open("ab") as file:
            file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        raise SourceError(f"cannot write {path}: {error.strerror or error}; make room and run it again") from error
