"""Answers of several runs set against each other, question by question, and the systems ranked by who is preferred.

A language model is shown each pair twice, the answers swapped, because such judges lean to one position (Zheng et al.,
NeurIPS 2023): it must prefer the same answer both times, anything else is a tie. An entailment model sees each answer
alone: the one with the larger share of supported statements wins. Strengths are Davidson's, from all pairs at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from ragqa import home
from ragqa.errors import UsageError, nearest
from ragqa.evaluate.compare.pairs import check_comparable, unique_labels
from ragqa.evaluate.measures.facts import FactJudge
from ragqa.evaluate.measures.language_judge import FIRST, SECOND, TIE, LanguageJudge, Preference, Rivals
from ragqa.evaluate.measures.measure import first
from ragqa.evaluate.runs.facts import judge_facts
from ragqa.evaluate.runs.lines import QUESTIONS_FILE, QuestionLine, read_lines
from ragqa.evaluate.runs.load import LoadedRun
from ragqa.evaluate.runs.prepare import slug
from ragqa.evaluate.runs.records import Held, Records
from ragqa.evaluate.runs.sources import gold_texts
from ragqa.evaluate.runs.task import read_task
from ragqa.evaluate.stats.bradley_terry import METHOD, BradleyTerry, Contest, bradley_terry
from ragqa.evaluate.stats.intervals import N_RESAMPLES, SEED, Interval, interval_of, wilson
from ragqa.evaluate.tasks.task import TaskQuestion
from ragqa.manifest import content_hash, file_hash, write_json
from ragqa.types import Progress

DUELS_FILE, RANKING_FILE = "pairs.jsonl", "ranking.json"
GOLD, GIVEN, NONE = "gold", "given", "none"
AGAINST = (GOLD, GIVEN, NONE)
_BATCH = 8
_MIRRORED = {FIRST: SECOND, SECOND: FIRST, TIE: TIE}


@dataclass(frozen=True, slots=True)
class PairsHead:
    """What is judged: the judge, by what, and the runs by their names in tables with the hashes of their lines."""

    judge: str
    against: str
    runs: dict[str, str]
    n_questions: int
    prompts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Duel:
    """Two answers to one question.

    Attributes
    ----------
    question, a, b
        The question's id and the systems.
    forward, backward
        ``first``, ``second`` or ``tie``, with the answer of ``a`` shown first, and with that of ``b``; "" where the
        judge did not say.
    asked
        Whether a judge was shown both; it is not where the answers are the same, or were judged alone.
    error
        Why a verdict is missing; ``failed`` where the judge could not be asked, so that asking again may help.
    """

    question: str
    a: str
    b: str
    forward: str
    backward: str
    asked: bool = True
    error: str = ""
    failed: bool = False

    @property
    def points(self) -> float:
        """1 where both orders prefer ``a``, 0 where both prefer ``b``; 0.5 for everything else."""
        if self.forward == _MIRRORED.get(self.backward, "") and self.forward in (FIRST, SECOND):
            return float(self.forward == FIRST)
        return 0.5


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """How ``a`` did against ``b``: wins, ties and losses, the mean of its points with the interval over questions.

    Ties hold ``n_by_position`` pairs in which the judge preferred the same place in both orders, and ``n_unjudged`` in
    which a verdict is missing.
    """

    a: str
    b: str
    wins: int
    ties: int
    losses: int
    points: Interval
    n_by_position: int
    n_unjudged: int


@dataclass(frozen=True, slots=True)
class PositionBias:
    """Of ``n_pairs`` shown in both orders and judged in both, how many went to the first (second) place both times.

    ``share`` is that of both together, with Wilson's interval.
    """

    n_pairs: int
    n_first: int
    n_second: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Preferences:
    """What ``ranking.json`` holds; ``position`` is None where the judge sees no two answers together.

    Counts: ``n_questions``, ``n_without_gold`` (left out), ``n_pairs``, ``n_asked`` (shown to the judge), ``n_same``
    (the answers are the same: a tie), ``n_unjudged`` (a verdict is missing: a tie).
    """

    judge: str
    against: str
    ranking: BradleyTerry
    pairs: tuple[PairOutcome, ...]
    position: PositionBias | None
    counts: dict[str, int]
    caption: str
    notes: tuple[str, ...] = ()


def judge_pairs(
    runs: Sequence[LoadedRun],
    judge: FactJudge,
    against: str = GOLD,
    out: Path | None = None,
    *,
    retry_failed: bool = False,
    n_resamples: int = N_RESAMPLES,
    progress: Progress | None = None,
) -> tuple[Path, Preferences]:
    """Judge every pair of the runs' answers, or go on with that, and rank the systems.

    Parameters
    ----------
    against
        ``gold``: a language model is shown gold answers as a reference, an entailment model judges by them. ``given``:
        by the passages that each answer was given (entailment models). ``none``: without any (language models).
    out
        The folder of the verdicts and the ranking; None: one under ``eval/pairs`` that belongs to these runs and judge.
    retry_failed
        Ask again about pairs that the judge could not be asked about.

    Raises
    ------
    UsageError
        Fewer than two runs, runs on different questions or without answers, or a judge that does not judge so.
    BackendError
        The judge cannot be asked about most of the pairs; the same call goes on where it ended.
    """
    _check(runs, judge, against)
    labels = unique_labels(runs)
    questions = read_task(runs[0].path).task.questions
    asked = [question for question in questions if against != GOLD or gold_texts(question)]
    if not asked:
        raise UsageError(
            "none of the questions has gold answers to judge by; take --against none with a language model, or "
            "--against given with an entailment model"
        )
    head = _head(runs, labels, judge, against, len(asked))
    path = out or home.home() / "eval" / "pairs" / f"{slug(judge.name)}-{content_hash(head)[:8]}"
    wanted = _Wanted(labels, runs, asked, against)
    keep = {(question.id, a, b) for question in asked for a, b in combinations(labels, 2)}
    with Records.open(path / DUELS_FILE, head, Duel, lambda one: not (retry_failed and one.failed)) as records:
        done = {(duel.question, duel.a, duel.b) for duel in records.there}
        if keep - done:
            if isinstance(judge, LanguageJudge):
                _ask(judge, wanted, done, records, progress)
            else:
                for duel in _by_shares(judge, wanted, progress):
                    if (duel.question, duel.a, duel.b) not in done:
                        records.append(duel)
        duels = list(records.there)
    found = _ranked(duels, head, len(questions) - len(asked), n_resamples)
    write_json(path / RANKING_FILE, found)
    return path, found


@dataclass(frozen=True, slots=True)
class _Wanted:
    labels: Sequence[str]
    runs: Sequence[LoadedRun]
    questions: Sequence[TaskQuestion]
    against: str


def _head(runs: Sequence[LoadedRun], labels: Sequence[str], judge: FactJudge, against: str, n: int) -> PairsHead:
    lines = {label: file_hash(run.path / QUESTIONS_FILE) for label, run in zip(labels, runs, strict=True)}
    prompts = dict(judge.prompts.hashes()) if isinstance(judge, LanguageJudge) else {}
    return PairsHead(judge.name, against, lines, n, prompts)


def _ask(
    judge: LanguageJudge,
    wanted: _Wanted,
    done: set[tuple[str, str, str]],
    records: "Records[PairsHead, Duel]",
    progress: Progress | None,
) -> None:
    """Show the judge what is left, in both orders; pairs that it could not be asked about are held back to the end."""
    shown = [{line.id: _shown(line) for line in read_lines(run.path)} for run in wanted.runs]
    left = [
        (question, a, b)
        for question in wanted.questions
        for a, b in combinations(range(len(wanted.labels)), 2)
        if (question.id, wanted.labels[a], wanted.labels[b]) not in done
    ]
    held = Held(records, judge.name, "pairs", sum(duel.asked for duel in records.there))
    for begin in range(0, len(left), _BATCH):
        batch = left[begin : begin + _BATCH]
        rivals = [_rivals(question, shown[a][question.id], shown[b][question.id], wanted) for question, a, b in batch]
        differing = [pair for pair in rivals if pair.first != pair.second]
        swapped = [Rivals(one.question, one.second, one.first, one.reference) for one in differing]
        said = iter(judge.prefer([*differing, *swapped]))
        forward = [next(said) for _ in differing]
        verdicts = iter(zip(forward, said, strict=True))
        for (question, a, b), pair in zip(batch, rivals, strict=True):
            names = (question.id, wanted.labels[a], wanted.labels[b])
            same = pair.first == pair.second
            duel = Duel(*names, TIE, TIE, asked=False) if same else _duel(*names, *next(verdicts))
            held.take(duel, duel.error if duel.failed else "", asked=duel.asked)
        if progress is not None:
            progress("pairs judged", len(done) + begin + len(batch), len(done) + len(left))
    held.finish()


def _rivals(question: TaskQuestion, a: str, b: str, wanted: _Wanted) -> Rivals:
    reference = "\n\n".join(gold_texts(question)) if wanted.against == GOLD else ""
    return Rivals(question.text, a, b, reference)


def _duel(question: str, a: str, b: str, forward: Preference, backward: Preference) -> Duel:
    return Duel(
        question,
        a,
        b,
        forward.verdict,
        backward.verdict,
        error=forward.error or backward.error,
        failed=forward.failed or backward.failed,
    )


def _by_shares(judge: FactJudge, wanted: _Wanted, progress: Progress | None) -> Iterator[Duel]:
    """Duels decided by the share of each answer's statements that are supported, judged alone and kept by its run."""
    shares = []
    for run in wanted.runs:
        judged = judge_facts(run.path, judge, wanted.against, progress=progress)
        shares.append({one.id: one.share for one in judged.answers})
    for question in wanted.questions:
        for a, b in combinations(range(len(wanted.labels)), 2):
            gain = shares[a][question.id] - shares[b][question.id]
            verdict = FIRST if gain > 0 else SECOND if gain < 0 else TIE
            yield Duel(question.id, wanted.labels[a], wanted.labels[b], verdict, _MIRRORED[verdict], asked=False)


def _shown(line: QuestionLine) -> str:
    """An answer as the judge sees it: verdict, exact answers and sentences; "" where there is none."""
    answer = line.answer
    if answer is None or line.error or answer.abstained:
        return ""
    exact = "; ".join(one.text for one in answer.exact_answers)
    parts = (answer.verdict and f"{answer.verdict.capitalize()}.", exact and f"{exact}.", answer.text)
    return "\n".join(part for part in parts if part)


def _ranked(duels: Sequence[Duel], head: PairsHead, n_without_gold: int, n_resamples: int) -> Preferences:
    contests = [Contest(duel.question, duel.a, duel.b, duel.points) for duel in duels]
    ranking = bradley_terry(contests, n_resamples=n_resamples)
    place = {one.system: number for number, one in enumerate(ranking.systems)}
    pairs = [
        _outcome(a, b, [duel for duel in duels if {duel.a, duel.b} == {a, b}], n_resamples)
        for a, b in combinations(sorted(place, key=lambda name: place[name]), 2)
    ]
    unjudged = [duel.error for duel in duels if duel.error]
    n_asked = sum(duel.asked for duel in duels)
    counts = {
        "n_questions": head.n_questions,
        "n_without_gold": n_without_gold,
        "n_pairs": len(duels),
        "n_asked": n_asked,
        "n_same": sum(not duel.asked for duel in duels) if head.prompts else 0,
        "n_unjudged": len(unjudged),
    }
    notes = [f"{len(unjudged)} pairs lack a verdict and count as ties; the first: {unjudged[0]}"] if unjudged else []
    if not head.prompts:
        notes.append("the judge sees each answer alone, so that no position can sway it; equal shares are ties")
    caption = (
        f"Strengths: logarithms that add up to 0, {METHOD}, {n_resamples:,} resamples, seed {SEED}; "
        f"n = {head.n_questions:,} questions. Points: 1 a win, 0.5 a tie"
    )
    position = _position(duels)
    return Preferences(head.judge, head.against, ranking, tuple(pairs), position, counts, caption, tuple(notes))


def _outcome(a: str, b: str, duels: Sequence[Duel], n_resamples: int) -> PairOutcome:
    points = np.array([duel.points if duel.a == a else 1 - duel.points for duel in duels])
    mean = float(points.mean())
    return PairOutcome(
        a,
        b,
        wins=int((points == 1).sum()),
        ties=int((points == 0.5).sum()),
        losses=int((points == 0).sum()),
        points=interval_of(mean, points[:, None], first, level=0.95, n_resamples=n_resamples, seed=SEED),
        n_by_position=sum(_by_position(duel) for duel in duels),
        n_unjudged=sum(bool(duel.error) for duel in duels),
    )


def _position(duels: Sequence[Duel]) -> PositionBias | None:
    both = [duel for duel in duels if duel.asked and duel.forward and duel.backward]
    if not both:
        return None
    led = [duel.forward for duel in both if _by_position(duel)]
    low, high = wilson(len(led), len(both))
    return PositionBias(len(both), led.count(FIRST), led.count(SECOND), len(led) / len(both), low, high)


def _by_position(duel: Duel) -> bool:
    return duel.asked and duel.forward == duel.backward and duel.forward in (FIRST, SECOND)


def _check(runs: Sequence[LoadedRun], judge: FactJudge, against: str) -> None:
    check_comparable(runs)
    if against not in AGAINST:
        raise UsageError(f"pairs of answers are not judged by {against!r}; {nearest(against, AGAINST)}")
    twice = [run.path for place, run in enumerate(runs) if run.path in [other.path for other in runs[:place]]]
    if twice:
        raise UsageError(f"{twice[0]} is named twice; a run is not set against itself")
    with_sets = [run.path for run in runs if run.members]
    if with_sets:
        raise UsageError(f"{with_sets[0]} holds several sets; name runs of one of them")
    if isinstance(judge, LanguageJudge) and against == GIVEN:
        raise UsageError(
            f"the judge {judge.name!r} is shown two answers, which were not given the same passages; take --against "
            "gold, or none"
        )
    if not isinstance(judge, LanguageJudge) and against == NONE:
        raise UsageError(f"the judge {judge.name!r} judges by texts; take --against gold or given, or --judge llm")
