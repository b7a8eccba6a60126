"""Yes/no questions: a verdict by vote, then the reasons for it."""

import asyncio
from typing import cast

from ragqa.answer.chat import voting
from ragqa.answer.chat.conversation import reply_in_statements
from ragqa.answer.chat.replies import reply_schema
from ragqa.answer.chat.session import Session
from ragqa.answer.chat.solved import VERDICTS
from ragqa.answer.chat.write import Draft, Writer
from ragqa.llm.choice import scale
from ragqa.llm.model import Message
from ragqa.types import VerdictLabel


async def answer_yes_or_no(session: Session, writer: Writer, draft: Draft) -> None:
    """A verdict by vote; then the first sample that gave the winning one says why."""
    samples, conversation = session.samples(), session.conversation
    task = conversation.task("yesno")
    ballots = await asyncio.gather(*(session.ballot(sample, task, VERDICTS) for sample in samples))
    shares = voting.vote([scale(ballot, session.settings.verdict_temperature) for ballot, _ in ballots])
    if not shares:
        draft.readable = False
        return
    draft.verdict = cast("VerdictLabel", next(iter(shares)))
    draft.verdict_probabilities = shares
    if not session.settings.write_statements:
        return
    agreeing = [place for place, (ballot, _) in enumerate(ballots) if _winner(ballot) == draft.verdict]
    place = agreeing[0] if agreeing else 0
    turns = (
        *ballots[place][1],
        Message("assistant", draft.verdict),
        Message("user", conversation.task("yesno.statements")),
    )
    schema = reply_schema("yesno", len(conversation.sources))
    draft.take(await reply_in_statements(samples[place], turns, schema, session.spent, writer.on_statement()))


def _winner(ballot: dict[str, float]) -> str:
    return max(ballot, key=ballot.__getitem__) if ballot else ""
