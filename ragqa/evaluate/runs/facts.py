"""The statements of a run's answers, judged and kept beside the run, bound by hash to the lines that they are from.

``judged/facts-….jsonl`` has what was judged by whom, and a line for each question. A judging that was stopped goes on;
one that is whole, and of the lines that are there, is among the run's measures wherever the run is read.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragqa.errors import UsageError, nearest
from ragqa.evaluate.measures.facts import (
    FACTS,
    NAMES,
    SENTENCES,
    UNITS,
    Claim,
    FactJudge,
    FactSplitter,
    JudgedAnswer,
    JudgedStatement,
    judge_name,
    score_facts,
    sentences_of,
)
from ragqa.evaluate.measures.measure import Scores, merged
from ragqa.evaluate.runs.folder import RunManifest, read_manifest, read_members
from ragqa.evaluate.runs.lines import QuestionLine, read_lines
from ragqa.evaluate.runs.prepare import slug
from ragqa.evaluate.runs.records import Held, Records, read_records
from ragqa.evaluate.runs.scored import read_scored
from ragqa.evaluate.runs.sources import Sources, gold_texts
from ragqa.evaluate.runs.task import read_task
from ragqa.evaluate.tasks.scorers import needs_reader
from ragqa.evaluate.tasks.task import Task, TaskQuestion
from ragqa.manifest import content_hash
from ragqa.types import Progress

_log = logging.getLogger(__name__)
FOLDER = "judged"
_BATCH = 8


@dataclass(frozen=True, slots=True)
class FactsHead:
    """What was judged.

    Attributes
    ----------
    judge
        The judge's name.
    against
        ``given``, ``cited`` or ``gold``.
    units
        ``sentences`` or ``facts``.
    lines
        sha256 of the run's lines.
    n_questions
        Questions of the run; as many lines follow once the judging is whole.
    prompts
        Prompt → hash of its text, for a language model.
    """

    judge: str
    against: str
    units: str
    lines: str
    n_questions: int
    prompts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run's judged answers, in the order of its questions, and their figures."""

    path: Path
    file: Path
    manifest: RunManifest
    head: FactsHead
    answers: tuple[JudgedAnswer, ...]
    scores: Scores


def judge_facts(
    path: Path,
    judge: FactJudge,
    against: str = "given",
    units: str = SENTENCES,
    *,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> JudgedRun:
    """Judge the statements of every answer of the finished run in ``path``, or go on with that.

    Parameters
    ----------
    against
        What the answers are judged by; see :data:`ragqa.evaluate.measures.facts.NAMES`.
    units
        ``sentences``, or ``facts`` that the judge splits them into.
    retry_failed
        Judge those answers again about which the judge could not be asked.

    Raises
    ------
    UsageError
        The run gives no answers in sentences, no question has gold to be judged by, or the judge splits nothing.
    ProductError
        The run is not finished, or damaged, or the corpus that it was made from is gone.
    BackendError
        The judge cannot be asked about most of the questions; the same call goes on where it ended.
    """
    manifest, task = read_manifest(path), _answering_task(path)
    _check(task, judge, against, units)
    prompts = getattr(judge, "prompts", None)
    head = FactsHead(
        judge.name,
        against,
        units,
        read_scored(path).origin.lines,
        len(task.questions),
        dict(prompts.hashes()) if prompts is not None else {},
    )
    file = path / FOLDER / _file_name(head)
    with (
        Records.open(file, head, JudgedAnswer, lambda one: not (retry_failed and one.failure)) as records,
        Sources(manifest, against) as sources,
    ):
        done = {one.id for one in records.there}
        left = [line for line in read_lines(path) if line.id not in done]
        _work(left, task, _Judging(judge, units, sources), records, progress)
        answers = _in_order(records.there, task)
    scores = score_facts(answers, against, judge_name(judge, units))
    return JudgedRun(path, file, manifest, head, answers, _with_reader_note(scores, manifest, judge.name))


def stored_facts(path: Path, lines: str) -> Scores:
    """The figures of everything that was judged of the run in ``path``, whose lines have the hash ``lines``.

    A judging that is not whole, or is of other lines, has none: a warning says so.

    Raises
    ------
    ProductError
        A file is damaged.
    """
    parts = []
    for file in sorted((path / FOLDER).glob("facts-*.jsonl")):
        head, found = read_records(file, FactsHead, JudgedAnswer)
        if head.lines != lines:
            _log.warning("%s was judged of other lines than the run has now, and is left out; judge again", file)
        elif len(found) < head.n_questions:
            _log.warning(
                "%s has %d of %d questions, and is left out; judge again to go on with it",
                file, len(found), head.n_questions,
            )  # fmt: skip
        else:
            name = head.judge if head.units == SENTENCES else f"{head.judge}/{head.units}"
            scores = score_facts(_in_order(found, read_task(path).task), head.against, name)
            scores = _with_reader_note(scores, read_manifest(path), head.judge)
            measure = next(iter(scores.measures))
            parts.append(replace(scores, counts={f"{measure}.{key}": n for key, n in scores.counts.items()}))
    return merged(parts)


@dataclass(frozen=True, slots=True)
class _Judging:
    """How one answer after the other is judged."""

    judge: FactJudge
    units: str
    sources: Sources

    def batch(self, lines: Sequence[QuestionLine], questions: Mapping[str, TaskQuestion]) -> list[JudgedAnswer]:
        """Judge some answers, all their statements at once."""
        passages = [self.sources.of(line, questions[line.id]) for line in lines]
        sentences = [sentences_of(line.answer) if line.answer is not None and not line.error else [] for line in lines]
        units, n_unsplit, failures = self._units(sentences)
        claims = [
            Claim(text, given, line.question)
            for line, own, given in zip(lines, units, passages, strict=True)
            for text in own
        ]
        judged = iter(zip(claims, self.judge.judge(claims), strict=True))
        answers = []
        for place, line in enumerate(lines):
            mine = [next(judged) for _ in units[place]]
            statements = tuple(
                JudgedStatement(claim.text, one.entailed, round(one.strength, 6), one.error) for claim, one in mine
            )
            n_cut = sum(one.n_cut for _, one in mine)
            failure = failures[place] or next((one.error for _, one in mine if one.failed), "")
            answers.append(JudgedAnswer(line.id, statements, len(passages[place]), n_cut, n_unsplit[place], failure))
        return answers

    def _units(self, sentences: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[int], list[str]]:
        """What is judged of each answer, how many of its sentences were not split, and why the judge was not asked."""
        if self.units == SENTENCES or not isinstance(self.judge, FactSplitter):
            return [list(own) for own in sentences], [0] * len(sentences), [""] * len(sentences)
        split = iter(self.judge.split([sentence for own in sentences for sentence in own]))
        by_answer = [[next(split) for _ in own] for own in sentences]
        return (
            [[fact for one in own for fact in one.facts] for own in by_answer],
            [sum(bool(one.error) for one in own) for own in by_answer],
            [next((one.error for one in own if one.failed), "") for own in by_answer],
        )


def _work(
    left: Sequence[QuestionLine],
    task: Task,
    judging: _Judging,
    records: Records[FactsHead, JudgedAnswer],
    progress: Progress | None,
) -> None:
    """Judge what is left; answers about which the judge could not be asked are held back until the end."""
    questions = {question.id: question for question in task.questions}
    held = Held(records, judging.judge.name, "answers", len(records.there))
    for begin in range(0, len(left), _BATCH):
        for one in judging.batch(left[begin : begin + _BATCH], questions):
            held.take(one, one.failure)
        if progress is not None:
            progress("judged", len(task.questions) - len(left) + min(begin + _BATCH, len(left)), len(task.questions))
    held.finish()


def _answering_task(path: Path) -> Task:
    members = read_members(path)
    if members:
        raise UsageError(f"{path} holds {len(members)} sets; judge one of them, for example {path / members[0]}")
    task = read_task(path).task
    if task.asserts or not needs_reader(task):
        raise UsageError(
            f"the run {path.name} is of the task {task.name!r} ({task.setting or 'its only setting'}), which asks for "
            "no answers in sentences; judge a run of one that does: bioasq with A+ or B, biogen with B, sample"
        )
    return task


def _check(task: Task, judge: FactJudge, against: str, units: str) -> None:
    if against not in NAMES:
        raise UsageError(f"answers are not judged by {against!r}; {nearest(against, NAMES)}")
    if units not in UNITS:
        raise UsageError(f"answers have no units {units!r}; {nearest(units, UNITS)}")
    if units == FACTS and not isinstance(judge, FactSplitter):
        raise UsageError(
            f"the judge {judge.name!r} cannot split sentences into facts; take --units sentences, or a language model: "
            "--judge llm"
        )
    if against == "gold" and not any(gold_texts(question) for question in task.questions):
        raise UsageError(
            f"the task {task.name!r} has no gold or reference text; judge answers by what they were given: "
            "--against given"
        )


def _in_order(answers: Sequence[JudgedAnswer], task: Task) -> tuple[JudgedAnswer, ...]:
    by_id = {one.id: one for one in answers}
    return tuple(by_id[question.id] for question in task.questions if question.id in by_id)


def _file_name(head: FactsHead) -> str:
    told = content_hash([head.judge, head.against, head.units])[:6]
    return f"facts-{head.against}-{head.units}-{slug(head.judge)}-{told}.jsonl"


def _with_reader_note(scores: Scores, manifest: RunManifest, judge: str) -> Scores:
    if not judge.startswith("reader@") or "answer" not in manifest.recipe:
        return scores
    note = f"{next(iter(scores.measures))}: the judge shares its weights with what chose or checked these answers"
    return replace(scores, notes=(*scores.notes, note))
