"""LangChain's chat models as generators of ragqa."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from ragqa.answer.chat.reader import ChatReader
from ragqa.engine import Engine, sentence_encoder
from ragqa.llm.model import Completion, Message, Request
from ragqa.llm.reasoning import ReplyStream, split_reasoning

_CHARACTERS_PER_TOKEN = 3.5
_CUT_OFF = {"length", "max_tokens", "MAX_TOKENS"}


def with_chat_model(engine: Engine, model: BaseChatModel, **limits: int) -> Engine:
    """The same opened index with a LangChain chat model as its generator.

    Parameters
    ----------
    engine
        It must stay open as long as the new one is used.
    model
        Any ``BaseChatModel``.
    **limits
        ``context_tokens``, ``max_tokens`` and ``in_flight`` of :class:`LangChainModel`.
    """
    settings = dataclasses.replace(engine.recipe.answer, reader="chat")
    reader = ChatReader(settings, [LangChainModel(model, **limits)], sentence_encoder(engine.index))
    return engine.with_reader(settings, reader)


class LangChainModel:
    """A LangChain chat model; an implementation of :class:`ragqa.llm.model.LanguageModel`.

    Sampling is the model's own affair: temperature and seed of a request are not passed on, and the form of a reply
    is asked for in words, since LangChain has no common way for either. Errors are those of the model's own package.

    Parameters
    ----------
    model
        Any ``BaseChatModel``.
    context_tokens, max_tokens
        Tokens of prompt and reply together, and of the reply alone.
    in_flight
        Requests under way at once, at most.
    """

    def __init__(
        self, model: BaseChatModel, *, context_tokens: int = 8192, max_tokens: int = 1024, in_flight: int = 8
    ) -> None:
        self.name = str(getattr(model, "model_name", "") or getattr(model, "model", "") or type(model).__name__)
        self.in_flight = in_flight
        self.max_tokens = max_tokens
        self._model = model
        self._context_tokens = context_tokens
        self._slots: asyncio.Semaphore | None = None

    async def complete(self, request: Request) -> Completion:
        """The reply; see :class:`ragqa.llm.model.LanguageModel`."""
        async with self._slot():
            message = await self._model.ainvoke(_as_langchain(request.messages))
        return _completion(request, message)

    async def stream(self, request: Request) -> AsyncIterator[str | Completion]:
        """The reply in pieces; see :class:`ragqa.llm.model.LanguageModel`."""
        shown = ReplyStream()
        whole: Any = None
        async with self._slot():
            async for chunk in self._model.astream(_as_langchain(request.messages)):
                whole = chunk if whole is None else whole + chunk
                if piece := shown.feed(str(chunk.text)):
                    yield piece
        yield _completion(request, whole) if whole is not None else Completion("")

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """An estimate: 3.5 characters a token."""
        return round(sum(len(message.content) / _CHARACTERS_PER_TOKEN + 8 for message in messages))

    async def context_length(self) -> int:
        """What the constructor was told."""
        return self._context_tokens

    async def close(self) -> None:
        """Nothing: the model belongs to its maker."""

    def _slot(self) -> asyncio.Semaphore:
        if self._slots is None:
            self._slots = asyncio.Semaphore(self.in_flight)
        return self._slots


def _as_langchain(messages: Sequence[Message]) -> list[BaseMessage]:
    kinds = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[message.role](content=message.content) for message in messages]


def _completion(request: Request, message: Any) -> Completion:
    thought, reply = split_reasoning(str(message.text))
    said = reply.strip(" \n\t\"'.*()").lower()
    usage = getattr(message, "usage_metadata", None) or {}
    told = message.response_metadata.get("finish_reason") or message.response_metadata.get("stop_reason")
    return Completion(
        text=next((choice for choice in request.choices if choice.lower() == said), reply),
        reasoning=thought,
        cut_off=told in _CUT_OFF,
        prompt_tokens=int(usage.get("input_tokens", 0)),
        completion_tokens=int(usage.get("output_tokens", 0)),
    )
