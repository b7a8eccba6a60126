"""Phrases that can be an answer: runs of words that look like noun phrases, numbers with units, dates, and the
abbreviations that a text explains.

No tagger is needed: a run ends at punctuation, at a function word, or at one of the verbs that abstracts use.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragqa.corpus import words

_WORD = re.compile(r"[^\W_](?:[^\s,;:()\[\]{}\"“”<>=?!]*[^\W_+])?\+?")
_BREAKING_VERBS = words.word_set(
    """cause causes encode encodes encoding inhibit inhibits bind binds include includes including play plays show shows
    showed shown lead leads leading result results resulting suggest suggests report reports revealed reveal reveals
    indicate indicates demonstrate demonstrates regulate regulates regulating act acts acting occur occurs remain
    remains     become becomes contain contains containing appear appears represent represents provide provides increase
    increases reduce reduces induce induces require requires mediate mediates affect affects affecting produce
    produces prevent
    prevents treat treats consist consists comprise comprises belong belongs develop develops describe describes found
    seen given made identify identifies confirm confirms based due well target targets targeting improve improves
    remains
    causing involving consisting comprising following according compared associated approved recently first second novel
    new several main major common recent different various many most important currently commonly often mainly usually
    previously total patients patient study studies data cases case group groups evidence conclusion conclusions
    background objective methods aim purpose however therefore thus addition role whereas
    keep keeps kept make makes making help helps look looks seek seeks see join joins gone go goes taken take takes took
    know written withhold recognise recognize explain everyone least offer offers want try tell tells learn
    need needs"""
)
_SHORT_ENDED = re.compile(r"[a-z]{3,}(?:ed|ly)\Z")
_NUMBER = re.compile(
    r"(?:approximately |about |around |up to |nearly )?(?P<value>(?:[<>≤≥~]\s?)?\d[\d,.]*(?:\s?(?:-|–|to)\s?\d[\d,.]*)?"
    r"\s?(?:%|percent|per cent|mg/kg|mg|g|kg|ml|µg|μg|mcg|mm|cm|nm|kDa|kb|Mb|bp|Hz|years?|months?|weeks?|days?|hours?|h"
    r"|minutes?|min|seconds?|fold|million|billion|thousand|genes|proteins|subunits|exons|amino acids|chromosomes"
    r"|patients|cases|in [\d,]+(?: [a-z]+)?|per [\d,]+(?: [a-z]+)?)?(?:/\w+| per \w+| daily)?)",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:(?:January|February|March|April|May|June|July|August|September|October|November"
    r"|December)\s+(?:\d{1,2},?\s+)?)?"
    r"(?:19|20)\d\d\b"
)
_ABBREVIATION = re.compile(r"\((?P<short>[A-Za-z][\w/α-ω+-]{1,9}s?)(?:[;,][^()]*)?\)")
_LONGEST_PHRASE = 6


@dataclass(frozen=True, slots=True)
class Phrase:
    """A candidate in a text: ``text[begin:end]``, and how many words precede it there."""

    begin: int
    end: int
    n_before: int


def noun_phrases(text: str) -> Iterator[Phrase]:
    """Runs of content words, at most six words each, in order."""
    run: list[re.Match[str]] = []
    last = count = 0
    for count, word in enumerate(_WORD.finditer(text)):
        gap = text[last : word.start()]
        last = word.end()
        if run and gap != " ":
            yield from _phrase_of(run, count - len(run))
            run = []
        if _breaks(word.group()):
            if run:
                yield from _phrase_of(run, count - len(run))
            run = []
        else:
            run.append(word)
    if run:
        yield from _phrase_of(run, count + 1 - len(run))


def _phrase_of(run: list[re.Match[str]], n_before: int) -> Iterator[Phrase]:
    run = run[-_LONGEST_PHRASE:]
    begin, end = run[0].start(), run[-1].end()
    if end - begin > 1 and any(sign.isalpha() for word in run for sign in word.group()):
        yield Phrase(begin, end, n_before)


def _breaks(word: str) -> bool:
    lowered = word.lower()
    if lowered in words.STOPWORDS:  # "IT", "WAS" and "ARE" can be names, "it" cannot
        return len(word) < 3 or not word.isupper()
    return lowered in _BREAKING_VERBS or (word.islower() and _SHORT_ENDED.match(word) is not None)


def numbers(text: str) -> Iterator[Phrase]:
    """Numbers with their units."""
    for found in _NUMBER.finditer(text):
        if not text[max(found.start("value") - 1, 0)].isalnum() or found.start("value") == 0:
            value = found["value"].rstrip(" ,.-–")
            yield Phrase(found.start("value"), found.start("value") + len(value), text.count(" ", 0, found.start()))


def dates(text: str) -> Iterator[Phrase]:
    """Years, with month and day where they are given."""
    for found in _DATE.finditer(text):
        yield Phrase(found.start(), found.end(), text.count(" ", 0, found.start()))


def abbreviations(text: str) -> dict[str, str]:
    """Abbreviations that a text explains, and their long forms.

    The long form is the shortest run of words before the bracket that starts with the abbreviation's first letter
    and holds its letters in order (Schwartz and Hearst, PSB 2003).

    >>> abbreviations("Patients with atrial fibrillation (AF) took a vitamin K antagonist (VKA).")
    {'AF': 'atrial fibrillation', 'VKA': 'vitamin K antagonist'}
    """
    pairs = {}
    for found in _ABBREVIATION.finditer(text):
        short = found["short"]
        if (
            any(sign.isupper() for sign in short)
            and (begin := _long_form_begin(text, found.start(), short)) is not None
        ):
            pairs[short] = text[begin : found.start()].rstrip()
    return pairs


def _long_form_begin(text: str, end: int, short: str) -> int | None:
    letters = [sign.lower() for sign in short.rstrip("s") if sign.isalnum()]
    n_words = min(len(letters) + 5, len(letters) * 2)
    words = list(re.finditer(r"\S+", text[max(0, end - 200) : end]))[-n_words:]
    place = end - 1
    lowest = max(0, end - 200) + (words[0].start() if words else 0)
    for index in range(len(letters) - 1, -1, -1):
        while place >= lowest and not (
            text[place].lower() == letters[index] and (index > 0 or place == 0 or not text[place - 1].isalnum())
        ):
            place -= 1
        if place < lowest:
            return None
        place -= 1
    begin = place + 1
    return (
        begin
        if text[begin:end].strip().lower() != short.lower() and len(text[begin:end].strip()) > len(short)
        else None
    )
