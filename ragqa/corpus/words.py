"""Words as every part compares them: tokens, stems, words that say nothing, and what a letter or number names.

"Vitamin D" and "vitamin K", "IL-6" and "IL-8", "type 1" and "type 2", "factor V" and "factor VIII" differ in a single
sign, so what such a sign names is kept as a word of its own in one spelling: ``vitamin d``, ``il 6``.
"""

import functools
import re
from collections.abc import Iterator

from ragqa.corpus.scripts import on_the_line

_TOKEN = re.compile(r"[^\W_]+")
_SUFFIXES = (
    "izations", "isations", "ization", "isation", "iveness", "ations", "ically", "ements", "ation", "ative",
    "ively", "ities", "ences", "ances", "ement", "ments", "ators", "ility", "ional", "ingly", "ical", "ings", "ions",
    "ence", "ance", "ants", "ents", "ator", "ment", "edly", "ness", "able", "ible", "ies", "ing", "ion", "ive",
    "ers", "ors", "ity", "ant", "ent", "ial", "ous", "acy", "al", "ed", "er", "or", "es", "ic", "ly", "at", "s",
    "e", "y",
)  # fmt: skip
_OPPOSITE_ENDINGS = re.compile(r"(?P<stem>\w{3,}(?:less|ful))(?:ness|ly)?\Z")
"""Endings that make opposites of one stem ("harmless", "harmful", "harm"): kept."""
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
LUCENE_STOPWORDS = word_set(
    """a an and are as at be but by for if in into is it no not of on or such that the their then there these they this
    to was will with"""
)
"""Those of Lucene's English analysis, for engines that must find what Lucene finds."""

_NAMING = word_set(
    """vitamin vitamins hepatitis type types factor grade stage phase class group protein influenza immunoglobulin
    coenzyme cyclin apolipoprotein haemophilia hemophilia cytochrome interleukin subtype category level schedule
    complex chromosome collagen botulinum toxin annexin"""
)
_NAMED = re.compile(
    r"(?<![^\W_])(?P<noun>[^\W\d_]{2,})(?P<gap>[ \-‐‑–]?)(?P<name>[A-Za-z]|\d{1,3}|[IVX]{2,4})(?![^\W_])(?!\s?%|[.,]\d)"
)
_ROMAN = {
    "I": "1", "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6", "VII": "7", "VIII": "8", "IX": "9", "X": "10",
    "XI": "11", "XII": "12", "XIII": "13",
}  # fmt: skip
_COUNTED_BY_ROMAN = word_set("factor type types grade stage phase class group category level schedule complex collagen")


def tokens(text: str) -> list[str]:
    """The words and numbers of a text in lower case, split at hyphens and every other sign."""
    return _TOKEN.findall(on_the_line(text).lower())


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order, repeated as they are in the text, then what signs name.

    >>> content_stems("Vitamin D for type II diabetes")
    ['vitamin', 'type', 'ii', 'diabet', 'vitamin d', 'type 2']
    """
    words = [
        stem(token) for token in tokens(text) if token not in STOPWORDS and (len(token) > 1 or not token.isascii())
    ]
    return [*words, *designations(text)]


def designations(text: str) -> Iterator[str]:
    """What letters and numbers name, with the noun before them, in one spelling.

    >>> list(designations("IL-6, IL6 and interleukin-8 in hepatitis B; factor VIII; 5 of 6 patients; in 2 weeks"))
    ['il 6', 'il 6', 'interleukin 8', 'hepatitis b', 'factor 8']
    """
    for found in _NAMED.finditer(text):
        noun, gap, name = found["noun"].lower(), found["gap"], found["name"]
        if not gap and not (name.isdigit() and any(sign.isupper() for sign in found["noun"])):
            continue  # a word that merely ends so
        if gap == " " and noun not in _NAMING:
            continue
        if gap not in {"", " "} and name.isalpha() and noun not in _NAMING:
            continue  # "beta-D", "anti-B": parts of longer names
        if noun in _COUNTED_BY_ROMAN:
            name = _ROMAN.get(name, name)
        yield f"{_without_plural(noun)} {name.lower()}"


def _without_plural(noun: str) -> str:
    return {"types": "type", "vitamins": "vitamin"}.get(noun, noun)


@functools.lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A lower-case word without its common endings, so that related forms compare equal.

    >>> stem("effective") == stem("effectiveness") == stem("effects")
    True
    >>> stem("harmless") == stem("harmful")
    False
    """
    if opposite := _OPPOSITE_ENDINGS.match(word):
        return opposite["stem"]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return stem(word[: -len(suffix)])
    return word


def singular(word: str) -> str:
    """A lower-case word with its plural ending taken away (the S stemmer of Harman, 1991).

    >>> singular("therapies"), singular("studies"), singular("viruses"), singular("diabetes"), singular("virus")
    ('therapy', 'study', 'viruse', 'diabete', 'virus')
    """
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word
