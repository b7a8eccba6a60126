"""A message of a conversation, rewritten by a language model into a question that stands alone."""

from collections.abc import Sequence

from ragqa.answer.chat.conversation import Sample
from ragqa.answer.dialogue.turn import Turn
from ragqa.llm.fence import fenced
from ragqa.llm.model import Message, Request
from ragqa.llm.prompt import Prompts

_MOST_TURNS = 12
_LONGEST_TURN = 600
_MOST_TOKENS = 1_000
"""Room for the thoughts of a reasoning model; the question itself is a line."""
_UNCLEAR = "UNCLEAR"


async def rewritten(sample: Sample, prompts: Prompts, message: str, earlier: Sequence[Turn]) -> str:
    """The question that the message asks after the turns before it; "" where the model says that it is unclear.

    Raises
    ------
    EndpointError
        The model cannot be reached or refuses.
    """
    said = "\n".join(
        f"<turn speaker={turn.role!r}>{fenced(turn.text[:_LONGEST_TURN])}</turn>" for turn in earlier[-_MOST_TURNS:]
    )
    prompt = prompts.fill("rewrite", conversation=said, message=fenced(message))
    request = Request(
        (Message("user", prompt),), max_tokens=_MOST_TOKENS, temperature=sample.temperature, seed=sample.seed
    )
    completion = await sample.model.complete(request)
    lines = [line.strip().strip("\"'“”*") for line in completion.text.splitlines() if line.strip()]
    question = lines[-1].removeprefix("Question:").strip() if lines else ""
    return "" if not question or question.rstrip(".").upper() == _UNCLEAR else question
