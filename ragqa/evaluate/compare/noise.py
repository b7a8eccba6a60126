"""Signal and noise of a task: how far systems lie apart, by how far one system moves from run to run.

After Heineman et al., "Signal and Noise: A Framework for Reducing Uncertainty in Language Model Evaluation" (2025):
the signal is the relative dispersion of the systems' figures, the noise the relative standard deviation of repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from ragqa.errors import UsageError
from ragqa.evaluate.runs.repeats import Repeats


@dataclass(frozen=True, slots=True)
class SignalToNoise:
    """One measure over several systems.

    Attributes
    ----------
    signal
        Largest difference of two systems' means, by the mean of all.
    noise
        Mean standard deviation from run to run, by the mean of all.
    ratio
        Their quotient; None where nothing moves.
    """

    measure: str
    signal: float
    noise: float
    ratio: float | None


def signal_to_noise(repeats: Sequence[Repeats]) -> list[SignalToNoise]:
    """Signal and noise of every measure that all systems have.

    Raises
    ------
    UsageError
        Fewer than two systems, or repeats of different tasks.
    """
    if len(repeats) < 2:
        raise UsageError("signal and noise are of at least two systems; name the repeats of another one")
    tasks = {one.task for one in repeats}
    if len(tasks) > 1:
        raise UsageError(f"the repeats are of different tasks ({', '.join(sorted(tasks))}); compare those of one")
    names = [name for name in repeats[0].measures if all(name in one.measures for one in repeats)]
    return [_of(name, repeats) for name in names]


def _of(name: str, repeats: Sequence[Repeats]) -> SignalToNoise:
    means = [one.measures[name].mean for one in repeats]
    whole = fmean(means)
    if not whole:
        return SignalToNoise(name, 0.0, 0.0, None)
    signal = max(abs(a - b) for a, b in combinations(means, 2)) / abs(whole)
    noise = fmean(one.measures[name].between_runs for one in repeats) / abs(whole)
    return SignalToNoise(name, signal, noise, signal / noise if noise else None)
