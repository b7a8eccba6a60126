"""Question → the question in the words of the index: abbreviations written out, spelling as the documents have it.

Only what the documents themselves show is changed, or what MeSH knows by another name than they; every change is told.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ragqa.corpus.mesh import Mesh
from ragqa.corpus.words import STOPWORDS, tokens
from ragqa.index.lexicon import Lexicon
from ragqa.retrieve.headings import in_headings
from ragqa.retrieve.spellings import other_spellings, without_slip

_WORD = re.compile(r"[^\W_][\w/+-]*[^\W_]")
_SHORTEST_MISSPELT = 6
_FEWEST = 2
"""Documents that must show what a word is changed to."""
_CLEAR = 0.7
"""Share of an abbreviation's explanations that the commonest must have, else it is ambiguous."""
_EXPLAINED = 0.2
"""Share of the documents with an abbreviation that must explain it; one such as DNA is a word of its own."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """A question in the words of an index.

    Attributes
    ----------
    text
        The question as it is read.
    searched
        What is searched for: the same, and the abbreviations that were written out.
    changes
        What was written → how it is read.
    """

    text: str
    searched: str
    changes: tuple[tuple[str, str], ...] = ()


def normalise(question: str, lexicon: Lexicon, mesh: Mesh | None = None) -> Normalised:
    """Write a question as the documents of an index would.

    Where they lack a word of an entry term of MeSH and have its heading, the heading is read in its place.
    """
    changes: dict[str, str] = {}
    if mesh is not None and mesh.entry_terms:
        question, changes = in_headings(question, lexicon, mesh)
    shorts: list[str] = []
    known = " ".join(tokens(question))

    def read(found: re.Match[str]) -> str:
        word = found.group()
        if long := _long_form(word, lexicon):
            if " ".join(tokens(long)) in known:
                return word  # the question explains it itself
            shorts.append(word)
            changes[word] = long
            return long
        plain = re.sub(r"[A-Za-z]+", lambda part: _spelt(part.group(), lexicon), word)
        if plain != word:
            changes[word] = plain
        return plain

    text = _WORD.sub(read, question)
    return Normalised(text, " ".join([text, *dict.fromkeys(shorts)]), tuple(changes.items()))


def _long_form(word: str, lexicon: Lexicon) -> str:
    """What an abbreviation stands for; "" where the word is none, or it is not clear."""
    singular = word if word in lexicon.abbreviations else word.removesuffix("s")
    longs = lexicon.abbreviations.get(singular)
    if longs is None and word.islower() and word not in STOPWORDS:
        longs = lexicon.abbreviations.get(singular.upper())
    if not longs:
        return ""
    by_key: dict[str, int] = {}
    for long, n in longs.items():
        by_key[_key(long)] = by_key.get(_key(long), 0) + n
    key, n_clear = max(by_key.items(), key=lambda item: (item[1], item[0]))
    n_explaining, n_with = sum(by_key.values()), _n_with(singular.lower(), lexicon)
    if n_clear < _FEWEST or n_clear < _CLEAR * n_explaining or n_explaining < _EXPLAINED * n_with:
        return ""
    plural = word.endswith("s") and singular != word
    alike = {long: n for long, n in longs.items() if _key(long) == key}
    fitting = {long: n for long, n in alike.items() if long.endswith("s") == plural} or alike
    return max(fitting.items(), key=lambda item: (item[1], item[0]))[0]


def _n_with(word: str, lexicon: Lexicon) -> int:
    """Documents with a word, or its plural; of one that is split into several words, those with the rarest."""
    parts = tokens(word)
    if len(parts) > 1:
        return min(lexicon.n_with(part) for part in parts)
    return max(lexicon.n_with(word), lexicon.n_with(f"{word}s"))


def _key(long: str) -> str:
    """A long form without what its spellings differ in: hyphens and the ending of the plural."""
    return "".join(tokens(long)).removesuffix("s")


def _spelt(word: str, lexicon: Lexicon) -> str:
    """A word as most documents spell it."""
    lowered = word.lower()
    if lowered in STOPWORDS or word[1:] != lowered[1:]:
        return word
    n = lexicon.n_with(lowered)
    best = _commonest(other_spellings(lowered), lexicon)
    if not best and n == 0 and lowered.endswith("s") and (single := _commonest(other_spellings(lowered[:-1]), lexicon)):
        best = f"{single}s" if lexicon.n_with(single) > lexicon.n_with(lowered[:-1]) else ""
        return _as(word, best) if best else word
    if best and (lexicon.n_with(best), best) > (n, lowered):
        return _as(word, best)
    if n == 0 and len(lowered) >= _SHORTEST_MISSPELT and not lexicon.knows_stem(lowered):
        best = _commonest(without_slip(lowered), lexicon)
        if lexicon.n_with(best) >= _FEWEST:
            return _as(word, best)
    return word


def _commonest(spellings: Iterable[str], lexicon: Lexicon) -> str:
    """The one of some spellings that most documents have; "" where none has any."""
    found = {(lexicon.n_with(spelling), spelling) for spelling in spellings}
    n, best = max(found, default=(0, ""))
    return best if n else ""


def _as(word: str, other: str) -> str:
    return other.capitalize() if word[0].isupper() else other
