"""What ragqa asks of a language model, whoever serves it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked to complete.

    Attributes
    ----------
    messages
        The conversation so far; the model writes the next turn.
    choices
        The reply must be one of these; they must differ in their first character, so that the first token
        tells them apart.
    schema
        The reply must be JSON of this schema.
    max_tokens
        Tokens of the reply at most; None: as the endpoint's settings say.
    temperature, seed
        Sampling; None: as the endpoint's settings say.
    """

    messages: tuple[Message, ...]
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model replied.

    Attributes
    ----------
    text
        The reply without the reasoning.
    reasoning
        What came before ``</think>``; never part of an answer.
    cut_off
        True where the reply ended because ``max_tokens`` was reached.
    prompt_tokens, completion_tokens
        As the server counts them; 0 where it does not tell.
    choice_probabilities
        For a request with choices: each choice's probability at the token that tells them apart (they add up
        to 1); empty where the server gives no log probabilities.
    """

    text: str
    reasoning: str = ""
    cut_off: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    choice_probabilities: Mapping[str, float] = field(default_factory=dict)


class LanguageModel(Protocol):
    """A model that replies. All methods must be called on the loop of ``ragqa.llm.loop``.

    ``name`` says which model it is, for records; ``in_flight`` how many requests it may have under way.
    """

    name: str
    in_flight: int
    max_tokens: int

    async def complete(self, request: Request) -> Completion:
        """The reply.

        Raises
        ------
        EndpointError
            The model cannot be reached or refuses the request.
        """
        ...

    def stream(self, request: Request) -> AsyncIterator[str | Completion]:
        """The reply's text in pieces, without the reasoning, and last the whole :class:`Completion`."""
        ...

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a conversation, by the model's own tokenizer where the server offers it, else estimated."""
        ...

    async def context_length(self) -> int:
        """Tokens that prompt and reply may have together."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
