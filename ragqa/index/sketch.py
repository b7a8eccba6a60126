"""A few bytes of a text that tell whether another one has the same words: for texts that are not kept themselves.

MinHash (Broder 1997): for each of several orders of all words, the first of a text's words; the share of equal ones
estimates the share of words that two texts have in common. Of each only the lowest byte is kept (Li and König 2010).
"""

import re
import unicodedata
import zlib

import numpy as np

N_BYTES = 16
_WORD = re.compile(r"[^\W_]+")
_LEAST_EQUAL = 9
"""Of the bytes: texts with 19 of 20 words in common miss it 3 times in 10⁷, those with a third reach it once in 20."""

_MULTIPLIERS = np.random.default_rng(7).integers(1, 1 << 63, N_BYTES, dtype=np.uint64) | np.uint64(1)


def sketch(text: str) -> np.ndarray:
    """The sketch of a text: uint8 [N_BYTES]; zeros where it has no words. Case, signs and raised letters do not count.

    >>> alike(sketch("Aspirin lowers fever: 10⁴ adults."), sketch("ASPIRIN lowers fever (104 adults)"))
    True
    >>> alike(sketch("Aspirin lowers fever."), sketch("Aspirin and the heart: a trial in men with diabetes"))
    False
    """
    words = set(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
    if not words:
        return np.zeros(N_BYTES, dtype=np.uint8)
    hashes = np.array([zlib.crc32(word.encode()) for word in words], dtype=np.uint64) + np.uint64(1)
    mixed = (hashes[:, None] * _MULTIPLIERS) >> np.uint64(24)
    first: np.ndarray = hashes[mixed.argmin(axis=0)]
    return (first & np.uint64(255)).astype(np.uint8)


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two sketches are of texts with about the same words."""
    return int((one == other).sum()) >= _LEAST_EQUAL
