"""Dates of publication as MEDLINE writes them, in any of their forms."""

import re
from functools import lru_cache

_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d|21\d\d)(?!\d)")
_MONTH_NAME = re.compile(
    r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b\.?(?:\s+(\d{1,2})\b(?!\s*\d{3}))?", re.I
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

UNKNOWN: tuple[int | None, str] = (None, "")


@lru_cache(maxsize=4096)
def date_of_parts(year: str, month: str = "", day: str = "") -> tuple[int | None, str]:
    """Year and ISO date, as far as known, of separate parts; a month may be a number or an English name.

    >>> date_of_parts("1998", "Dec", "3")
    (1998, '1998-12-03')
    >>> date_of_parts("2004", "Spring")
    (2004, '2004')
    """
    match = _YEAR.search(year)
    if match is None:
        return UNKNOWN
    number = _month_number(month)
    if number is None:
        return int(match[1]), match[1]
    return int(match[1]), _iso(match[1], number, day)


def date_of_text(text: str) -> tuple[int | None, str]:
    """Year and ISO date of a MedlineDate: the beginning of the period that it names.

    >>> date_of_text("1998 Dec-1999 Jan")
    (1998, '1998-12')
    >>> date_of_text("2000 Dec 23-30")
    (2000, '2000-12-23')
    >>> date_of_text("Spring 1979")
    (1979, '1979')
    """
    match = _YEAR.search(text)
    if match is None:
        return UNKNOWN
    # What follows the next year belongs to the end of the period.
    rest = text[match.end() :]
    later = _YEAR.search(rest)
    month = _MONTH_NAME.search(rest[: later.start()] if later else rest)
    if month is None:
        return int(match[1]), match[1]
    return int(match[1]), _iso(match[1], _MONTHS.index(month[1].lower()) + 1, month[2] or "")


def _month_number(month: str) -> int | None:
    text = month.strip().lower()
    if text.isdecimal():
        return int(text) if 1 <= int(text) <= 12 else None
    return _MONTHS.index(text[:3]) + 1 if text[:3] in _MONTHS else None


def _iso(year: str, month: int, day: str) -> str:
    text = day.strip()
    if text.isdecimal() and 1 <= int(text) <= 31:
        return f"{year}-{month:02}-{int(text):02}"
    return f"{year}-{month:02}"
