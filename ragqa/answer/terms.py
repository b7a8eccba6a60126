"""How much a shared word tells.

A stem's weight is its inverse document frequency in a background of real abstracts, read from
``word_weights.json``, which ``eval/training/count_words.py`` writes. Words that the table lacks are rare, and so
tell the most.
"""

import functools
import importlib.resources
import math
from collections.abc import Iterable

import msgspec


@functools.cache
def _word_weights() -> dict[str, float]:
    text = importlib.resources.files("ragqa.answer").joinpath("word_weights.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, float])


def weight(word_stem: str) -> float:
    """How much it tells when two texts share this stem (inverse document frequency, natural logarithm)."""
    weights = _word_weights()
    return weights.get(word_stem, weights[""])


def coverage(wanted: Iterable[str], found: frozenset[str] | set[str]) -> float:
    """The weighted share of the ``wanted`` stems that are among those ``found``: 0 to 1, and 0 if none is wanted."""
    # Exact sums: the order of a set differs between processes, and sentences with equal shares must stay equal.
    weights = {word_stem: weight(word_stem) for word_stem in wanted}
    total = math.fsum(weights.values())
    return math.fsum(value for word_stem, value in weights.items() if word_stem in found) / total if total else 0.0
