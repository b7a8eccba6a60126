"""Multiple choice: the probability of each option, the options shown in several orders."""

import asyncio
from collections.abc import Sequence

from ragqa.answer.chat import voting
from ragqa.answer.chat.conversation import Sample
from ragqa.answer.chat.session import Session

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


async def choose_option(session: Session, options: Sequence[str]) -> dict[str, float]:
    """Each option's probability, or its share of the votes, in their order; empty: nothing was readable."""
    chat = session.settings
    letters = LETTERS[: len(options)]

    async def ballot(sample: Sample, order: Sequence[int]) -> dict[str, float]:
        listed = "\n".join(f"{letter}. {options[place]}" for letter, place in zip(letters, order, strict=True))
        task = session.conversation.task("choice", options=listed)
        probabilities, _ = await session.ballot(sample, task, tuple(letters))
        named = zip(letters, order, strict=True)
        return {options[place]: probabilities[letter] for letter, place in named} if probabilities else {}

    shown = voting.orders(len(options), chat.shuffles, chat.seed)
    ballots = await asyncio.gather(*(ballot(sample, order) for sample in session.samples() for order in shown))
    groups = [ballots[first : first + len(shown)] for first in range(0, len(ballots), len(shown))]
    averaged = [voting.mean([b for b in group if b]) for group in groups if any(group)]
    shares = voting.vote(averaged)
    return {option: shares[option] for option in options} if shares else {}
