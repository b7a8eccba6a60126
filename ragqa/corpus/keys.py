"""Document ids as 64-bit keys, so that an id is found by binary search in a memory-mapped array.

A PMID, or any other number without leading zeros below 2⁶³, is its own key: no two of them share one. Other ids
are hashed into the upper half of the range; the build refuses the rare case that two of a corpus share a key.
"""

import hashlib
from collections.abc import Iterable

import numpy as np

FIRST_HASHED = 1 << 63
"""Keys from here on are hashes."""


def document_key(document_id: str) -> int:
    """The key of an id.

    >>> document_key("12345")
    12345
    >>> document_key("012345") >= FIRST_HASHED
    True
    """
    if document_id.isascii() and document_id.isdecimal() and len(document_id) < 19 and document_id[0] != "0":
        return int(document_id)
    digest = hashlib.blake2b(document_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") | FIRST_HASHED


def document_keys(document_ids: Iterable[str]) -> np.ndarray:
    """The keys of many ids: uint64 [n]."""
    return np.array([document_key(document_id) for document_id in document_ids], dtype=np.uint64)
