"""Multiple choice: the reader's own choice where it can choose, else the option that the articles speak of most."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from ragqa.corpus.text import abstract_of, title_of
from ragqa.types import Answer, Document, Question

_VERDICTS = frozenset({"yes", "no", "maybe"})


@runtime_checkable
class Chooser(Protocol):
    """A reader that can choose among options."""

    def choose(
        self, question: Question, options: Sequence[str], documents: Sequence[Document] = ()
    ) -> dict[str, float]:
        """The probability of each option; empty where no reply could be read."""
        ...


def chosen_letter(
    reader: object, question: Question, options: Mapping[str, str], documents: Sequence[Document], answer: Answer
) -> str | None:
    """The letter that is chosen, None for none.

    A reader without a choice of its own answers a question whose options are yes and no (and maybe) by its verdict;
    for other options see :func:`mentioned_option`.
    """
    if isinstance(reader, Chooser):
        chances = reader.choose(question, list(options.values()), documents)
        return max(options, key=lambda letter: chances.get(options[letter], 0.0)) if chances else None
    meanings = {text.strip().lower(): letter for letter, text in options.items()}
    if meanings.keys() <= _VERDICTS:
        return meanings.get(answer.verdict) if answer.verdict is not None else None
    return mentioned_option(options, documents)


def mentioned_option(options: Mapping[str, str], documents: Sequence[Document]) -> str | None:
    """The option whose words the articles hold most of, an article weighing 1 / its rank; None where none is named.

    A baseline that needs no model and understands nothing. The first of equals is taken.
    """
    texts = [_words(f"{title_of(document)} {abstract_of(document)}") for document in documents]
    scores = {
        letter: sum(_share(_words(option), words) / rank for rank, words in enumerate(texts, start=1))
        for letter, option in options.items()
    }
    best = max(scores, key=lambda letter: scores[letter], default=None)
    return best if best is not None and scores[best] > 0 else None


def _share(wanted: set[str], there: set[str]) -> float:
    return len(wanted & there) / len(wanted) if wanted else 0.0


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]{2,}", text.lower()))
