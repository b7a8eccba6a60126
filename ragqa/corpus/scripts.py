"""Superscripts and subscripts in running text: signs of Unicode where there are such, else ``^`` and ``_``.

Without them 2.88×10⁴ would read 2.88×104, another number. What searches, compares words or encodes reads a text
:func:`on_the_line` instead, so that "H2O" finds "H₂O" and "PM2.5" finds "PM_2.5".
"""

import re
import unicodedata
from collections.abc import Iterator

_BLOCKS = (
    (0xB2, 0xB3),
    (0xB9, 0xB9),
    (0x2B0, 0x2B8),
    (0x2E0, 0x2E4),
    (0x1D2C, 0x1D6A),
    (0x1D9B, 0x1DBF),
    (0x2070, 0x209C),
    (0x2C7C, 0x2C7D),
)
_DASHES = "-\u2010\u2011\u2013\u2212"


def _signs(kind: str) -> Iterator[tuple[str, str]]:
    for first, last in _BLOCKS:
        for sign in map(chr, range(first, last + 1)):
            form, _, code = unicodedata.decomposition(sign).partition(" ")
            if form == kind and " " not in code:
                yield chr(int(code, 16)), sign


_SUPER, _SUB = dict(_signs("<super>")), dict(_signs("<sub>"))
_LEVEL = str.maketrans({sign: base for signs in (_SUPER, _SUB) for base, sign in signs.items()})
for _signs_of in (_SUPER, _SUB):
    _LEVEL |= {ord(_signs_of["\u2212"]): "-"}
    _signs_of |= dict.fromkeys(_DASHES, _signs_of["\u2212"])
_ANY = re.compile(f"[_^{''.join(map(chr, _LEVEL))}]")
_MARK = re.compile(r"(?<=[\w)\]])[_^](?=[\w(+.\u2212-])")


def superscript(text: str) -> str:
    """A text raised: in signs of Unicode where each of its signs has one, else behind ``^``.

    >>> superscript("-6"), superscript("2+"), superscript("n/2")
    ('⁻⁶', '²⁺', '^n/2')
    """
    return _moved(text, _SUPER, "^")


def subscript(text: str) -> str:
    """A text lowered: in signs of Unicode where each of its signs has one, else behind ``_``.

    >>> subscript("2"), subscript("2.5"), subscript("trend")
    ('₂', '_2.5', '_trend')
    """
    return _moved(text, _SUB, "_")


def on_the_line(text: str) -> str:
    """The text with what is raised or lowered on the line, for search; never to be shown or quoted.

    >>> on_the_line("2.88×10⁴ mol H₂O, PM_2.5, Ca²⁺, 10^6")
    '2.88×104 mol H2O, PM2.5, Ca2+, 106'
    """
    if not _ANY.search(text):
        return text
    return _MARK.sub("", text.translate(_LEVEL))


def _moved(text: str, signs: dict[str, str], mark: str) -> str:
    inner = text.strip()
    if not inner:
        return text
    moved = "".join(signs[sign] for sign in inner) if all(sign in signs for sign in inner) else mark + inner
    # A blank that the markup holds inside stays between the words.
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}{moved}{after}"
