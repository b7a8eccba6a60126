"""Names, and which of them a person may have meant: by their beginning, or by what is near to a misspelt one."""

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

import numpy as np

_N_CANDIDATES = 150
"""How many names, by the pairs of letters that they share with a misspelt one, are compared letter by letter."""
_LONGEST = 200
_SHORTENED, _INITIALS, _TURNED_ROUND = 0.95, 0.9, 0.85
"""How near a shortened name is at most, one of initials, and one of initials in another order ("COPD")."""
_SHORTEST_WORD = 4
_MOST_INITIALS = 6
_SHORTEST_TURNED = 3
_SMALL_WORDS = {"a", "an", "and", "de", "for", "in", "of", "on", "the", "to"}
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_NO_WORD = re.compile(r"[\W_]+")


class Vocabulary:
    """Names without regard to case, and how many records have each. Threads may share it."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """Of names that differ in case alone the one that most records have is kept, with the counts added up."""
        together: dict[str, int] = {}
        written: dict[str, str] = {}
        for name in sorted(counts, key=lambda name: (-counts[name], name)):
            key = name.casefold()
            written.setdefault(key, name)
            together[key] = together.get(key, 0) + counts[name]
        self._keys = sorted(together)
        self._names = [written[key] for key in self._keys]
        self._counts = [together[key] for key in self._keys]
        self._words = [_words(_IN_BRACKETS.sub(" ", name)) or _words(name) for name in self._names]
        self._sizes, self._with_pair = _pairs_of_all(self._words)

    def __contains__(self, name: str) -> bool:
        key = name.casefold()
        place = bisect_left(self._keys, key)
        return place < len(self._keys) and self._keys[place] == key

    def __len__(self) -> int:
        return len(self._keys)

    def starting(self, prefix: str, n: int) -> tuple[str, ...]:
        """At most ``n`` names with the prefix, those that more records have first; then those with a word that has it.

        >>> Vocabulary({"Atrial Flutter": 1, "Atrial Fibrillation": 5, "Left Atrial Appendage": 9}).starting("atr", 3)
        ('Atrial Fibrillation', 'Atrial Flutter', 'Left Atrial Appendage')
        """
        wanted = prefix.casefold().strip()
        begins = [place for place, key in enumerate(self._keys) if key.startswith(wanted)]
        inside = [
            place
            for place, key in enumerate(self._keys)
            if f" {wanted}" in key and not key.startswith(wanted) and wanted
        ]
        ordered = [*sorted(begins, key=self._rank), *sorted(inside, key=self._rank)]
        return tuple(self._names[place] for place in ordered[:n])

    def nearest(self, name: str, n: int = 3) -> tuple[str, ...]:
        """The ``n`` names nearest to one that is misspelt, shortened, turned round or written in initials.

        >>> Vocabulary({"Atrial Fibrillation": 5, "Atrial Flutter": 1, "Asthma": 9}).nearest("Atrial Fibrilation", 1)
        ('Atrial Fibrillation',)
        """
        wanted = _words(name[:_LONGEST])
        if not wanted:
            return ()
        scores = {place: _similarity(wanted, self._words[place]) for place in self._candidates(wanted)}
        for place, words in enumerate(self._words):
            short = max(_shortened(wanted, words), _initials(wanted, words))
            if short > scores.get(place, 0.0):
                scores[place] = short
        best = sorted(scores, key=lambda place: (-round(scores[place], 6), *self._rank(place)))
        return tuple(self._names[place] for place in best[:n])

    def _rank(self, place: int) -> tuple[int, int, str]:
        return -self._counts[place], len(self._names[place]), self._names[place]

    def _candidates(self, wanted: Sequence[str]) -> list[int]:
        """The places of the names that share most pairs of letters with the wanted one (Dice's coefficient)."""
        pairs = _pairs(wanted)
        shared = np.zeros(len(self._keys))
        for pair in pairs:
            if (places := self._with_pair.get(pair)) is not None:
                shared[places] += 1
        likeness = 2 * shared / (self._sizes + len(pairs))
        best: list[int] = np.argsort(-likeness, kind="stable")[:_N_CANDIDATES].tolist()
        return best


def _words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, without accents and signs."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(sign))
    return tuple(_NO_WORD.sub(" ", plain).split())


def _pairs(words: Iterable[str]) -> set[str]:
    """The letters of words, and their pairs of letters with the edges."""
    edged = [f" {word} " for word in words]
    return {word[place : place + 2] for word in edged for place in range(len(word) - 1)} | set("".join(words))


def _pairs_of_all(names: Sequence[Sequence[str]]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """How many pairs each name has (float64 [n_names]), and the places of the names with each pair (int32)."""
    places = defaultdict[str, list[int]](list)
    sizes = np.zeros(len(names))
    for place, words in enumerate(names):
        pairs = _pairs(words)
        sizes[place] = len(pairs)
        for pair in pairs:
            places[pair].append(place)
    return sizes, {pair: np.array(found, np.int32) for pair, found in places.items()}


def _similarity(wanted: Sequence[str], words: Sequence[str]) -> float:
    """How alike two names are, 0 to 1, whatever the order of their words: difflib's ratio."""
    in_order = _ratio(" ".join(wanted), " ".join(words))
    return max(in_order, 0.99 * _ratio(" ".join(sorted(wanted)), " ".join(sorted(words))))


def _ratio(wanted: str, name: str) -> float:
    return SequenceMatcher(None, name, wanted, autojunk=False).ratio()


def _shortened(wanted: Sequence[str], words: Sequence[str]) -> float:
    """How much of a name its shortened words stand for ("N Engl J Med"); 0 where they do not stand for it."""
    if len("".join(wanted)) < _SHORTEST_WORD:
        return 0.0
    sought = [word for word in wanted if word not in _SMALL_WORDS] or list(wanted)
    there = [word for word in words if word not in _SMALL_WORDS] or list(words)
    place = 0
    for word in there:
        if place < len(sought) and word.startswith(sought[place]):
            place += 1
    return _SHORTENED * (0.8 + 0.2 * len(sought) / len(there)) if place == len(sought) else 0.0


def _initials(wanted: Sequence[str], words: Sequence[str]) -> float:
    """How near initials ("AF") are to a name; 0 where they are others."""
    (letters,) = wanted if len(wanted) == 1 else ("",)
    if not 2 <= len(letters) <= _MOST_INITIALS:
        return 0.0
    small = "".join(word[0] for word in words if word not in _SMALL_WORDS)
    if letters in {small, "".join(word[0] for word in words)}:
        return _INITIALS
    return _TURNED_ROUND if len(letters) >= _SHORTEST_TURNED and sorted(letters) == sorted(small) else 0.0
