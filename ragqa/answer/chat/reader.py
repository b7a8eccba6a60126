"""The reader ``chat``: a language model writes the answer, and every citation is checked before it is shown."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragqa.answer.chat import checks
from ragqa.answer.chat.conversation import Conversation, Sample, Spent
from ragqa.answer.chat.examples import ExamplePool, load_examples
from ragqa.answer.chat.open_question import answer_open_question
from ragqa.answer.chat.options import LETTERS, choose_option
from ragqa.answer.chat.packing import Packed, pack
from ragqa.answer.chat.rewrite import rewritten
from ragqa.answer.chat.session import Session
from ragqa.answer.chat.solved import OwnReasoning, solved_turns
from ragqa.answer.chat.sources import NumberedSource
from ragqa.answer.chat.write import Draft, Report, Work, Writer, abstention
from ragqa.answer.chat.yes_no import answer_yes_or_no
from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.extractive.evidence import TOLD_OF, Evidence, gather
from ragqa.answer.extractive.gate import objection
from ragqa.answer.notices import about_documents
from ragqa.answer.question import AskedFor, analyse
from ragqa.answer.reading import Encode, Reading
from ragqa.errors import UsageError
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.model import LanguageModel
from ragqa.llm.prompt import Prompts
from ragqa.manifest import content_hash
from ragqa.reader.model import open_model
from ragqa.recipe import AnswerSettings, ChatSettings, EndpointSettings
from ragqa.types import Document, Question, Statement

_FURTHER_TURNS = 400
"""Tokens set aside for the short turns (a verdict, the next task) that follow the first task."""


@dataclass(frozen=True, slots=True)
class ReadJob:
    """One question to be read: what :meth:`ChatReader.read` takes."""

    question: Question
    documents: Sequence[Document]
    scores: Sequence[float]


class ChatReader:
    """Has a language model read documents and answer. Make one with :meth:`open`.

    It may be shared between threads and event loops: its work runs on the loop of ``ragqa.llm.loop``.

    Attributes
    ----------
    in_flight
        Requests that may be under way at once; so many threads calling :meth:`read` keep the server busy.
    """

    def __init__(self, settings: AnswerSettings, models: Sequence[LanguageModel], encode: Encode | None = None) -> None:
        if not models:
            raise UsageError("the reader 'chat' needs at least one model")
        chat = settings.chat
        if chat.votes > 1 and chat.vote_temperature == 0:
            raise UsageError(
                f"answer.chat.votes = {chat.votes} with vote_temperature = 0: every sample would be the same; set "
                "answer.chat.vote_temperature=0.7, or answer.chat.votes=1"
            )
        self.settings = settings
        self.models = tuple(models)
        self.in_flight = models[0].in_flight
        self.prompts = Prompts("ragqa.answer", settings.chat.prompts)
        self._encode = encode
        self._pool: ExamplePool | None = None
        self._own_reasoning = OwnReasoning()

    @classmethod
    def open(cls, settings: AnswerSettings, encode: Encode | None = None) -> "ChatReader":
        """A reader for the endpoint, and the further voters, that the settings name; nothing is connected yet."""
        endpoints = [settings.chat, *(_voter(text, settings.chat) for text in settings.chat.voters)]
        return cls(settings, [EndpointModel(endpoint) for endpoint in endpoints], encode)

    def read(self, question: Question, documents: Sequence[Document], scores: Sequence[float]) -> Reading:
        """Answer a question from documents, or abstain.

        Raises
        ------
        UsageError
            The question is empty, or too long for the model's context.
        EndpointError
            The model cannot be reached, or refuses a request.
        """
        return loop.run(self._read(ReadJob(question, documents, scores)))

    def read_reporting(
        self,
        question: Question,
        documents: Sequence[Document],
        scores: Sequence[float],
        report: Report,
    ) -> Reading:
        """As :meth:`read`; ``report`` is called with each checked statement as soon as the model has written it.

        ``report`` is called on another thread. A statement is reported only if it stays in the answer, unless the
        model later says that the question cannot be answered after all.
        """
        return loop.run(self._read(ReadJob(question, documents, scores), report))

    def read_many(self, jobs: Sequence[ReadJob]) -> list[Reading]:
        """Read many questions at once, as many requests under way as ``in_flight`` allows.

        Raises
        ------
        EndpointError
            The endpoint failed for good; nothing is returned then.
        """

        async def all_of_them() -> list[Reading]:
            return await asyncio.gather(*(self._read(job) for job in jobs))

        return loop.run(all_of_them())

    async def aread(self, question: Question, documents: Sequence[Document], scores: Sequence[float]) -> Reading:
        """As :meth:`read`, awaited from any loop; cancelling it cancels the requests under way."""
        return await loop.await_on_loop(self._read(ReadJob(question, documents, scores)))

    async def stream(
        self, question: Question, documents: Sequence[Document], scores: Sequence[float]
    ) -> AsyncIterator[Statement | Reading]:
        """Each checked statement as soon as the model has written it, and last the whole reading."""
        async for item in loop.iterate_on_loop(self._stream(ReadJob(question, documents, scores))):
            yield item

    async def rewrite(self, message: str, earlier: Sequence[Turn]) -> str:
        """The message as a question that stands alone; "" where the model cannot tell what it asks."""
        sample = Sample(self.models[0], self.settings.chat.seed, 0.0)
        return await loop.await_on_loop(rewritten(sample, self.prompts, message, earlier))

    def choose(
        self, question: Question, options: Sequence[str], documents: Sequence[Document] = ()
    ) -> dict[str, float]:
        """The probability of each option of a multiple-choice question, in the order of the options.

        With ``shuffles`` the options are shown in several orders and their probabilities averaged; with ``votes``
        and ``voters`` the shares of the votes are given. Empty where no reply could be read.

        Raises
        ------
        UsageError
            There are fewer than two options, more than 26, or two alike.
        """
        if not 2 <= len(options) <= len(LETTERS) or len(set(options)) < len(options):
            raise UsageError(f"{len(options)} options were given; a question needs 2 to 26, each different")
        return loop.run(self._choose(question, options, documents))

    @property
    def prompts_hash(self) -> str:
        """Hash of all prompts in force, those of query expansion and reranking among them."""
        return content_hash({**self.prompts.hashes(), **Prompts("ragqa.retrieve").hashes()})

    def close(self) -> None:
        """Close the connections."""
        for model in self.models:
            loop.run(model.close())

    async def _stream(self, job: ReadJob) -> AsyncIterator[Statement | Reading]:
        queue: asyncio.Queue[Statement | None] = asyncio.Queue()
        reading = asyncio.ensure_future(self._read(job, queue.put_nowait))
        reading.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (statement := await queue.get()) is not None:
                yield statement
            yield await reading
        finally:
            reading.cancel()

    async def _read(self, job: ReadJob, report: Report | None = None) -> Reading:
        if not job.question.text.strip():
            raise UsageError("the question is empty; ask something, for example: Do statins prevent delirium?")
        chat = self.settings.chat
        asked, spent, judge = analyse(job.question), Spent(), Sample(self.models[0], chat.seed)
        usable = [d for d in job.documents if self.settings.allow_retracted or not d.retracted]
        conversation = Conversation(self.prompts, job.question)
        relevant, strength, packed = list(job.documents), 0.0, Packed(())
        if chat.retrieval == "always" or await checks.needs_sources(judge, conversation, spent):
            evidence = await asyncio.to_thread(self._gather, asked, job)
            relevant, strength = self._relevant(job, evidence), evidence.relevance
            if reason := objection(asked, evidence, self.settings.abstain_below):
                told = about_documents(relevant, (), retracted_allowed=self.settings.allow_retracted)
                return abstention(asked, reason, strength, tuple(told))
            conversation = await self._with_examples(conversation, asked, spent, with_sources=True)
            packed = await self._packed(asked, conversation, usable)
            conversation = replace(conversation, sources=packed.sources)
        else:
            conversation = await self._with_examples(conversation, asked, spent)
        work = Work(
            self.settings, asked, relevant, conversation, packed, self.prompts_hash, judge, spent, strength, report
        )
        writer, draft = Writer(work), Draft()
        if chat.check_presuppositions and packed.sources:
            draft.correction = await writer.correct(await checks.false_presupposition(judge, conversation, spent))
            conversation = replace(conversation, correction=draft.correction.text if draft.correction else "")
        session = Session(chat, self.models, conversation, spent)
        if asked.type == "yesno":
            await answer_yes_or_no(session, writer, draft)
        else:
            await answer_open_question(session, asked.type, writer, draft)
        return await writer.finish(draft)

    async def _choose(
        self, question: Question, options: Sequence[str], documents: Sequence[Document]
    ) -> dict[str, float]:
        asked, spent = analyse(question), Spent()
        bare = Conversation(self.prompts, question)
        conversation = await self._with_examples(bare, asked, spent, with_sources=bool(documents))
        if documents:
            packed = await self._packed(asked, conversation, documents, further="\n".join(options))
            conversation = replace(conversation, sources=packed.sources)
        return await choose_option(Session(self.settings.chat, self.models, conversation, spent), options)

    async def _with_examples(
        self, conversation: Conversation, asked: AskedFor, spent: Spent, *, with_sources: bool = False
    ) -> Conversation:
        """The conversation with the nearest solved examples before its question."""
        chat = self.settings.chat
        if not chat.n_examples:
            return conversation
        pool = self._examples()
        examples = await asyncio.to_thread(
            pool.nearest, conversation.question, asked.type, chat.n_examples, with_sources=with_sources
        )
        if chat.chain_of_thought:
            sample = Sample(self.models[0], chat.seed)
            examples = await self._own_reasoning.fill(examples, self.prompts, sample, spent)
        turns = solved_turns(examples, self.prompts, with_reasoning=chat.chain_of_thought)
        return replace(conversation, solved=turns)

    def _examples(self) -> ExamplePool:
        if self._pool is None:
            if not self.settings.chat.examples:
                raise UsageError("answer.chat.n_examples is set without answer.chat.examples, a JSON Lines file")
            self._pool = ExamplePool(load_examples(Path(self.settings.chat.examples)), self._encode)
        return self._pool

    def _gather(self, asked: AskedFor, job: ReadJob) -> Evidence:
        return gather(open_model(), asked, job.documents, allow_retracted=self.settings.allow_retracted)

    def _relevant(self, job: ReadJob, evidence: Evidence) -> list[Document]:
        """The documents that deal with the question."""
        read = zip(job.documents, evidence.documents, strict=True)
        return [document for document, said in read if said.relevance >= TOLD_OF]

    async def _packed(
        self, asked: AskedFor, conversation: Conversation, documents: Sequence[Document], further: str = ""
    ) -> Packed:
        lengths = await asyncio.gather(*(model.context_length() for model in self.models))
        n_replies = 2 if self.settings.chat.chain_of_thought else 1
        budget = min(lengths) - n_replies * max(model.max_tokens for model in self.models) - _FURTHER_TURNS

        async def count(sources: Sequence[NumberedSource]) -> int:
            opening = replace(conversation, sources=tuple(sources)).opening(further)
            return await self.models[0].count_tokens(opening)

        return await pack(asked, documents, budget, count)


def _voter(text: str, chat: ChatSettings) -> EndpointSettings:
    """``MODEL@BASE_URL`` as the settings of an endpoint that is called like the first."""
    model, separator, base_url = text.partition("@")
    if not separator or not base_url.startswith(("http://", "https://")):
        raise UsageError(f"answer.chat.voters: {text!r} is not MODEL@BASE_URL, for example m@http://127.0.0.1:8002/v1")
    return replace(chat, model=model, base_url=base_url, context_tokens=0)
