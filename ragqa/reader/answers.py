"""Phrases that the model marks as exact answers, put together from the tags of their words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.reader.inputs import ReaderInput

_LEAST = 0.15
_LEAST_FURTHER = 0.5
_BREAKS = frozenset("()[]{},;:/\"'“”‘’")
_EDGES = " \t\n.,;:()[]\"'“”"


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase: characters ``begin`` to ``end`` of a sentence, with the model's probability that it is an answer."""

    sentence: int
    begin: int
    end: int
    probability: float


def found_answers(item: ReaderInput, tags: np.ndarray, sentences: Sequence[str]) -> tuple[Found, ...]:
    """The phrases whose first word is an answer's beginning with a probability of at least .15, in order.

    A phrase goes on over words that are marked too, as its inside or as a beginning, since the model often calls each
    word of a name a beginning ("Ammi", "visnaga"). It ends at a bracket, comma or slash.

    Parameters
    ----------
    item
        The input.
    tags
        Probabilities of begin, inside and outside for each token, float32 [n_tokens or more, 3].
    sentences
        The sentences as they were given.
    """
    found = []
    for place, sentence in enumerate(sentences):
        words = list(_words(item, place, sentence))
        at = 0
        while at < len(words):
            first = words[at][0]
            if tags[first, 0] < _LEAST:
                at += 1
                continue
            last = at + 1
            while last < len(words) and _goes_on(item, tags, sentence, words[last][0]):
                last += 1
            begin, end = _trimmed(sentence, item.offsets[first][0], item.offsets[words[last - 1][1] - 1][1])
            if end - begin > 1:
                found.append(Found(place, begin, end, float(tags[first, 0])))
            at = last
    return tuple(found)


def _words(item: ReaderInput, place: int, sentence: str) -> Iterator[tuple[int, int]]:
    """The first token of each word and the one after its last: words end at spaces, brackets and commas."""
    begin, end = item.sentences[place]
    first = begin
    for token in range(begin + 1, end + 1):
        if token == end or _starts_word(item, token, sentence):
            if token > first:
                yield first, token
            first = token


def _starts_word(item: ReaderInput, token: int, sentence: str) -> bool:
    here, before = item.offsets[token][0], item.offsets[token - 1][1]
    return here > before or _breaks(sentence, here) or _breaks(sentence, before - 1)


def _breaks(sentence: str, at: int) -> bool:
    """Whether the sign there ends a phrase; an apostrophe within a word ("Alzheimer's") does not."""
    if sentence[at : at + 1] not in _BREAKS:
        return False
    within = sentence[at] in "'’" and sentence[max(at - 1, 0)].isalpha() and sentence[at + 1 : at + 2].isalpha()
    return not within


def _goes_on(item: ReaderInput, tags: np.ndarray, sentence: str, token: int) -> bool:
    """Whether the word that starts at the token belongs to the phrase before it."""
    here, before = item.offsets[token][0], item.offsets[token - 1][1]
    apart = sentence[before:here] != " " or _breaks(sentence, here)
    return not apart and bool(tags[token, 0] + tags[token, 1] >= _LEAST_FURTHER)


def _trimmed(sentence: str, begin: int, end: int) -> tuple[int, int]:
    """Without spaces and punctuation at the edges; a bracket that is opened inside is closed there too."""
    text = sentence[begin:end]
    begin += len(text) - len(text.lstrip(_EDGES))
    text = text.strip(_EDGES)
    end = begin + len(text)
    closes = text.count("(") > text.count(")") and sentence[end : end + 1] == ")"
    return begin, end + closes
