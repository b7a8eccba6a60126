"""Words of a question that no document of an index has: nothing that is found can be about them."""

import re
from collections.abc import Sequence

from ragqa.answer import notices, terms
from ragqa.answer.question import analyse
from ragqa.answer.reading import Reading
from ragqa.corpus.words import STOPWORDS, content_stems, tokens
from ragqa.index.lexicon import Lexicon
from ragqa.types import Document, Question

_WORD = re.compile(r"[^\W\d_][\w/+-]*[^\W_]")
_NAME = re.compile(r"\d|.\w*[A-Z]")
_TELLING = 4.0
"""Inverse document frequency from which on a word counts; documents say commoner ones in other words."""
_NOTHING_LEFT = 0.4
"""Weighted share of a question's words without which nothing is left to answer."""


def unknown_words(question: str, lexicon: Lexicon | None) -> tuple[str, ...]:
    """The telling words of a question that no document of an index has, as they are written, in order.

    None are told where the index has no lexicon, or one without room for all words of its documents.
    """
    if lexicon is None or not lexicon.holds_all:
        return ()
    return tuple(dict.fromkeys(word for word in _WORD.findall(question) if _is_unknown(word, lexicon)))


def not_in(documents: Sequence[Document], words: Sequence[str]) -> tuple[str, ...]:
    """Those of some words that none of these documents has, either."""
    texts = [section.text.lower() for document in documents for section in document.sections] if words else []
    return tuple(word for word in words if not any(word.lower() in text for text in texts))


def unmentioned_names(question: str, documents: Sequence[Document]) -> tuple[str, ...]:
    """The names in a question that none of the documents found has, as they are written, in order.

    Of a word like "FTD-associated" the name counts, and a sign between its parts does not: "IL6" is "IL-6".
    """
    named = (name for word in _WORD.findall(question) for name in _names_in(word))
    keys = {name: "".join(tokens(name)).removesuffix("s") for name in named}
    if not keys or not documents:
        return ()
    joined = ["".join(tokens(" ".join(section.text for section in document.sections))) for document in documents]
    return tuple(name for name, key in keys.items() if key and not any(key in text for text in joined))


def _names_in(word: str) -> tuple[str, ...]:
    """The names that a word holds: itself with its digits ("COVID-19"), or those of its parts that are names."""
    if is_name(word) and any(sign.isdigit() for sign in word):
        return (word,)
    return tuple(part for part in re.split(r"[-/+]", word) if is_name(part))


def refusal(question: Question, unknown: Sequence[str]) -> Reading | None:
    """An abstention where a name that is asked about, or most of the question, is unknown; else None."""
    if not unknown:
        return None
    asked = analyse(question)
    share = terms.coverage(asked.stems, set(content_stems(" ".join(unknown))))
    if share < _NOTHING_LEFT and not any(map(is_name, unknown)):
        return None
    why = notices.unknown(unknown) if asked.language == "en" else notices.language(asked.language)
    return Reading(asked.type, abstained=True, reason=why.message)


def is_name(word: str) -> bool:
    """Whether a word is written as names of diseases, genes and drugs are, with digits or capitals within.

    >>> is_name("COVID-19"), is_name("p53"), is_name("mRNA"), is_name("Really")
    (True, True, True, False)
    """
    return _NAME.search(word) is not None


def _is_unknown(word: str, lexicon: Lexicon) -> bool:
    parts = [part for part in tokens(word) if part.isalpha() and len(part) > 1 and part not in STOPWORDS]
    missing = any(lexicon.n_with(part) == 0 and not lexicon.knows_stem(part) for part in parts)
    return missing and max(map(terms.weight, content_stems(word)), default=0.0) >= _TELLING
