"""Raised figures in a line: run into what stands before them, a power or a mark of references makes another number.

What is raised is a power after a number or a unit ("10⁹", "m²"), and refers to sources after a word or a stop.
"""

import re

_FIGURE = re.compile(r"[-−–+]?\d+")
_NUMBERS = re.compile(r"\d{1,3}(?:\s?[-–,;]\s?\d{1,3})*")
_AFTER_NUMBER = re.compile(r"(?<![\d.,])(?!(?:19|20)\d\d\Z)\d+\Z")
"""A whole number, and no year: nobody raises .85 to a power."""
_AFTER_UNIT = re.compile(r"(?:(?<![^\W\d_])(?:[^\W\d_]|[cdkmnµμ]m|ft|in|yd))\Z", re.IGNORECASE)
_AFTER_WORDS = re.compile(r"[\w.,;:!?)\]%”\"’']\Z")


def in_line(before: str, raised: str) -> str:
    """Raised text as it is written after other text without being raised.

    >>> [f"{before}{in_line(before, raised)}" for before, raised in (("10", "9"), ("kg/m", "2"), ("stroke.", "3,4"))]
    ['10^9', 'kg/m^2', 'stroke.[3,4]']
    >>> [f"{before}{in_line(before, raised)}" for before, raised in (("Ca", "2+"), ("5", "th"), ("in 2019", "7"))]
    ['Ca2+', '5th', 'in 2019[7]']
    """
    text = raised.strip()
    if _FIGURE.fullmatch(text) and (_AFTER_NUMBER.search(before) or _AFTER_UNIT.search(before)):
        return f"^{text}"
    if _NUMBERS.fullmatch(text) and _AFTER_WORDS.search(before):
        return f"[{text}]"
    return raised
