"""Documents → passages that fit an encoder's input.

A document that fits is one passage. A longer one is cut at the ends of sentences, each passage with the title
before it and with the last sentences of the passage before, as far as they fit the overlap; a sentence that is
longer than the input is cut between words. No text is left out.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ragqa.corpus.scripts import on_the_line
from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import abstract_of, title_of
from ragqa.errors import RecipeError
from ragqa.index.encoder_tokens import TextTokenizer
from ragqa.types import Document

Passage = tuple[str, str]
"""Title and text, as the encoder of passages takes them."""
_WORD_REACH = 16


def split_documents(
    documents: Sequence[Document], tokenizer: TextTokenizer, n_reserved: int, overlap: int
) -> list[list[Passage]]:
    """The passages of each document; an empty list for one without any text.

    Parameters
    ----------
    tokenizer
        That of the passage encoder; its ``max_tokens`` is the longest input.
    n_reserved
        Tokens of an input that are taken by special tokens and the prefix.
    overlap
        Tokens that a passage shares at most with the one before it.

    Raises
    ------
    RecipeError
        The prefix leaves no room for a text.
    """
    titles = [on_the_line(title_of(document)) for document in documents]
    texts = [on_the_line(abstract_of(document)) for document in documents]
    budget = tokenizer.max_tokens - n_reserved
    if budget < 1:
        raise RecipeError(
            f"the prefix of passages takes {n_reserved} tokens of an input of {tokenizer.max_tokens}: nothing is left "
            "for the text; set dense.passage_max_tokens higher, or a shorter dense.passage_prefix"
        )
    # What fits in any case need not be cut into tokens here: the encoder does that again.
    unsure = [place for place in range(len(titles)) if most_tokens(titles[place]) + most_tokens(texts[place]) > budget]
    found = tokenizer.offsets([titles[place] for place in unsure] + [texts[place] for place in unsure])
    offsets = dict(zip(unsure, zip(found[: len(unsure)], found[len(unsure) :], strict=True), strict=True))
    passages: list[list[Passage]] = []
    for place, (title, text) in enumerate(zip(titles, texts, strict=True)):
        if not title.strip() and not text.strip():
            passages.append([])
            continue
        if place not in offsets:
            passages.append([(title, text)])
            continue
        title_offsets, text_offsets = offsets[place]
        if len(title_offsets) + len(text_offsets) <= budget:
            passages.append([(title, text)])
        elif len(title_offsets) <= budget // 2:
            ranges = cut(text_offsets, split_sentences(text), budget - len(title_offsets), overlap)
            passages.append([(title, text[begin:end]) for begin, end in ranges])
        else:
            whole = f"{title} {text}".strip()
            ranges = cut(tokenizer.offsets([whole])[0], split_sentences(whole), budget, overlap)
            passages.append([("", whole[begin:end]) for begin, end in ranges])
    return passages


def most_tokens(text: str) -> int:
    """A bound on the tokens of a text, whatever the tokenizer.

    One for each character of ASCII; another character becomes at most 18 when it is normalised (Unicode's FAQ on
    normalisation), of two bytes each, which are tokens where a tokenizer knows nothing larger.
    """
    return len(text) + 36 * (len(text.encode("utf-8", "surrogatepass")) - len(text)) + 1


def cut(offsets: np.ndarray, sentences: Sequence[tuple[int, int]], budget: int, overlap: int) -> list[tuple[int, int]]:
    """Character ranges of at most ``budget`` tokens that together hold every token of a text.

    Parameters
    ----------
    offsets
        int64 [n_tokens, 2]: where each token begins and ends.
    sentences
        Where each sentence begins and ends, in order.
    budget, overlap
        Tokens of a range at most; tokens shared with the range before at most (fewer than ``budget``).
    """
    overlap = min(overlap, budget // 2)
    units = _units(offsets, sentences, budget, overlap)
    ranges, first = [], 0
    while first < len(units):
        last = first
        while last + 1 < len(units) and units[last + 1][1] - units[first][0] <= budget:
            last += 1
        begin, end = units[first][0], units[last][1]
        ranges.append((int(offsets[begin, 0]), int(offsets[end - 1, 1])))
        following = last + 1
        if following < len(units):
            while following - 1 > first and end - units[following - 1][0] <= overlap and (
                units[last + 1][1] - units[following - 1][0] <= budget
            ):  # fmt: skip
                following -= 1
        first = following
    return ranges


def _units(
    offsets: np.ndarray, sentences: Sequence[tuple[int, int]], budget: int, overlap: int
) -> list[tuple[int, int]]:
    """Token ranges: the sentences, those longer than ``budget`` in pieces that overlap."""
    begins = offsets[:, 0]
    bounds = [0, *np.searchsorted(begins, [begin for begin, _ in sentences[1:]]).tolist(), len(offsets)]
    units = []
    for begin, end in pairwise(bounds):
        while end - begin > budget:
            middle = _word_start(offsets, begin, begin + budget)
            units.append((begin, middle))
            following = _word_start(offsets, begin, middle - overlap) if overlap else middle
            begin = following if following > begin else middle  # noqa: PLW2901 (a long word leaves no room to overlap)
        if end > begin:
            units.append((begin, end))
    return units


def _word_start(offsets: np.ndarray, begin: int, token: int) -> int:
    """The last token at or before ``token`` that starts a word, not further back than a few tokens."""
    for candidate in range(token, max(begin + 1, token - _WORD_REACH), -1):
        if offsets[candidate, 0] > offsets[candidate - 1, 1]:
            return candidate
    return token
