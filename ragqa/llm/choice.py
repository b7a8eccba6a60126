"""Probabilities of a constrained choice from the log probabilities of its tokens, and their calibration."""

import math
from collections.abc import Mapping, Sequence

Position = tuple[str, Mapping[str, float]]
"""A generated token, and the log probabilities of the likeliest tokens at its place."""


def choice_probabilities(choices: Sequence[str], positions: Sequence[Position]) -> dict[str, float]:
    """The probability of each choice at the token that tells them apart.

    A choice's mass is the sum over the tokens that can begin it ("ma" and "maybe" both begin "maybe"); masses are
    normalised to 1. Under constrained decoding the server has masked every other token, so this is the model's
    own distribution over the choices.

    Parameters
    ----------
    choices
        What the reply may be; they differ in their first character.
    positions
        The reply's tokens in order.

    Returns
    -------
    dict
        Empty where no position begins a choice.

    Examples
    --------
    >>> likeliest = {"y": math.log(0.6), "n": math.log(0.2), "#": -9999}
    >>> probabilities = choice_probabilities(["yes", "no"], [("y", likeliest)])
    >>> {choice: round(p, 3) for choice, p in probabilities.items()}
    {'yes': 0.75, 'no': 0.25}
    """
    check_choices(choices)
    for token, likeliest in positions:
        if not token.strip(' \n\t"'):
            continue
        masses = dict.fromkeys(choices, 0.0)
        for candidate, log_probability in {token: -math.inf, **likeliest}.items():
            start = candidate.lstrip(' \n\t"')
            choice = next((c for c in choices if start and _begins(start, c)), None)
            if choice is not None:
                masses[choice] += math.exp(log_probability)
        total = sum(masses.values())
        return {choice: mass / total for choice, mass in masses.items()} if total > 0 else {}
    return {}


def check_choices(choices: Sequence[str]) -> None:
    """Refuse choices that the first token cannot tell apart.

    Raises
    ------
    ValueError
        Two choices begin with the same character, or one is empty.
    """
    starts = [choice[:1].lower() for choice in choices]
    if not all(starts) or len(set(starts)) < len(starts):
        raise ValueError(f"choices {list(choices)} must differ in their first character")


def scale(probabilities: Mapping[str, float], temperature: float) -> dict[str, float]:
    """Probabilities with their logarithms divided by ``temperature`` and normalised again (Guo et al. 2017).

    >>> scale({"yes": 0.8, "no": 0.2}, 1.0)
    {'yes': 0.8, 'no': 0.2}
    >>> round(scale({"yes": 0.8, "no": 0.2}, 2.0)["yes"], 4)
    0.6667
    """
    if temperature == 1.0 or not probabilities:
        return dict(probabilities)
    powers = {label: p ** (1.0 / temperature) for label, p in probabilities.items()}
    total = sum(powers.values())
    return {label: power / total for label, power in powers.items()}


def fit_temperature(predictions: Sequence[Mapping[str, float]], gold: Sequence[str]) -> float:
    """The temperature between 0.05 and 20 with the least mean negative log likelihood of the gold labels.

    Fit it on development questions only, and store it as ``answer.chat.verdict_temperature``. The likelihood has
    a single minimum in ``1/temperature``; it is found by golden-section search over the logarithm.

    Raises
    ------
    ValueError
        There are no predictions, or not one gold label for each.
    """
    if not predictions or len(predictions) != len(gold):
        raise ValueError(f"{len(predictions)} predictions and {len(gold)} gold labels: one label each is needed")

    def loss(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        scaled = (scale(p, temperature).get(label, 0.0) for p, label in zip(predictions, gold, strict=True))
        return -sum(math.log(max(value, 1e-12)) for value in scaled)

    low, high = math.log(0.05), math.log(20.0)
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    loss_left, loss_right = loss(left), loss(right)
    while high - low > 1e-4:
        if loss_left <= loss_right:
            high, right, loss_right = right, left, loss_left
            left = high - ratio * (high - low)
            loss_left = loss(left)
        else:
            low, left, loss_left = left, right, loss_right
            right = low + ratio * (high - low)
            loss_right = loss(right)
    return math.exp((low + high) / 2)


def _begins(start: str, choice: str) -> bool:
    """Whether a token can begin a choice: it is a prefix of it, or the whole of it with a closing quote."""
    lowered, wanted = start.lower(), choice.lower()
    return wanted.startswith(lowered) or lowered.rstrip('" \n.') == wanted
