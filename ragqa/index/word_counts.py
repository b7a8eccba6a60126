"""In how many documents a word occurs, in a table of fixed size: what a word of a question tells.

Words are lower-case stems without plural endings. They are counted under their hash: the table takes a megabyte
whatever the corpus, and two words that share a place are taken for equally frequent, at most.
"""

import math
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np

from ragqa.corpus.arrays import load_array
from ragqa.corpus.words import STOPWORDS, singular, tokens
from ragqa.errors import ProductError

_PLACES = 1 << 18


def stems(text: str) -> set[str]:
    """The words of a text that carry meaning, plural endings removed.

    >>> sorted(stems("Which therapies are used for ulcers?"))
    ['therapy', 'ulcer']
    """
    return {singular(word) for word in tokens(text) if word not in STOPWORDS}


class Weighing(Protocol):
    """What tells how much words tell."""

    def weights(self, words: Iterable[str]) -> dict[str, float]:
        """As :meth:`WordCounts.weights`."""
        ...


class WordCounts:
    """Document frequencies; made empty and filled with :meth:`add`, or read from a file."""

    def __init__(self, counts: np.ndarray | None = None) -> None:
        self._counts = np.zeros(_PLACES + 1, dtype=np.int64) if counts is None else counts

    @classmethod
    def open(cls, path: Path, remedy: str) -> "WordCounts":
        """Read a table.

        Raises
        ------
        ProductError
            It is missing or damaged.
        """
        counts = load_array(path, path, remedy)
        if counts.shape != (_PLACES + 1,):
            raise ProductError(f"{path} is damaged: it has another size; {remedy}")
        return cls(counts)

    def add(self, text: str) -> None:
        """Count the words of one document."""
        self._counts[[_place(stem) for stem in stems(text)]] += 1
        self._counts[_PLACES] += 1

    @classmethod
    def together(cls, sets: Iterable[tuple["WordCounts", int]]) -> "WordCounts":
        """The counts of several sets of documents, each with the number of documents of which some were counted.

        They are as if of each set the same share had been counted: the least of any, so that a small set of which all
        were counted tells no more than its documents do.
        """
        filled = [(own._counts, own._counts[_PLACES] / n) for own, n in sets if own._counts[_PLACES]]
        least = min((share for _, share in filled), default=1.0)
        return cls(sum((counts * (least / share) for counts, share in filled), start=np.zeros(_PLACES + 1)))

    def weights(self, words: Iterable[str]) -> dict[str, float]:
        """Inverse document frequency of each stem: ln(1 + (N − n + ½) / (n + ½)), as in BM25.

        >>> counts = WordCounts()
        >>> for text in ("aspirin trial", "statin trial", "trial of exercise"):
        ...     counts.add(text)
        >>> weights = counts.weights(["trial", "aspirin", "unheard"])
        >>> weights["trial"] < weights["aspirin"] < weights["unheard"]
        True
        """
        n_documents = float(self._counts[_PLACES])
        counts = {word: float(self._counts[_place(word)]) for word in words}
        return {word: math.log(1 + (n_documents - n + 0.5) / (n + 0.5)) for word, n in counts.items()}

    def save(self, path: Path) -> None:
        """Write the table."""
        with path.open("wb") as file:
            np.save(file, self._counts)


def _place(word: str) -> int:
    return zlib.crc32(word.encode()) % _PLACES
