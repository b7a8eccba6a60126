"""Other spellings of a word: British and American, and slips of the finger that cannot make another name."""

import re
import string
from collections.abc import Iterator

_BOTH_WAYS = (
    (r"our(?=(?:s|ed|ing|al|ally|less|able)?\Z)", "or"),
    (r"or(?=(?:s|ed|ing|al|ally|less|able)?\Z)", "our"),
    (r"[ao]e", "e"),
    (r"e", "ae"),
    (r"e", "oe"),
    (r"is(?=(?:e|ed|es|er|ers|ing|ation|ations|ational)\Z)", "iz"),
    (r"iz(?=(?:e|ed|es|er|ers|ing|ation|ations|ational)\Z)", "is"),
    (r"lys(?=(?:e|ed|ing)\Z)", "lyz"),
    (r"lyz(?=(?:e|ed|ing)\Z)", "lys"),
    (r"tre(?=s?\Z)", "ter"),
    (r"ter(?=s?\Z)", "tre"),
    (r"sulph", "sulf"),
    (r"sulf", "sulph"),
    (r"ll(?=(?:ed|ing|er|ers)\Z)", "l"),
    (r"l(?=(?:ed|ing|er|ers)\Z)", "ll"),
    (r"ogue(?=s?\Z)", "og"),
    (r"og(?=s?\Z)", "ogue"),
    (r"aluminium", "aluminum"),
    (r"aluminum", "aluminium"),
)
_RULES = tuple((re.compile(pattern), other) for pattern, other in _BOTH_WAYS)
_SHORTEST = 5
_UNTOUCHED = 3
"""Letters at the start of a word that a slip leaves alone, and at its end those that name another thing."""


def other_spellings(word: str) -> Iterator[str]:
    """What a lower-case word could be on the other side of the Atlantic; most of it is no word at all.

    >>> sorted(set(other_spellings("tumour")))
    ['tumor']
    >>> "oedema" in set(other_spellings("edema")), "paediatric" in set(other_spellings("pediatric"))
    (True, True)
    """
    if len(word) < _SHORTEST:
        return
    for pattern, other in _RULES:
        for found in pattern.finditer(word):
            yield word[: found.start()] + other + word[found.end() :]


def without_slip(word: str) -> Iterator[str]:
    """The words that a lower-case word may be a slip of: one letter doubled, swapped, lacking, added or mistaken.

    The first three letters are taken as they are ("abduction" is no slip of "adduction"), and within the last three
    letters are swapped, doubled or left out only ("nitrite" is no slip of "nitrate", "statns" one of "statins").

    >>> "hypertension" in set(without_slip("hypertesion")), "nitrate" in set(without_slip("nitrite"))
    (True, False)
    """
    for place in range(_UNTOUCHED, len(word)):
        before, sign, after = word[:place], word[place], word[place + 1 :]
        if after:
            yield before + after[0] + sign + after[1:]
        yield before + sign + sign + after
        if before[-1] == sign:
            yield before + after
        letters = string.ascii_lowercase
        yield from (before + letter + sign + after for letter in letters)
        if len(after) >= _UNTOUCHED:
            yield before + after
            yield from (before + letter + after for letter in letters)
