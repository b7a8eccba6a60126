"""How a question and the sentences of a passage become one input of the model, and what its outputs mean.

The model reads ``[CLS] query [SEP] sentence … sentence [SEP]`` and gives :data:`HEADS` numbers for each token. What it
says of a sentence is the mean over the sentence's tokens; what it says of the whole passage stands at ``[CLS]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

STANCES = ("yes", "no", "nothing")
"""What a sentence says to a question or claim: yes (supports it), no (contradicts it), nothing of it."""

DIRECTIONS = ("increase", "decrease", "no difference", "nothing")
"""What a sentence says happens to an outcome, for a query that names intervention and outcome without direction."""

TAGS = ("begin", "inside", "outside")
"""Where an exact answer begins and goes on."""

RELEVANCE, EVIDENCE = slice(0, 1), slice(1, 2)
STANCE, DIRECTION, TAG = slice(2, 5), slice(5, 9), slice(9, 12)
HEADS = 12

_LONGEST_QUERY = 96


@dataclass(frozen=True, slots=True)
class ReaderInput:
    """One input of the model.

    Attributes
    ----------
    ids, segments
        Token numbers, and 0 for the query's tokens and 1 for the passage's.
    sentences
        For each sentence the range of its tokens; an empty range where it was cut off.
    offsets
        For each token its begin and end in its own sentence, in characters; (0, 0) for the query and marks.
    """

    ids: list[int]
    segments: list[int]
    sentences: list[tuple[int, int]]
    offsets: list[tuple[int, int]]


def reader_input(tokenizer: Any, query: str, sentences: Sequence[str], max_tokens: int) -> ReaderInput:
    """Lay out a query and a passage.

    Parameters
    ----------
    tokenizer
        A ``tokenizers.Tokenizer`` of a BERT vocabulary, without padding and truncation.
    query
        A question, a claim, or intervention and outcome.
    sentences
        The passage. Sentences that do not fit are cut off.
    max_tokens
        Length of the input at most.
    """
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    asked, *read = tokenizer.encode_batch([_readable(text) for text in (query, *sentences)], add_special_tokens=False)
    ids = [cls, *asked.ids[:_LONGEST_QUERY], sep]
    offsets = [(0, 0)] * len(ids)
    n_query = len(ids)
    places = []
    for sentence in read:
        room = max_tokens - 1 - len(ids)
        begin = len(ids)
        ids.extend(sentence.ids[:room] if room > 0 else [])
        offsets.extend(sentence.offsets[: len(ids) - begin])
        places.append((begin, len(ids)))
    ids.append(sep)
    offsets.append((0, 0))
    return ReaderInput(ids, [0] * n_query + [1] * (len(ids) - n_query), places, offsets)


def _readable(text: str) -> str:
    """The text with halves of surrogate pairs, which no tokenizer takes, as question marks: of the same length."""
    return text.encode("utf-8", "replace").decode()
