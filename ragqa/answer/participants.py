"""How many people a study had, where its abstract says so plainly."""

import re
from collections.abc import Iterator

from ragqa.corpus.text import abstract_sections
from ragqa.types import Document

_DIGITS = r"\d{1,3}(?:[, ]\d{3})+|\d{1,7}"
_COUNT = rf"(?<!\d )(?<![\d.,/-])(?P<n>{_DIGITS})"
_PEOPLE = (
    r"(?:patients?|participants?|subjects?|women|men|children|adults|infants?|neonates|newborns|adolescents|students|"
    r"volunteers|individuals|persons|people|respondents|residents|veterans|mothers|males|females|girls|boys|nurses|"
    r"physicians|survivors|recipients|controls)"
)
_NO_KIND = (
    r"(?:years?|months?|weeks?|days?|hours?|minutes?|of|in|at|to|by|for|from|the|and|or|was|were|is|are|had|with|mg|ml|"
    r"studies|trials|practices|hospitals|cent(?:er|re)s|units|clinics|sites|cycles|countries|towns|times|per|suit|as|"
    r"hundred|thousand|million|billion)"
)
_KINDS = rf"(?:(?!{_NO_KIND}\b)[A-Za-z][A-Za-z-]* ){{0,3}}?"
_TOTAL = re.compile(
    r"(?i)\b(?:a total of|total of|in total,?|altogether,?|overall,?|enrolled|recruited|included|randomi[sz]ed|studied|"
    rf"analy[sz]ed|surveyed|reviewed|interviewed)\s+{_COUNT} {_KINDS}{_PEOPLE}\b"
    rf"|{_COUNT.replace('P<n>', 'P<m>')} (?:consecutive|eligible) {_KINDS}{_PEOPLE}\b"
)
_COUNTED = re.compile(rf"{_COUNT} {_KINDS}{_PEOPLE}\b")
_TWO_GROUPS = re.compile(
    rf"{_COUNT} {_KINDS}{_PEOPLE}\b[^.;]{{0,60}}?\b(?P<link>compared (?:with|to)|versus|vs\.?|and) (?:in |the )?"
    rf"(?P<other>{_DIGITS})(?= (?:who|without|with|not|younger|older|{_KINDS}{_PEOPLE})\b)"
)
_NOT_ALL = re.compile(r"(?i)\b(?:per|every|which|them,?|only)\s+$")
_TENS = ("Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("Ten", "Eleven", "Twelve", "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen")
_SPELLED = re.compile(
    rf"\b(?:(?P<ten>{'|'.join(_TENS)})(?:-(?P<unit>{'|'.join(_UNITS)}))?|(?P<teen>{'|'.join(_TEENS)}))\b"
)
_FEWEST, _MOST = 2, 50_000_000


def participants(document: Document) -> int | None:
    """The number of participants, or None where the abstract does not tell one number.

    Read are, in this order, two groups that are compared, a count that is told as the total, and the only count of
    people. Of several counts of one kind the first is taken if it is the largest, since parts follow the whole; else
    none: no number is better than a wrong one.

    >>> from ragqa.types import Section
    >>> text = "Then 77 patients who had a statin were compared with 126 who had not. Of the 203 patients 26% had AF."
    >>> participants(Document("1", (Section("abstract", text),)))
    203
    """
    text = " ".join(section.text for section in abstract_sections(document) if section.category != "BACKGROUND")
    text = _SPELLED.sub(_in_digits, text)
    for counts in (_sums(text), _totals(text), _all(text)):
        found = list(dict.fromkeys(count for count in counts if _FEWEST <= count <= _MOST))
        if found:
            return found[0] if found[0] == max(found) else None
    return None


def _sums(text: str) -> Iterator[int]:
    for found in _TWO_GROUPS.finditer(text):
        yield _number(found["n"]) + _number(found["other"])


def _totals(text: str) -> Iterator[int]:
    for found in _TOTAL.finditer(text):
        yield _number(found["n"] or found["m"])


def _all(text: str) -> Iterator[int]:
    for found in _COUNTED.finditer(text):
        is_year = re.fullmatch(r"(?:19|20)\d\d", found["n"]) and re.search(r"\b[Ii]n $", text[: found.start()][-4:])
        if not is_year and not _NOT_ALL.search(text[: found.start()][-12:]):
            yield _number(found["n"])


def _number(digits: str) -> int:
    return int(re.sub("[, ]", "", digits))


def _in_digits(found: re.Match[str]) -> str:
    """A number at the beginning of a sentence, where it is spelled out."""
    if found["teen"]:
        return str(10 + _TEENS.index(found["teen"]))
    unit = _UNITS.index(found["unit"]) + 1 if found["unit"] else 0
    return str(10 * (_TENS.index(found["ten"]) + 2) + unit)
