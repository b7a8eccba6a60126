"""Runs of several systems on the same questions, tested against each other; and ranks across tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import named
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.runs.load import LoadedRun
from ragqa.evaluate.stats.intervals import N_RESAMPLES, SEED
from ragqa.evaluate.stats.tests import Comparison, compare, compare_by_mcnemar, holm

Test = Literal["randomisation", "mcnemar"]
LEVEL = 0.05
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two systems compared on one measure; ``p_holm`` is adjusted for the whole family.

    Positive differences speak for ``a`` where higher is better.
    """

    a: str
    b: str
    comparison: Comparison
    p_holm: float


@dataclass(frozen=True, slots=True)
class Compared:
    """All comparisons asked for at once: one family.

    ``caption`` says which test, how many comparisons, seed and number of questions.
    """

    systems: tuple[str, ...]
    measures: tuple[str, ...]
    pairs: tuple[Pair, ...]
    n_questions: int
    caption: str


def compare_runs(
    runs: Sequence[LoadedRun],
    measures: Sequence[str] = (),
    test: Test = "randomisation",
    *,
    against_first: bool = False,
    n_resamples: int = N_RESAMPLES,
) -> Compared:
    """Compare every pair of runs, or all with the first, on the primary measure or those asked for.

    Raises
    ------
    UsageError
        Fewer than two runs, another question set or gold in one of them, an unknown measure, or McNemar's test on
        values that are neither 0 nor 1.
    """
    check_comparable(runs)
    names = tuple(measures) or (primary_of(runs),)
    for name in names:
        _check_depth(runs, name)
    labels = unique_labels(runs)
    pairs = [(a, b) for a, b in combinations(range(len(runs)), 2) if a == 0 or not against_first]
    found = {}
    for name in names:
        for a, b in pairs:
            first, second = named(runs[a].scores, name), named(runs[b].scores, name)
            test_one = compare_by_mcnemar if test == "mcnemar" else compare
            found[f"{name}|{a}|{b}"] = (labels[a], labels[b], test_one(first, second, n_resamples=n_resamples))
    adjusted = holm({key: comparison.p_value for key, (_, _, comparison) in found.items()})
    n_questions = max(len(named(runs[0].scores, name).question_ids) for name in names)
    return Compared(
        systems=tuple(labels),
        measures=names,
        pairs=tuple(Pair(a, b, comparison, adjusted[key]) for key, (a, b, comparison) in found.items()),
        n_questions=n_questions,
        caption=caption([comparison for _, _, comparison in found.values()], n_questions),
    )


def caption(comparisons: Sequence[Comparison], n_questions: int) -> str:
    """How comparisons were made, for under a table: each test that was run, exact or by how many resamples."""
    made = [comparison.test for comparison in comparisons]
    counted = {name: made.count(name) for name in made}
    several = len(counted) > 1
    names = ", ".join(
        f"{name}{f' in {n_times} of {len(made)}' if several else ''}" for name, n_times in counted.items()
    )
    family = f"{len(made)} comparison{'s' if len(made) != 1 else ''}"
    return (
        f"Two-sided tests: {names}; seed {SEED}, n = {n_questions:,} questions; p-values Holm-adjusted over {family}; "
        "intervals of differences: 95% BCa bootstrap over questions"
    )


def interval_caption(n_questions: int) -> str:
    """How the intervals of a single system were made, for under a table."""
    made = f"{N_RESAMPLES:,} resamples, seed {SEED}"
    return f"95% intervals over n = {n_questions:,} questions: Wilson for shares of right answers, else BCa, {made}"


def beaten_by(name: str, names: Sequence[str], pairs: Sequence[Pair]) -> str:
    """Letters of the systems that ``name`` beats with an adjusted p below .05, in the order of ``names``."""
    beaten = set()
    for pair in pairs:
        if pair.p_holm < LEVEL and pair.comparison.better:
            winner, loser = (pair.a, pair.b) if pair.comparison.better == "a" else (pair.b, pair.a)
            if winner == name:
                beaten.add(names.index(loser))
    return " ".join(letter(place) for place in sorted(beaten))


def letter(place: int) -> str:
    """The letter of a row in a table.

    >>> letter(0), letter(27)
    ('a', 'b2')
    """
    return _LETTERS[place % 26] + (str(place // 26 + 1) if place >= 26 else "")


def common_measures(runs: Sequence[LoadedRun]) -> list[str]:
    """The measures that every one of the runs has a figure for, in the order of the first."""
    return [name for name in runs[0].metrics.metrics if all(name in run.metrics.metrics for run in runs)]


def primary_of(runs: Sequence[LoadedRun]) -> str:
    """The measure that the task is known by where every run has it, else the first that every run has.

    A part of a task may lack the gold that its primary measure needs (a batch without yes/no questions).

    Raises
    ------
    UsageError
        There is no measure that all have.
    """
    there = common_measures(runs)
    if runs[0].primary in there:
        return runs[0].primary
    # What the official programs print stands beside a measure of our own, which comes first.
    own = [name for name in there if not name.startswith("official_")] or there
    if not own:
        raise UsageError(
            f"there is no measure that all of {', '.join(run.path.name for run in runs)} have: no question has the "
            "gold for any; run more questions"
        )
    return own[0]


def _check_depth(runs: Sequence[LoadedRun], name: str) -> None:
    """Refuse a measure that sees more hits of one run than of another."""
    depths = {run.manifest.n_hits for run in runs}
    if len(depths) == 1:
        return
    declaration = declared(name)
    if declaration.needs_all_hits or (declaration.cutoff or 0) > min(depths):
        kept = ", ".join(f"{run.path.name} {run.manifest.n_hits:,}" for run in runs)
        raise UsageError(
            f"{name} depends on how many hits are kept, and the runs keep different numbers ({kept}); compare them on "
            f"a measure with a cut-off of at most {min(depths):,}, or run them with the same --hits"
        )


def check_comparable(runs: Sequence[LoadedRun]) -> None:
    """Refuse runs on different questions.

    Raises
    ------
    UsageError
        Fewer than two runs, or different question sets; the message says which and what to do.
    """
    if len(runs) < 2:
        raise UsageError("a comparison needs at least two runs; name them by folder or id")
    first = runs[0]
    for other in runs[1:]:
        if _question_sets(other) != _question_sets(first):
            raise UsageError(
                f"{first.path.name} ({first.label}) and {other.path.name} ({other.label}) are on different question "
                f"sets: {_how_they_differ(first, other)}; compare runs on the same task, split, setting and data, or "
                "rank across tasks with --across"
            )


def _how_they_differ(first: LoadedRun, other: LoadedRun) -> str:
    only_first = len(first.questions.keys() - other.questions.keys())
    only_other = len(other.questions.keys() - first.questions.keys())
    if only_first or only_other:
        return f"{only_first} questions are only in the first, {only_other} only in the second"
    return "the texts, contexts or gold of the questions differ"


def unique_labels(runs: Sequence[LoadedRun]) -> list[str]:
    """The systems' names, with the run's id where two are alike."""
    systems = [run.system for run in runs]
    return [run.system if systems.count(run.system) == 1 else f"{run.system} ({run.path.name})" for run in runs]


def _question_sets(run: LoadedRun) -> object:
    return run.manifest.inputs["questions"] if not run.members else sorted(run.questions)
