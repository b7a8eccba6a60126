"""ragqa inside LangChain: the engine as a retriever and as a runnable, and LangChain's chat models inside ragqa."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.utils import AddableDict
from pydantic import ConfigDict

from ragqa.answer.chat.reader import ChatReader
from ragqa.answer.compose import source_of
from ragqa.check.text.blocks import blocks_of
from ragqa.check.types import Checked
from ragqa.corpus.text import abstract_of, title_of
from ragqa.engine import Engine, sentence_encoder
from ragqa.llm.model import Completion, Message, Request
from ragqa.llm.reasoning import ReplyStream, split_reasoning
from ragqa.types import Answer, Filter, Question, Statement

__all__ = ["AnswerRunnable", "CheckRunnable", "LangChainModel", "RagqaRetriever", "with_chat_model"]

_CHARACTERS_PER_TOKEN = 3.5
_CUT_OFF = {"length", "max_tokens", "MAX_TOKENS"}


class RagqaRetriever(BaseRetriever):
    """The engine's search as a LangChain retriever.

    A document's ``page_content`` is its title and abstract; its metadata has ``title``, ``year``, ``journal``,
    ``url``, ``evidence_level``, ``retracted``, ``score`` and the ``scores`` of each stage.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine
    k: int = 10
    allowed: Filter = Filter()

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[LangChainDocument]:
        hits = self.engine.search(query, self.k, self.allowed)
        found = []
        for hit, document in zip(hits, self.engine.store.read([hit.row for hit in hits]), strict=True):
            source = source_of(document, cited=False)
            metadata = {
                "title": source.title,
                "year": source.year,
                "journal": source.journal,
                "url": source.url,
                "evidence_level": source.evidence_level,
                "retracted": source.retracted,
                "score": hit.score,
                "scores": dict(hit.scores),
            }
            text = f"{title_of(document)}\n\n{abstract_of(document)}".strip()
            found.append(LangChainDocument(id=document.id, page_content=text, metadata=metadata))
        return found


class CheckRunnable(Runnable[str, Checked]):
    """Checking a text (plain or Markdown) as a LangChain runnable: each claim with the words for and against it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def invoke(self, input: str, config: RunnableConfig | None = None, **_: Any) -> Checked:  # noqa: A002
        """Check one text."""
        return self._call_with_config(self._check, input, config)

    def _check(self, text: str) -> Checked:
        *_, whole = self.engine.check(blocks_of(text, "markdown"))
        assert isinstance(whole, Checked)  # noqa: S101 - what a check ends with
        return whole


class AnswerRunnable(Runnable[str | Question, AddableDict]):
    """The engine's answers as a LangChain runnable.

    The output is a dictionary with ``text`` (the statements with the ids that they cite), ``statements``
    (:class:`ragqa.types.Statement`) and ``answer`` (:class:`ragqa.types.Answer`). A stream gives each statement as
    soon as it is checked, and last the answer; its chunks add up to what ``invoke`` returns, unless the generator
    takes statements back by abstaining at the end: ``answer`` always has the last word.
    """

    def __init__(self, engine: Engine, allowed: Filter = Filter()) -> None:
        self.engine = engine
        self.allowed = allowed

    def invoke(self, input: str | Question, config: RunnableConfig | None = None, **_: Any) -> AddableDict:  # noqa: A002
        """Answer one question."""
        return self._call_with_config(self._answer, input, config)

    async def ainvoke(self, input: str | Question, config: RunnableConfig | None = None, **_: Any) -> AddableDict:  # noqa: A002
        """Answer one question; the event loop stays free meanwhile."""

        async def answer(asked: str | Question) -> AddableDict:
            return await asyncio.to_thread(self._answer, asked)

        return await self._acall_with_config(answer, input, config)

    def stream(
        self,
        input: str | Question,  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[AddableDict]:
        """The statements as they come, and last the answer."""

        def chunks(asked: Iterator[str | Question]) -> Iterator[AddableDict]:
            with asyncio.Runner() as runner:
                pieces = self._chunks(next(asked))
                try:
                    while (chunk := runner.run(_next(pieces))) is not None:
                        yield chunk
                finally:
                    runner.run(pieces.aclose())

        yield from self._transform_stream_with_config(iter([input]), chunks, config)

    async def astream(
        self,
        input: str | Question,  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> AsyncIterator[AddableDict]:
        """As :meth:`stream`; leaving early stops the generator."""

        async def one() -> AsyncIterator[str | Question]:
            yield input

        async def chunks(asked: AsyncIterator[str | Question]) -> AsyncIterator[AddableDict]:
            async for question in asked:
                async for chunk in self._chunks(question):
                    yield chunk

        async for chunk in self._atransform_stream_with_config(one(), chunks, config):
            yield chunk

    def _answer(self, asked: str | Question) -> AddableDict:
        answer = self.engine.ask(asked, allowed=self.allowed)
        chunk = AddableDict(text="", statements=[])
        for statement in answer.statements:
            chunk = chunk + _of_statement(statement, first=not chunk["statements"])
        return chunk + AddableDict(answer=answer)

    async def _chunks(self, asked: str | Question) -> AsyncGenerator[AddableDict, None]:
        question = asked if isinstance(asked, Question) else Question(asked)
        yield AddableDict(text="", statements=[])
        first = True
        async with contextlib.aclosing(self.engine.stream(question, self.allowed)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    yield AddableDict(answer=item)
                elif isinstance(item, Statement):
                    yield _of_statement(item, first=first)
                    first = False


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


def _of_statement(statement: Statement, *, first: bool) -> AddableDict:
    cited = ", ".join(dict.fromkeys(span.document_id for span in statement.spans))
    text = f"{statement.text} [{cited}]" if cited else statement.text
    return AddableDict(text=text if first else f" {text}", statements=[statement])


async def _next(pieces: AsyncIterator[AddableDict]) -> AddableDict | None:
    return await anext(pieces, None)


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
