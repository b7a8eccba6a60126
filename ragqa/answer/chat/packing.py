"""Fitting sources into a model's context: whole sentences go, the least relevant first, and what went is recorded."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ragqa.answer.chat.sources import NumberedSource
from ragqa.answer.passages import Passage, passages_of
from ragqa.answer.question import AskedFor
from ragqa.errors import UsageError
from ragqa.types import Document, Span

_RANK_WEIGHT = 0.3
_OVERSHOOT = 1.05
_MOST_ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Packed:
    """Sources that fit.

    Attributes
    ----------
    sources
        Those left, numbered from 1 without gaps.
    cut
        The sentences that had to go, in the order in which they went.
    dropped
        Ids of documents of which nothing is left.
    prompt_tokens
        What the prompt takes with these sources.
    """

    sources: tuple[NumberedSource, ...]
    cut: tuple[Span, ...] = ()
    dropped: tuple[str, ...] = ()
    prompt_tokens: int = 0


async def pack(
    asked: AskedFor,
    documents: Sequence[Document],
    budget: int,
    count: Callable[[Sequence[NumberedSource]], Awaitable[int]],
) -> Packed:
    """Fit the documents into ``budget`` tokens.

    Every prompt tried is counted whole by ``count``, so the result fits exactly; the number of sentences to cut
    is estimated from the tokens per character of the last one tried.

    Parameters
    ----------
    asked
        The question; a sentence is the more relevant the more of its words it shares, and the higher its
        document ranks.
    documents
        Best first.
    budget
        Tokens that the whole prompt may take.
    count
        Tokens of the whole prompt with given sources.

    Raises
    ------
    UsageError
        Not even the title of the best document fits.
    """
    passages = [passage for passage in passages_of(asked, documents) if passage.section.name != "title"]
    least_first = sorted(passages, key=lambda p: (_relevance(p, len(documents)), -p.document, -p.begin))
    gone: list[Passage] = []
    n_documents = len(documents)
    for _ in range(_MOST_ROUNDS):
        sources = _numbered(documents[:n_documents], passages, gone)
        tokens = await count(sources)
        if tokens <= budget:
            kept = {source.document.id for source in sources}
            dropped = tuple(document.id for document in documents if document.id not in kept)
            return Packed(tuple(sources), tuple(passage.span for passage in gone), dropped, tokens)
        if len(gone) == len(passages):  # only titles are left
            n_documents = len(sources) // 2
            if n_documents == 0:
                break
            continue
        characters = sum(len(p.text) for source in sources for p in source.passages) + 1
        excess = (tokens - budget) * max(characters / tokens, 1.0) * _OVERSHOOT
        while excess > 0 and len(gone) < len(passages):
            gone.append(least_first[len(gone)])
            excess -= len(gone[-1].text)
    raise UsageError(
        f"the question, the prompt and one title take {tokens} tokens, and {budget} are left beside the reply; "
        "shorten the question, lower answer.chat.max_tokens or n_examples, or serve the model with a longer context"
    )


def _relevance(passage: Passage, n_documents: int) -> float:
    return passage.coverage + _RANK_WEIGHT * (1.0 - passage.document / n_documents)


def _numbered(
    documents: Sequence[Document], passages: Sequence[Passage], gone: Sequence[Passage]
) -> list[NumberedSource]:
    """The sources without the sentences that are gone; a document that lost all of them is left out, while any
    other has some; one that never had any (a title alone) stays.
    """
    lost = {id(passage) for passage in gone}
    sources: list[NumberedSource] = []
    for place, document in enumerate(documents):
        own = [passage for passage in passages if passage.document == place]
        kept = tuple(passage for passage in own if id(passage) not in lost)
        if kept or not own or len(lost) == len(passages):
            sources.append(NumberedSource(len(sources) + 1, document, kept))
    return sources
