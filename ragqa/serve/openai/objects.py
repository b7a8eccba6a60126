"""What OpenAI's routes return, as pydantic models for the OpenAPI document."""

from typing import Any, Literal

from pydantic import BaseModel


class Model(BaseModel):
    """A served index, as OpenAI clients list models."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "ragqa"


class ModelList(BaseModel):
    """All served indexes."""

    object: Literal["list"] = "list"
    data: list[Model]


class AnswerMessage(BaseModel):
    """The answer as a message: statements with footnote marks, then the footnotes with PMIDs.

    ``tool_calls`` is there only where a chat front-end demands the call of a function for a title.
    """

    role: Literal["assistant"] = "assistant"
    content: str | None
    tool_calls: list[dict[str, Any]] | None = None


class Choice(BaseModel):
    """The one answer; ``finish_reason`` is ``length`` where ``max_tokens`` cut it short."""

    index: int = 0
    message: AnswerMessage
    finish_reason: Literal["stop", "length", "tool_calls"] = "stop"
    logprobs: None = None


class Usage(BaseModel):
    """Tokens of the question and of the answer, estimated at 3.5 characters a token."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """A chat completion; ``ragqa`` holds the whole answer with its spans, where there is one."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    ragqa: dict[str, Any] | None = None


class ResponseObject(BaseModel):
    """A response; ``ragqa`` holds the whole answer with its spans, where there is one."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Literal["completed", "incomplete"]
    model: str
    output: list[dict[str, Any]]
    usage: dict[str, Any]
    ragqa: dict[str, Any] | None = None


class Embedding(BaseModel):
    """The vector of one text: numbers, or little-endian float32 in base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Tokens of the texts, estimated."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    """The vectors of the texts, in their order."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
