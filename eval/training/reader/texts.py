"""What the readers of the data sets share: sentences, overlap, splits, windows of an abstract."""

import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from examples import DECREASE, INCREASE, NO_DIFFERENCE, NOTHING, SAYS_NOTHING, Example

from ragqa.answer.assertion import asserted, holds
from ragqa.corpus.sentences import split_sentences

_MOST_WORDS = 130


def sentences_of(text: str) -> list[str]:
    """The sentences of a text."""
    return [text[begin:end] for begin, end in split_sentences(text)]


def words_of(text: str) -> set[str]:
    """Its words in small letters."""
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def overlap(a: str, b: str) -> float:
    """Share of the words of the shorter text that the other has."""
    first, second = words_of(a), words_of(b)
    return len(first & second) / max(1, min(len(first), len(second)))


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, packed or not."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def held_back(key: str, one_in: int) -> bool:
    """Whether the item is for development, by the hash of its key."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % one_in == 0


def directions(text: str, *, true: bool) -> int:
    """Which findings are possible where an assertion with a direction is true or not, as bits; 0 where it has none."""
    told = asserted(text)
    bits = 0
    for found, bit in (("increased", INCREASE), ("decreased", DECREASE), ("no difference", NO_DIFFERENCE)):
        held = holds(told, found)  # type: ignore[arg-type]
        if held is not None and held == true:
            bits |= bit
    return bits


def window(
    sentences: Sequence[str], keep: Sequence[int], chance: random.Random, most_words: int = _MOST_WORDS
) -> list[int]:
    """Places of neighbouring sentences around those to keep, of random length, at most about ``most_words``."""
    first, last = min(keep), max(keep)
    count = sum(len(sentences[place].split()) for place in range(first, last + 1))
    wanted = chance.uniform(0, most_words)
    while count < wanted and (first > 0 or last < len(sentences) - 1):
        if first > 0 and (last == len(sentences) - 1 or chance.random() < 0.5):
            first -= 1
            count += len(sentences[first].split())
        else:
            last += 1
            count += len(sentences[last].split())
    return list(range(first, last + 1))


def silent(query: str, sentences: Sequence[str], *, stance: bool = False) -> Example:
    """An example whose passage says nothing of the query."""
    n = len(sentences)
    if stance:
        return Example(query, tuple(sentences), (0,) * n, stance=(NOTHING,) * n, stance_of_all=NOTHING, relevance=0)
    return Example(
        query, tuple(sentences), (0,) * n, direction=(SAYS_NOTHING,) * n, direction_of_all=SAYS_NOTHING, relevance=0
    )
