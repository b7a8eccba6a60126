"""Values that a question asks for (a date, a share, a count, a measure, what a short form stands for), in sentences.

The model marks names. A value has a form by which it is known; that its sentence is evidence, and how near it stands
to the question's words, tells whether it is the one asked for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragqa.answer.question import ValueKind
from ragqa.corpus.abbreviations import explained
from ragqa.corpus.words import content_stems, word_set

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_YEAR = r"(?:1[6-9]|20)\d\d"
_WORD = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|seventy"
    r"|eighty|ninety)"
)
_DIGITS = r"\d++(?:[,·.]\d++)*+"
_FIGURE = rf"(?<![\w.,/])[<>≥≤~]?{_DIGITS}(?:\s?(?:-|–|to)\s?{_DIGITS})?+"
_UNIT = (
    r"(?:years?|months?|weeks?|days?|hours?|h|minutes?|min|seconds?|s|generations?|[kMG]?bp|[kMG]b|base pairs"
    r"|kilobases?|nucleotides?|nt|amino acids|residues|kDa|[µμmkn]?g(?:/(?:kg|day|d|L|ml|m2))?|IU(?:/\w+)?|m?[lL]"
    r"|[µμmnck]?m|°C|mmHg|[mµμn]?mol/L|[Kk]?cal)\b"
)
_FORMS: dict[ValueKind, re.Pattern[str]] = {
    "date": re.compile(
        rf"(?<![\w.,/])(?:\d{{1,2}} {_MONTH},? {_YEAR}|{_MONTH},? (?:\d{{1,2}},? )?{_YEAR}|{_YEAR}(?:s\b|[-–]{_YEAR})?"
        r"(?!\s?%|\s?mg\b))(?![\d-]|[.,]\d)"
    ),
    "share": re.compile(rf"{_FIGURE}(?:\s?%|\s?per ?cent\b|\s?(?:per|in|out of)\s{_DIGITS}|\s?[:/]\s?{_DIGITS})"),
    "count": re.compile(
        rf"{_FIGURE}(?: (?:million|billion|trillion)\b)?+(?!\s?(?:%|per ?cent\b)|[\s-]?{_UNIT}|[\w/(])|\b{_WORD}\b",
        re.IGNORECASE,
    ),
    "measure": re.compile(rf"{_FIGURE}[\s-]?{_UNIT}|\b{_WORD}(?: to {_WORD})? {_UNIT}"),
}
_COUNTED = re.compile(
    r"\b(?:how many|number of)\s+(?:[\w/-]+\s+){0,3}?(?P<noun>[\w/-]*[^\Ws]s|people|women|men|children|bacteria)\b",
    re.IGNORECASE,
)
_IS_UNIT = re.compile(_UNIT)
_PEOPLE = word_set("patients people persons individuals women men children infants adults subjects participants cases")
_LISTED = re.compile(r"(?<=\()\d\)")
_OF_WHAT_IS_COUNTED = 4.0
"""A number before what is counted ("2183 families") counts so many times as much as another in its sentence."""
_REACH = 5  # words
_COMMA = 3
_FAR = 20


@dataclass(frozen=True, slots=True)
class Value:
    """Characters of a sentence that tell a value, and its share, 0 to 1, among those of its kind there."""

    begin: int
    end: int
    share: float


def values(kind: ValueKind, question: str, sentence: str) -> list[Value]:
    """The values of a kind in a sentence, but those that the question itself has.

    >>> found = values("count", "How many families enrolled?", "4660 participants of 2183 families")
    >>> [(value.begin, value.end, value.share) for value in found]
    [(0, 4, 0.2), (21, 25, 0.8)]
    """
    if kind == "long form":
        return _long_forms(question, sentence)
    counted = _counted(question) if kind == "count" else ""
    if counted and _IS_UNIT.fullmatch(counted):
        kind = "measure"
    found = [one for one in _FORMS[kind].finditer(sentence) if not _LISTED.match(sentence, one.start())]
    if counted.lower() in _PEOPLE:  # of people it is also told what share they are
        found += _FORMS["share"].finditer(sentence)
    found = [one for one in found if one[0] not in question]
    known, wanted = set(content_stems(question)), set(content_stems(counted))
    near = [_near(sentence, one.start(), one.end(), known, wanted) for one in found]
    return [Value(one.start(), one.end(), value / sum(near)) for one, value in zip(found, near, strict=True)]


def _long_forms(question: str, sentence: str) -> list[Value]:
    asked = {_singular(word) for word in re.findall(r"[\w-]+", question)}
    told = [long_form for short, long_form in explained(sentence).items() if _singular(short) in asked]
    places = [(sentence.find(long_form), len(long_form)) for long_form in told]
    return [Value(begin, begin + length, 1 / len(told)) for begin, length in places if begin >= 0]


def _singular(short: str) -> str:
    return short.lower().removesuffix("s")


def _near(sentence: str, begin: int, end: int, known: set[str], counted: set[str]) -> float:
    near = 1 / (1 + min(_distances(sentence[:begin], sentence[end:], known), default=_FAR))
    after = " ".join(sentence[end:].split()[:_REACH])
    return near * (_OF_WHAT_IS_COUNTED if counted.intersection(content_stems(after)) else 1.0)


def _distances(before: str, after: str, known: set[str]) -> Iterator[int]:
    """How many words stand between a value and the nearest of the question's words on either side.

    A comma counts as three.
    """
    for words, is_before in ((before.split()[::-1], True), (after.split(), False)):
        distance = 0
        for word in words:
            ends = _COMMA if word.endswith((",", ";", ":")) else 0
            distance += ends if is_before else 0
            if known.intersection(content_stems(word)):
                yield distance
                break
            distance += 1 if is_before else 1 + ends


def _counted(question: str) -> str:
    """What is counted: "families" of "How many families enrolled?"; "" where that is not plain."""
    found = _COUNTED.search(question)
    return found["noun"] if found else ""
