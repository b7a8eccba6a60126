"""Which texts can be read: those in English."""

from collections.abc import Sequence

from ragqa.answer.language import NAMES, language_of
from ragqa.check.text.blocks import Block
from ragqa.errors import SourceError


def refuse_foreign(blocks: Sequence[Block], name: str = "the text") -> None:
    """Refuse a text in another language, of which no claim would be understood.

    Raises
    ------
    SourceError
        More of its words are of another language than of English, or most of it is in another script.

    >>> refuse_foreign([Block("Die Statine senken das Cholesterin und werden gut vertragen.")])
    Traceback (most recent call last):
    ...
    ragqa.errors.SourceError: the text seems to be in German; only English is read: translate it first
    """
    if (language := language_of(" ".join(block.text for block in blocks))) != "en":
        raise SourceError(f"{name} seems to be in {NAMES[language]}; only English is read: translate it first")
