"""Names of authors as reference managers take them: the surname first, a group as it is."""

import re
from typing import NamedTuple

_GROUP = re.compile(
    r"(?i)\b(group|groups|study|stud(?:ies|y)|investigators?|consortium|committee|collaborat\w+|network|trial\w*|"
    r"association|society|team|initiative|program(?:me)?|center|centre|institute|department|council|organi[sz]ation|"
    r"federation|academy|college|university|registry|project|force|panel|board|agency)\b"
)
_SUFFIXES = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "2nd", "3rd", "4th"})
_PARTICLES = frozenset(
    {
        "af", "al", "av", "ben", "bin", "da", "dal", "de", "de'", "dei", "del", "della", "den", "der", "di", "do",
        "dos", "du", "el", "ibn", "la", "le", "van", "vom", "von", "zu", "zum", "zur", "ten", "ter", "te", "'t",
    }
)  # fmt: skip


class Name(NamedTuple):
    """A name in its parts; a group has only a ``family``."""

    family: str
    given: str = ""
    suffix: str = ""

    @property
    def inverted(self) -> str:
        """``Family, Given, Suffix``."""
        return ", ".join(part for part in self if part)

    @property
    def initials(self) -> str:
        """``Family GI``, as PubMed abbreviates a name."""
        letters = "".join(part[0].upper() for part in re.split(r"[\s.-]+", self.given) if part)
        return " ".join(part for part in (self.family, letters, self.suffix) if part)


def parted(name: str) -> Name:
    """The parts of an author's name, which the corpus writes ``Given Family Suffix``.

    Records do not tell a person from a group: what has a word of groups in it, or is one word, is taken whole. A
    surname is the last word with the particles before it.

    >>> parted("Arthur W H van der Berg Jr").inverted
    'van der Berg, Arthur W H, Jr'
    >>> parted("The ATLAS Study Group").inverted
    'The ATLAS Study Group'
    """
    words = name.split()
    if len(words) < 2 or _GROUP.search(name):
        return Name(" ".join(words))
    suffix = words.pop() if len(words) > 2 and words[-1].lower() in _SUFFIXES else ""
    begin = len(words) - 1
    while begin > 1 and words[begin - 1] in _PARTICLES:
        begin -= 1
    return Name(" ".join(words[begin:]), " ".join(words[:begin]), suffix)
