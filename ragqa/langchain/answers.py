"""The engine's answers as a LangChain runnable."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.utils import AddableDict
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from ragqa.answer.dialogue import follow_ups
from ragqa.answer.dialogue.on_topic import kept_on_topic
from ragqa.answer.dialogue.understand import Understood
from ragqa.engine import Engine
from ragqa.langchain.inputs import Asked, PlainInput, RunnableInput, asked_of
from ragqa.langchain.loop import iterated
from ragqa.langchain.tools import tool_of
from ragqa.render import markdown
from ragqa.types import Answer, Filter, QuestionType, Statement


class AnswerOutput(BaseModel):
    """An output of :class:`AnswerRunnable`."""

    text: str = Field(description="The statements with the ids that they cite; empty under an abstention.")
    statements: list[Statement]
    answer: Answer


class AnswerArguments(BaseModel):
    """What the tool takes."""

    question: str = Field(description="A biomedical question in plain words, which stands alone.")
    type: QuestionType | None = Field(None, description="Else told by the wording.")


class AnswerRunnable(Runnable[RunnableInput, AddableDict]):
    """The engine's answers as a LangChain runnable.

    The question comes as a string, in a dictionary, or as the last message of a user; see
    :func:`ragqa.langchain.inputs.asked_of`. With messages before it, one that does not stand alone is completed from
    the last topic, which a notice tells, or asked back.

    The output is a dictionary with ``text`` (the statements with the ids that they cite), ``statements``
    (:class:`ragqa.types.Statement`) and ``answer`` (:class:`ragqa.types.Answer`). A stream gives each statement as
    soon as it is checked, and last the answer; its chunks add up to what ``invoke`` returns, unless statements are
    taken back by abstaining at the end: ``answer`` always has the last word.
    """

    def __init__(self, engine: Engine, allowed: Filter = Filter()) -> None:
        self.engine = engine
        self.allowed = allowed

    def invoke(self, input: RunnableInput, config: RunnableConfig | None = None, **_: Any) -> AddableDict:  # noqa: A002
        """Answer one question."""
        return self._call_with_config(self._answer, input, config)

    async def ainvoke(self, input: RunnableInput, config: RunnableConfig | None = None, **_: Any) -> AddableDict:  # noqa: A002
        """Answer one question; the event loop stays free meanwhile."""

        async def answer(given: RunnableInput) -> AddableDict:
            return await asyncio.to_thread(self._answer, given)

        return await self._acall_with_config(answer, input, config)

    def stream(
        self,
        input: RunnableInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[AddableDict]:
        """The statements as they come, and last the answer; leaving early stops the generator."""

        def chunks(given: Iterator[RunnableInput]) -> Iterator[AddableDict]:
            yield from iterated(self._chunks(next(given)))

        yield from self._transform_stream_with_config(iter([input]), chunks, config)

    async def astream(
        self,
        input: RunnableInput,  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> AsyncIterator[AddableDict]:
        """As :meth:`stream`."""

        async def one() -> AsyncIterator[RunnableInput]:
            yield input

        async def chunks(given: AsyncIterator[RunnableInput]) -> AsyncIterator[AddableDict]:
            async for question in given:
                async for chunk in self._chunks(question):
                    yield chunk

        async for chunk in self._atransform_stream_with_config(one(), chunks, config):
            yield chunk

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:  # noqa: ARG002
        """What a question may come in."""
        return PlainInput

    def get_output_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:  # noqa: ARG002
        """The form of what comes out."""
        return AnswerOutput

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """A tool that a model calls: it is shown the answer as Markdown, and the artifact is the whole output."""
        if arg_types is not None:
            return super().as_tool(args_schema, name=name, description=description, arg_types=arg_types)
        what = "Answers a biomedical question from the literature; every statement cites the articles it rests on."
        return tool_of(
            self,
            args_schema or AnswerArguments,
            name or "answer_from_literature",
            description or what,
            lambda output: "".join(markdown.lines(output["answer"])).strip(),
        )

    def _answer(self, given: RunnableInput) -> AddableDict:
        asked = asked_of(given)
        if not asked.earlier:
            return _output(self.engine.ask(asked.question, allowed=self.allowed))
        *_, last = iterated(self._items(asked))
        assert isinstance(last, Answer)  # noqa: S101 - what a question ends with
        return _output(last)

    async def _chunks(self, given: RunnableInput) -> AsyncGenerator[AddableDict, None]:
        asked = asked_of(given)
        yield AddableDict(text="", statements=[])
        first = True
        async with contextlib.aclosing(self._items(asked)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    yield AddableDict(answer=item)
                else:
                    yield _of_statement(item, first=first)
                    first = False

    async def _items(self, asked: Asked) -> AsyncGenerator[Statement | Answer, None]:
        """The statements and the answer, of a message in a conversation as it is understood."""
        question, read = asked.question, None
        if asked.earlier:
            read = await follow_ups.read_message(question.text, asked.earlier, self.engine.rewrite)
            if not read.question:
                yield follow_ups.asked_back(question, read, asked.earlier, self.engine.index.manifest_hash)
                return
            question = follow_ups.as_understood(question, read)
        async with contextlib.aclosing(self.engine.stream(question, self.allowed)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    yield item if read is None else await asyncio.to_thread(self._told, item, read)
                elif isinstance(item, Statement):
                    yield item

    def _told(self, answer: Answer, read: Understood) -> Answer:
        """The answer to a message as it was read, withheld where it strayed from the topic."""
        cited = [source.document_id for source in answer.sources if source.cited]
        if read.is_completed and cited:
            documents = self.engine.store.read(self.engine.store.find(cited))
            answer = kept_on_topic(answer, read, {document.id: document for document in documents})
        return follow_ups.told(answer, read)


def _output(answer: Answer) -> AddableDict:
    chunk = AddableDict(text="", statements=[])
    for statement in answer.statements:
        chunk = chunk + _of_statement(statement, first=not chunk["statements"])
    return chunk + AddableDict(answer=answer)


def _of_statement(statement: Statement, *, first: bool) -> AddableDict:
    cited = ", ".join(dict.fromkeys(span.document_id for span in statement.spans))
    text = f"{statement.text} [{cited}]" if cited else statement.text
    return AddableDict(text=text if first else f" {text}", statements=[statement])
