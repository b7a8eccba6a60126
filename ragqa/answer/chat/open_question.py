"""Questions that are answered with names, items or sentences: replies by vote, merged."""

import asyncio
from collections.abc import Sequence

from ragqa.answer.chat import voting
from ragqa.answer.chat.conversation import Sample, reply_in_statements
from ragqa.answer.chat.replies import Cited, Reply, reply_schema
from ragqa.answer.chat.session import Session
from ragqa.answer.chat.write import Draft, Writer
from ragqa.types import QuestionType

_MOST_FACTOIDS = 5


async def answer_open_question(session: Session, question_type: QuestionType, writer: Writer, draft: Draft) -> None:
    """Answers by vote; the statements are the first readable reply's."""
    samples, conversation = session.samples(), session.conversation
    schema = reply_schema(question_type, len(conversation.sources))

    async def reply(place: int, sample: Sample) -> Reply:
        turns = await session.up_to_task(sample, conversation.task(question_type))
        heard = writer.on_statement() if place == 0 and len(samples) == 1 else None
        return await reply_in_statements(sample, turns, schema, session.spent, heard)

    replies = await asyncio.gather(*(reply(place, sample) for place, sample in enumerate(samples)))
    readable = [r for r in replies if r.readable]
    answering = [r for r in readable if r.answerable]
    if len(answering) * 2 < len(readable) or not readable:
        draft.take(readable[0] if readable else replies[0])
        draft.answerable = False
        return
    draft.take(answering[0])
    draft.answers = _merged(question_type, replies, session.settings.votes)


def _merged(question_type: QuestionType, replies: Sequence[Reply], votes: int) -> list[tuple[Cited, float]]:
    """Factoids by mean reciprocal rank; list items by majority within a model, by union over models."""
    if question_type == "factoid":
        return voting.merge_answers([reply.answers for reply in replies])[:_MOST_FACTOIDS]
    if question_type != "list":
        return []
    by_model = [replies[first : first + votes] for first in range(0, len(replies), votes)]
    lists = [[cited for cited, _ in voting.merge_items([r.answers for r in own], majority=True)] for own in by_model]
    return voting.merge_items(lists, majority=False)
