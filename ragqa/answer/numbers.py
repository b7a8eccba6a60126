"""The numbers of texts in one spelling, and whether one text has those that another states."""

import re
from collections.abc import Iterable

# The second of a range ("10-15") and a number below zero are numbers; what ends a name (IL-6, 5-HT-2) is none.
_BEGINS = r"(?<![\w./+])(?<![^\W\d_][-–−])(?<![)\]][-–−])"
_NUMBER = re.compile(rf"{_BEGINS}\d+(?:[,·.]\d+)*(?![\w/])")
_TELLING = re.compile(rf"{_BEGINS}(?:\d+(?:[,·.]\d+)+|\d{{2,}}|\d(?=\s?%|[ -]?fold\b))(?![\w/])")
_YEAR = re.compile(r"(?:19|20)\d\d")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:[.·]\d+)?")
_WORDS = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "half": "50", "twice": "2", "thrice": "3",
}  # fmt: skip
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})(?=\b|fold)", re.IGNORECASE)
_TELLING_WORD = re.compile(rf"(?<=\bone in )(?:{'|'.join(_WORDS)})\b|\btwice\b|\bthrice\b", re.IGNORECASE)


def numbers(text: str) -> frozenset[str]:
    """The numbers of a text without their signs, in one spelling.

    >>> sorted(numbers("1,200 men, 0,85 (0.75-0·96) and two"))
    ['0.75', '0.85', '0.96', '1200', '2']
    """
    return frozenset({*map(_spelt, _NUMBER.findall(text)), *(_WORDS[word.lower()] for word in _WORD.findall(text))})


def has_numbers(statement: str, available: frozenset[str]) -> bool:
    """Whether each number that tells something is among ``available``, or is one of them rounded.

    A lone digit or a year tells nothing: it may be part of a name or a date.
    """
    written = {_spelt(number) for number in _TELLING.findall(statement) if not _YEAR.fullmatch(number)}
    written |= {_WORDS[word.lower()] for word in _TELLING_WORD.findall(statement)}
    return all(number in available or _rounded(number, available) for number in written)


def _spelt(number: str) -> str:
    """1,200 and 1200 are one number, and 0,85 and 0·85 and 0.85."""
    return (number.replace(",", "") if _THOUSANDS.fullmatch(number) else number.replace(",", ".")).replace("·", ".")


def _rounded(number: str, available: Iterable[str]) -> bool:
    """Whether a number is one of the others with fewer digits after the point."""
    digits = len(number.partition(".")[2])
    return any(
        len(other.partition(".")[2]) > digits and other.count(".") == 1 and f"{float(other):.{digits}f}" == number
        for other in available
    )
