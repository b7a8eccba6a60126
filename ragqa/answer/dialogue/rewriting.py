"""Rewriting a message by a language model, and when such a rewriting is believed."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ragqa.answer.dialogue import words
from ragqa.answer.dialogue.turn import Turn
from ragqa.corpus.words import content_stems, stem

_LONGEST = 500
_FROM_THE_CONVERSATION = 0.6


@runtime_checkable
class RewritingReader(Protocol):
    """What a reader with a language model offers besides ``read``."""

    async def rewrite(self, message: str, earlier: Sequence[Turn]) -> str:
        """The message as a question that stands alone; "" where the model cannot tell what it asks.

        Raises
        ------
        EndpointError
            The model cannot be reached or refuses.
        """
        ...


def is_faithful(rewritten: str, message: str, earlier: Sequence[Turn]) -> bool:
    """Whether a rewriting is a question of the conversation: its words are from there, and the message's are in it.

    >>> said = [Turn("user", "Do statins prevent atrial fibrillation?")]
    >>> is_faithful("Does aspirin prevent atrial fibrillation?", "What about aspirin?", said)
    True
    >>> is_faithful("Statins prevent it in 35% of surgical cases.", "What about aspirin?", said)
    False
    """
    if not rewritten.strip() or len(rewritten) > _LONGEST:
        return False
    stems = content_stems(rewritten)
    known = set(content_stems(" ".join([message, *(turn.text for turn in earlier)])))
    own = {stem(word) for word in words.own_words(message)}
    n_known, n_own = sum(word in known for word in stems), len(own.intersection(stems))
    return n_known >= _FROM_THE_CONVERSATION * max(1, len(stems)) and 2 * n_own >= len(own)
