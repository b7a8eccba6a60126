"""What a generator is asked beside its answer: whether it needs sources, whether the question presupposes something
false, and whether a source supports a statement.
"""

from dataclasses import replace

from ragqa.answer.chat.conversation import Conversation, Sample, Spent, choose, reply_in_statements
from ragqa.answer.chat.replies import Cited, statement_schema
from ragqa.llm.fence import fenced
from ragqa.llm.model import Message
from ragqa.llm.prompt import Prompts
from ragqa.types import Statement

_HOW_WELL = {"fully": 1.0, "partially": 0.5, "no": 0.0}


async def needs_sources(sample: Sample, conversation: Conversation, spent: Spent) -> bool:
    """Whether the model says that it needs sources (Self-RAG's and Self-BioRAG's retrieval on demand).

    An unreadable reply counts as yes.
    """
    bare = replace(conversation, sources=())
    messages = bare.opening(bare.prompts.text("need"))
    probabilities = await choose(sample, messages, ("yes", "no"), spent)
    return probabilities.get("yes", 1.0) >= 0.5


async def false_presupposition(sample: Sample, conversation: Conversation, spent: Spent) -> Cited | None:
    """What the sources say instead of something false that the question takes for granted; None where nothing is.

    Models seldom object of their own accord (Cancer-Myth, Zhu et al. 2025), so they are asked.
    """
    messages = conversation.opening(conversation.prompts.text("presupposition"))
    probabilities = await choose(sample, messages, ("yes", "no"), spent)
    if probabilities.get("yes", 0.0) <= 0.5:
        return None
    follow_up = (
        *messages,
        Message("assistant", "yes"),
        Message("user", conversation.prompts.text("presupposition.statement")),
    )
    reply = await reply_in_statements(sample, follow_up, statement_schema(len(conversation.sources)), spent)
    return reply.statements[0] if reply.statements else None


async def judged_support(sample: Sample, statement: Statement, passage: str, prompts: Prompts, spent: Spent) -> float:
    """How well the model says that a passage supports a statement: P(fully) + P(partially) / 2.

    An unreadable reply counts as 0: what cannot be judged is not confirmed.
    """
    task = prompts.fill("critique", passage=fenced(passage), statement=fenced(statement.text))
    probabilities = await choose(sample, (Message("user", task),), tuple(_HOW_WELL), spent)
    return sum(probability * _HOW_WELL[label] for label, probability in probabilities.items())
