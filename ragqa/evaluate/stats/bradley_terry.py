"""Strengths of systems from contests between two at a time: the Bradley–Terry model (1952) with ties after Davidson.

Davidson (1970): a and b win in proportion to their strengths, and they tie in proportion to ν times the geometric mean
of these. With strengths as logarithms θ the model is a log-linear one, whose likelihood has a single maximum. A normal
prior of mean 0 and standard deviation 5 on each θ and on log ν keeps the estimate of a system that won everything (or
of contests without ties) finite; for anything that 40 contests can tell, it changes less than rounding does. The prior
also settles where the scale has its zero: the strengths add up to 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Floats
from ragqa.evaluate.stats.intervals import N_RESAMPLES, SEED, Interval, interval_of

PRIOR_DEVIATION = 5.0
METHOD = "Davidson's model, BCa bootstrap over questions"
_N_STEPS = 200
_CLOSE = 1e-9
_LONGEST_STEP = 1.0


@dataclass(frozen=True, slots=True)
class Contest:
    """Two systems on one question; ``points`` are those of ``a``: 1 where it won, 0 where ``b`` did, 0.5 for a tie."""

    question: str
    a: str
    b: str
    points: float


@dataclass(frozen=True, slots=True)
class Strength:
    """A system's strength: the natural logarithm θ with its interval over questions, and its share of points.

    Against an equal that never ties, a system wins with odds of exp(θ − θ'). A tie is half a point.
    """

    system: str
    strength: Interval
    share_of_points: float
    n_contests: int


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    """Systems, the strongest first, and ν: how willing the judge is to call a tie (0: never)."""

    systems: tuple[Strength, ...]
    tie_parameter: float
    n_questions: int


def bradley_terry(
    contests: Sequence[Contest], level: float = 0.95, n_resamples: int = N_RESAMPLES, seed: int = SEED
) -> BradleyTerry:
    """Rank systems by their contests.

    Questions are resampled whole, with all their contests, because those on one question are not independent.

    Raises
    ------
    UsageError
        There are no contests, one is of a system with itself or has other points than 0, 0.5 and 1, or the systems
        fall into groups that never met.

    >>> won = [Contest(str(n), "a", "b", 1.0 if n < 30 else 0.0) for n in range(40)]
    >>> [(one.system, round(one.strength.value, 2)) for one in bradley_terry(won, n_resamples=100).systems]
    [('a', 0.55), ('b', -0.55)]
    """
    systems, pairs, counts = _counted(contests)
    n_questions = len(counts)
    features = counts.reshape(n_questions, -1)
    found = fit(pairs, counts.sum(axis=0), len(systems))

    def of_system(place: int) -> Interval:
        def combine(means: Floats) -> Floats:
            totals = means.reshape(*means.shape[:-1], len(pairs), 3) * n_questions
            return fit(pairs, totals, len(systems))[..., place]

        return interval_of(float(found[place]), features, combine, level=level, n_resamples=n_resamples, seed=seed)

    ranked = [Strength(name, of_system(place), *_points(contests, name)) for place, name in enumerate(systems)]
    ranked.sort(key=lambda one: (-one.strength.value, one.system))
    return BradleyTerry(tuple(ranked), float(np.exp(found[-1])), n_questions)


def fit(pairs: npt.NDArray[np.int64], totals: Floats, n_systems: int) -> Floats:
    """The strengths θ and log ν that are likeliest with the prior, by Newton's method.

    Parameters
    ----------
    pairs
        int64 [n_pairs, 2]: the systems of each pair.
    totals
        float64 [..., n_pairs, 3]: how often the first won, the second won, and neither.

    Returns
    -------
    float64 [..., n_systems + 1]: the strengths, then log ν.
    """
    design = _design(pairs, n_systems)
    n_values = n_systems + 1
    shape = totals.shape[:-2]
    flat = totals.reshape(-1, len(pairs), 3)
    outer = np.einsum("pkd,pke->pkde", design, design).reshape(-1, n_values * n_values)
    precision = 1 / PRIOR_DEVIATION**2
    values = np.zeros((len(flat), n_values))
    played = flat.sum(axis=-1)
    for _ in range(_N_STEPS):
        chances = _chances(design, values)
        expected = played[..., None] * chances
        slope = np.einsum("rpk,pkd->rd", flat - expected, design) - precision * values
        if float(np.abs(slope).max(initial=0.0)) < _CLOSE * max(1.0, float(played.max(initial=0.0))):
            break
        means = np.einsum("rpk,pkd->rpd", chances, design)
        bend = (expected.reshape(len(flat), -1) @ outer).reshape(-1, n_values, n_values)
        bend -= np.einsum("rp,rpd,rpe->rde", played, means, means)
        bend += precision * np.eye(n_values)
        step = np.linalg.solve(bend, slope[..., None])[..., 0]
        longest = np.abs(step).max(axis=-1, keepdims=True)
        values = values + step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-300))
    return values.reshape(*shape, n_values)


def _design(pairs: npt.NDArray[np.int64], n_systems: int) -> Floats:
    """What the outcomes' log chances are made of: float64 [n_pairs, 3, n_systems + 1]."""
    design = np.zeros((len(pairs), 3, n_systems + 1))
    for place, (a, b) in enumerate(pairs.tolist()):
        design[place, 0, a] = 1.0
        design[place, 1, b] = 1.0
        design[place, 2, [a, b]] = 0.5
        design[place, 2, -1] = 1.0
    return design


def _chances(design: Floats, values: Floats) -> Floats:
    logits = np.einsum("pkd,rd->rpk", design, values)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _counted(contests: Sequence[Contest]) -> tuple[list[str], npt.NDArray[np.int64], Floats]:
    """The systems in order of name, the pairs, and what happened: float64 [n_questions, n_pairs, 3]."""
    _check(contests)
    systems = sorted({name for one in contests for name in (one.a, one.b)})
    pairs = list(combinations(systems, 2))
    of_pair = {pair: place for place, pair in enumerate(pairs)}
    of_question = {question: place for place, question in enumerate(dict.fromkeys(one.question for one in contests))}
    counts = np.zeros((len(of_question), len(pairs), 3))
    for one in contests:
        first, second = sorted((one.a, one.b))
        points = one.points if one.a == first else 1 - one.points
        outcome = {1.0: 0, 0.0: 1, 0.5: 2}[points]
        counts[of_question[one.question], of_pair[first, second], outcome] += 1
    met = counts.sum(axis=(0, 2)) > 0
    _check_connected(systems, [pair for pair, there in zip(pairs, met, strict=True) if there])
    place = {name: number for number, name in enumerate(systems)}
    indices = np.array([(place[a], place[b]) for (a, b), there in zip(pairs, met, strict=True) if there])
    return systems, indices, counts[:, met]


def _check(contests: Sequence[Contest]) -> None:
    if not contests:
        raise UsageError("there are no contests to rank systems by; judge at least one pair of answers")
    for one in contests:
        if one.a == one.b:
            raise UsageError(f"question {one.question!r} sets {one.a!r} against itself; name two systems")
        if one.points not in (0.0, 0.5, 1.0):
            raise UsageError(
                f"question {one.question!r} gives {one.a!r} {one.points:g} points against {one.b!r}; a win is 1, a tie "
                "0.5, a defeat 0"
            )


def _check_connected(systems: Sequence[str], met: Sequence[tuple[str, str]]) -> None:
    group = {name: name for name in systems}
    for a, b in met:
        old, new = group[b], group[a]
        group = {name: new if of == old else of for name, of in group.items()}
    groups = [[name for name in systems if group[name] == of] for of in dict.fromkeys(group.values())]
    if len(groups) > 1:
        told = "; ".join(", ".join(members) for members in groups)
        raise UsageError(
            f"the systems fall into {len(groups)} groups that never met ({told}), so that nothing tells how one group "
            "stands to another; judge a pair across them, or rank each by itself"
        )


def _points(contests: Sequence[Contest], name: str) -> tuple[float, int]:
    mine = [one.points if one.a == name else 1 - one.points for one in contests if name in (one.a, one.b)]
    return sum(mine) / len(mine), len(mine)
