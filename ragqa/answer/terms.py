"""Words as the reader compares them: tokens, light stems, and how much a shared word tells.

A stem's weight is its inverse document frequency in a background of real abstracts, read from
``word_weights.json``, which ``eval/training/count_words.py`` writes. Words that the table lacks are rare, and so
tell the most.
"""

import functools
import importlib.resources
import math
import re
from collections.abc import Iterable

import msgspec

_TOKEN = re.compile(r"[^\W_]+")
_SUFFIXES = (
    "izations", "isations", "ization", "isation", "fulness", "iveness", "ations", "ically", "ements", "ation", "ative",
    "ively", "ities", "ences", "ances", "ement", "ments", "ators", "ility", "ional", "ingly", "ical", "ings", "ions",
    "ence", "ance", "ants", "ents", "ator", "ment", "edly", "ness", "able", "ible", "less", "ies", "ing", "ion", "ive",
    "ers", "ors", "ity", "ant", "ent", "ial", "ous", "ful", "acy", "al", "ed", "er", "or", "es", "ic", "ly", "at", "s",
    "e", "y",
)  # fmt: skip
_SHORTEST_STEM = 4


def word_set(text: str) -> frozenset[str]:
    """The words of a space-separated list, for tables of words."""
    return frozenset(text.split())


STOPWORDS = word_set(
    """a about above after again against all also am among an and any are as at be because been before being below
    between both but by can could did do does doing done down during each either et al few for from further had has
    have having he her here hers him his how however i if in into is it its itself just like may me might more most
    must my no nor not now of off on once only onto or other our out over own per same she should since so some such
    than that the their them then there these they this those through thus to too under until up upon us use used
    using very via was we were what when where whether which while who whom whose why will with within without would
    yet you your vs versus name list describe explain define give please known called"""
)


@functools.cache
def _word_weights() -> dict[str, float]:
    text = importlib.resources.files("ragqa.answer").joinpath("word_weights.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, float])


def tokens(text: str) -> list[str]:
    """The words and numbers of a text in lower case, split at hyphens and every other sign."""
    return _TOKEN.findall(text.lower())


@functools.lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A lower-case word without its common endings, so that related forms compare equal.

    >>> stem("effective") == stem("effectiveness") == stem("effects")
    True
    """
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return stem(word[: -len(suffix)])
    return word


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order, repeated as they are in the text."""
    return [stem(token) for token in tokens(text) if token not in STOPWORDS and (len(token) > 1 or not token.isascii())]


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
