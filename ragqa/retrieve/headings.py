"""Entry terms of MeSH in a question, of which the documents have the heading only."""

import itertools
import re

from ragqa.corpus.mesh import Mesh
from ragqa.corpus.words import STOPWORDS, tokens
from ragqa.index.lexicon import Lexicon

_WORD = re.compile(r"[^\W_](?:[\w/+'’-]*[^\W_])?")
_BETWEEN = re.compile(r",? ")
_MOST_WORDS = 6


def in_headings(question: str, lexicon: Lexicon, mesh: Mesh) -> tuple[str, dict[str, str]]:
    """The question with each entry term that the documents lack as its heading, and what was changed.

    The longest term counts. It is lacked where no document has one of its words in any form; the heading is there where
    documents have all of its words.
    """
    words = list(_WORD.finditer(question))
    changes: dict[str, str] = {}
    read, done, place = "", 0, 0
    while place < len(words):
        term, heading, n_words = _longest(question, words[place : place + _MOST_WORDS], lexicon, mesh)
        if heading:
            begin = words[place].start()
            read, done = read + question[done:begin] + heading, begin + len(term)
            changes[term] = heading
        place += n_words
    return read + question[done:], changes


def _longest(question: str, words: list[re.Match[str]], lexicon: Lexicon, mesh: Mesh) -> tuple[str, str, int]:
    """The longest entry term at the beginning of some words, its heading ("": keep the term), how many words it has."""
    for n_words in range(len(words), 0, -1):
        gaps = itertools.pairwise(words[:n_words])
        if not all(_BETWEEN.fullmatch(question, one.end(), other.start()) for one, other in gaps):
            continue
        term = question[words[0].start() : words[n_words - 1].end()]
        if (heading := mesh.entry_terms.get(term.casefold())) is not None:
            name = spoken(heading.name)
            lacked = not _has_all(term, lexicon) and _has_all(name, lexicon)
            return term, name if lacked else "", n_words
    return "", "", 1


def spoken(heading: str) -> str:
    """A heading as it is said.

    >>> spoken("Diabetes Mellitus, Type 2")
    'type 2 diabetes mellitus'
    >>> spoken("HIV Infections")
    'HIV infections'
    """
    first, comma, rest = heading.partition(", ")
    words = (f"{rest} {first}" if comma and ", " not in rest else heading).split()
    return " ".join(word if word[1:] != word[1:].lower() else word.lower() for word in words)


def _has_all(text: str, lexicon: Lexicon) -> bool:
    words = [word for word in tokens(text) if word not in STOPWORDS]
    return all(lexicon.n_with(word) > 0 or lexicon.knows_stem(word) for word in words)
