"""What a measure is: what is declared of it once, and its values on one question set.

A figure over a question set is ``combine(mean over questions of features)``. For a plain mean the features are
the values themselves; macro-F1, a geometric mean or a ratio need more than one column or a closing formula.
With this one shape, confidence intervals and significance tests work for every figure alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ragqa.errors import UsageError, nearest

Floats = npt.NDArray[np.float64]
Combine = Callable[[Floats], Floats]


def first(means: Floats) -> Floats:
    """The first mean itself: the closing formula of a plain mean."""
    return means[..., 0]


def ratio_or_zero(means: Floats) -> Floats:
    """The first mean by the second, 0 where that is 0."""
    above, below = means[..., 0], means[..., 1]
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))


def ratio(means: Floats) -> Floats:
    """The first mean by the second, undefined where that is 0: a mean over those questions that count."""
    above, below = means[..., 0], means[..., 1]
    return np.asarray(np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0))


def mean_of_ratios(means: Floats) -> Floats:
    """The unweighted mean of ratios: columns of numerators, then as many of denominators; undefined where one is 0."""
    above, below = np.split(means, 2, axis=-1)
    ratios = np.divide(above, below, out=np.full_like(below, np.nan), where=below > 0)
    return np.asarray(ratios.mean(axis=-1))


@dataclass(frozen=True, slots=True)
class Declaration:
    """What holds of a measure wherever it is used: comparison, tuning, ranking, plots and reports read it here.

    Attributes
    ----------
    name
        The measure's usual name; a family's has a ``*`` for what varies (``f1_*``, ``alce_recall[*]``).
    higher_is_better
        The direction: False where the best system has the lowest figure.
    low, high
        The bounds of the figure.
    cutoff
        The ranks that count, for measures of ranked lists; None where there is no ranking, or no cut-off.
    needs_all_hits
        True where every hit that was kept counts, so that figures of runs of different depth are not comparable.
    denominator
        What is averaged over, in words.
    is_proportion
        True where each question is right or wrong and the figure is the share that is right.
    is_conditional
        True where only those questions count that a system answered: its name says so, its last feature is 1 for a
        question that counts and 0 for any other, and it has an n of its own.
    combine
        Turns means of features into the figure; see :class:`Measure`.
    """

    name: str
    higher_is_better: bool = True
    low: float = 0.0
    high: float = 1.0
    cutoff: int | None = None
    needs_all_hits: bool = False
    denominator: str = "all questions"
    is_proportion: bool = False
    is_conditional: bool = False
    combine: Combine = first

    @property
    def sign(self) -> int:
        """1 where higher is better, else −1: ``sign * figure`` is always better when it is greater."""
        return 1 if self.higher_is_better else -1


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """One figure over a question set; its direction and bounds are declared by its name.

    Attributes
    ----------
    name
        The measure's usual name, for example ``nDCG@10``.
    question_ids
        The questions of the denominator, in order. A question that a system did not answer is among them.
    values
        float64 [n_questions]: what is shown for each question; used for wins, losses and effect sizes. NaN where a
        measure of answered questions has nothing to show.
    features
        float64 [n_questions, n_features]: what is averaged over the questions.
    combine
        Turns means of features, float64 [..., n_features], into the figure, float64 [...].
    is_mean
        True where the figure is the mean of ``values``.
    """

    name: str
    question_ids: tuple[str, ...]
    values: Floats
    features: Floats
    combine: Combine = first
    is_mean: bool = True


@dataclass(frozen=True, slots=True)
class Scores:
    """All figures of one metric on one question set, and what was counted on the way.

    ``counts`` always tells ``n_questions``; others (``n_missing``, ``n_unparsed`` …) are documented by the
    function that counts them. ``notes`` are sentences for people.
    """

    measures: Mapping[str, Measure]
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def mean_measure(name: str, values: Mapping[str, float]) -> Measure:
    """A measure that is the plain mean of one value a question."""
    array = np.array(list(values.values()), dtype=np.float64)
    return Measure(name, tuple(values), array, array[:, None])


def combined_measure(
    name: str, question_ids: Sequence[str], values: Sequence[float] | Floats, features: Floats, combine: Combine
) -> Measure:
    """A measure that is a function of several means; see :class:`Measure`."""
    array = np.asarray(values, dtype=np.float64)
    return Measure(name, tuple(question_ids), array, np.asarray(features, dtype=np.float64), combine, is_mean=False)


def answered_measure(name: str, question_ids: Sequence[str], values: Mapping[str, float]) -> Measure:
    """The mean over those of all the questions that have a value: those that a system answered."""
    answered = np.array([question_id in values for question_id in question_ids], dtype=np.float64)
    shown = np.array([values.get(question_id, np.nan) for question_id in question_ids])
    return combined_measure(name, question_ids, shown, np.stack([np.nan_to_num(shown), answered], axis=1), ratio)


def figure(measure: Measure) -> float:
    """The figure itself.

    Raises
    ------
    UsageError
        No question is in the denominator, so there is nothing to average.

    >>> figure(mean_measure("accuracy", {"q1": 1.0, "q2": 0.0}))
    0.5
    """
    if not measure.question_ids:
        raise UsageError(f"{measure.name} has no questions to average over; check the gold file and the question types")
    return float(measure.combine(measure.features.mean(axis=0)))


def figures(scores: Scores) -> dict[str, float]:
    """Every figure by name."""
    return {name: figure(measure) for name, measure in scores.measures.items()}


def per_question(measure: Measure) -> dict[str, float]:
    """The value of each question by its id."""
    return dict(zip(measure.question_ids, measure.values.tolist(), strict=True))


def named(scores: Scores, name: str) -> Measure:
    """The measure called ``name``.

    Raises
    ------
    UsageError
        There is none; the message names the nearest.
    """
    try:
        return scores.measures[name]
    except KeyError:
        raise UsageError(f"there is no measure {name!r}; {nearest(name, scores.measures)}") from None


def merged(parts: Sequence[Scores]) -> Scores:
    """Several scores as one.

    Raises
    ------
    UsageError
        Two parts have a measure of the same name, or counts of the same name that differ.
    """
    measures: dict[str, Measure] = {}
    counts: dict[str, int] = {}
    for part in parts:
        double = measures.keys() & part.measures.keys()
        if double:
            raise UsageError(f"two metrics give a measure called {min(double)!r}; ask for one of them")
        measures.update(part.measures)
        for name, count in part.counts.items():
            if counts.setdefault(name, count) != count:
                raise UsageError(f"two metrics count {name!r} differently ({counts[name]} and {count})")
    return Scores(measures, counts, tuple(note for part in parts for note in part.notes))


def mean_over_sets(sets: Mapping[str, Scores]) -> Scores:
    """The unweighted mean of each figure over several question sets (R2MED's eight).

    Parameters
    ----------
    sets
        Name of a set → its scores. All must have the same measures, and these must be plain means.

    Returns
    -------
    Scores
        Measures ``mean_NAME`` whose questions are ``SET/ID``. In a resample in which a set has no question, its
        share is undefined and so is the mean. Counts are added up, and ``n_sets``.

    Raises
    ------
    UsageError
        There are no sets, or their measures differ or are no means.
    """
    if not sets:
        raise UsageError("there is no set to take the mean over")
    names = list(next(iter(sets.values())).measures)
    measures = {}
    for name in names:
        parts = {set_name: named(scores, name) for set_name, scores in sets.items()}
        if not all(part.is_mean and part.question_ids for part in parts.values()):
            raise UsageError(f"{name} is no plain mean over questions in every set; its mean over sets is not defined")
        measures[f"mean_{name}"] = _mean_over_sets(f"mean_{name}", parts)
    counts: dict[str, int] = {"n_sets": len(sets)}
    for scores in sets.values():
        for name, count in scores.counts.items():
            counts[name] = counts.get(name, 0) + count
    notes = tuple(f"{set_name}: {note}" for set_name, scores in sets.items() for note in scores.notes)
    return Scores(measures, counts, notes)


def _mean_over_sets(name: str, parts: Mapping[str, Measure]) -> Measure:
    ids = [f"{set_name}/{question_id}" for set_name, part in parts.items() for question_id in part.question_ids]
    values = np.concatenate([part.values for part in parts.values()])
    which = np.repeat(np.arange(len(parts)), [len(part.values) for part in parts.values()])
    inside = np.eye(len(parts))[which]
    return combined_measure(name, ids, values, np.hstack([inside * values[:, None], inside]), mean_of_ratios)
