"""The reader ``chat``: a language model writes the answer, and every citation is checked before it is shown."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from ragqa.answer.chat import checks, voting
from ragqa.answer.chat.conversation import Conversation, Sample, Spent, choose, reason, reply_in_statements
from ragqa.answer.chat.examples import Example, ExamplePool, load_examples
from ragqa.answer.chat.packing import Packed, pack
from ragqa.answer.chat.replies import Cited, Reply, reply_schema
from ragqa.answer.chat.sources import NumberedSource
from ragqa.answer.chat.write import Draft, Report, Work, Writer, abstention
from ragqa.answer.extractive import ExtractiveReader
from ragqa.answer.notices import about_documents
from ragqa.answer.question import AskedFor, analyse
from ragqa.answer.reader import Encode
from ragqa.answer.reading import Reading
from ragqa.errors import UsageError
from ragqa.llm import loop
from ragqa.llm.choice import scale
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.model import LanguageModel, Message
from ragqa.llm.prompt import Prompts
from ragqa.manifest import content_hash
from ragqa.recipe import AnswerSettings, ChatSettings, EndpointSettings
from ragqa.types import Document, Question, Statement, VerdictLabel

VERDICTS = ("yes", "no", "maybe")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
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
        self.settings = settings
        self.models = tuple(models)
        self.in_flight = models[0].in_flight
        self.prompts = Prompts("ragqa.answer", settings.chat.prompts)
        self._encode = encode
        self._fit = ExtractiveReader(settings, encode)
        self._pool: ExamplePool | None = None

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
        """Hash of all prompts in force."""
        return content_hash(self.prompts.hashes())

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
        conversation = await self._conversation(job.question, asked)
        relevant, strength, packed = list(job.documents), 0.0, Packed(())
        if chat.retrieval == "always" or await checks.needs_sources(judge, conversation, spent):
            relevant, strength = await asyncio.to_thread(self._relevant, asked, job)
            if objection := self._objection(job, usable, strength):
                told = about_documents(relevant, (), retracted_allowed=self.settings.allow_retracted)
                return abstention(asked, objection, strength, tuple(told))
            packed = await self._packed(asked, conversation, usable)
            conversation = replace(conversation, sources=packed.sources)
        work = Work(
            self.settings, asked, relevant, conversation, packed, self.prompts_hash, judge, spent, strength, report
        )
        writer, draft = Writer(work), Draft()
        if chat.check_presuppositions and packed.sources:
            draft.correction = await writer.correct(await checks.false_presupposition(judge, conversation, spent))
        if asked.type == "yesno":
            await self._yes_or_no(conversation, spent, writer, draft)
        else:
            await self._open_question(asked, conversation, spent, writer, draft)
        return await writer.finish(draft)

    async def _yes_or_no(self, conversation: Conversation, spent: Spent, writer: Writer, draft: Draft) -> None:
        """A verdict by vote; then the first sample that gave the winning one says why."""
        samples = self._samples()
        task = conversation.task("yesno")
        ballots = await asyncio.gather(*(self._ballot(s, conversation, task, VERDICTS, spent) for s in samples))
        shares = voting.vote([scale(ballot, self.settings.chat.verdict_temperature) for ballot, _ in ballots])
        if not shares:
            draft.readable = False
            return
        draft.verdict = cast("VerdictLabel", next(iter(shares)))
        draft.verdict_probabilities = shares
        if not self.settings.chat.write_statements:
            return
        agreeing = [place for place, (ballot, _) in enumerate(ballots) if _winner(ballot) == draft.verdict]
        place = agreeing[0] if agreeing else 0
        turns = (
            *ballots[place][1],
            Message("assistant", draft.verdict),
            Message("user", conversation.task("yesno.statements")),
        )
        schema = reply_schema("yesno", len(conversation.sources))
        draft.take(await reply_in_statements(samples[place], turns, schema, spent, writer.on_statement()))

    async def _open_question(
        self, asked: AskedFor, conversation: Conversation, spent: Spent, writer: Writer, draft: Draft
    ) -> None:
        """Answers by vote; the statements are the first readable reply's."""
        samples = self._samples()
        schema = reply_schema(asked.type, len(conversation.sources))

        async def reply(place: int, sample: Sample) -> Reply:
            turns = await self._up_to_task(sample, conversation, conversation.task(asked.type), spent)
            heard = writer.on_statement() if place == 0 and len(samples) == 1 else None
            return await reply_in_statements(sample, turns, schema, spent, heard)

        replies = await asyncio.gather(*(reply(place, sample) for place, sample in enumerate(samples)))
        readable = [r for r in replies if r.readable]
        answering = [r for r in readable if r.answerable]
        if len(answering) * 2 < len(readable) or not readable:
            draft.take(readable[0] if readable else replies[0])
            draft.answerable = False
            return
        draft.take(answering[0])
        draft.answers = self._merged(asked, replies)

    def _merged(self, asked: AskedFor, replies: Sequence[Reply]) -> list[tuple[Cited, float]]:
        """Factoids by mean reciprocal rank; list items by majority within a model, by union over models."""
        if asked.type == "factoid":
            return voting.merge_answers([reply.answers for reply in replies])[:5]
        if asked.type != "list":
            return []
        votes = self.settings.chat.votes
        by_model = [replies[first : first + votes] for first in range(0, len(replies), votes)]
        lists = [
            [cited for cited, _ in voting.merge_items([r.answers for r in own], majority=True)] for own in by_model
        ]
        return voting.merge_items(lists, majority=False)

    async def _choose(
        self, question: Question, options: Sequence[str], documents: Sequence[Document]
    ) -> dict[str, float]:
        chat = self.settings.chat
        asked = analyse(question)
        conversation, spent = await self._conversation(question, asked), Spent()
        if documents:
            listing = "\n".join(options)
            packed = await self._packed(asked, conversation, documents, further=listing)
            conversation = replace(conversation, sources=packed.sources)
        letters = LETTERS[: len(options)]

        async def ballot(sample: Sample, order: Sequence[int]) -> dict[str, float]:
            listed = "\n".join(f"{letter}. {options[place]}" for letter, place in zip(letters, order, strict=True))
            task = conversation.task("choice", options=listed)
            probabilities, _ = await self._ballot(sample, conversation, task, letters, spent)
            named = zip(letters, order, strict=True)
            return {options[place]: probabilities[letter] for letter, place in named} if probabilities else {}

        samples = self._samples()
        shown = voting.orders(len(options), chat.shuffles, chat.seed)
        asking = [ballot(sample, order) for sample in samples for order in shown]
        ballots = await asyncio.gather(*asking)
        groups = [ballots[first : first + len(shown)] for first in range(0, len(ballots), len(shown))]
        averaged = [voting.mean([b for b in group if b]) for group in groups if any(group)]
        shares = voting.vote(averaged)
        return {option: shares[option] for option in options} if shares else {}

    async def _ballot(
        self, sample: Sample, conversation: Conversation, task: str, choices: Sequence[str], spent: Spent
    ) -> tuple[dict[str, float], tuple[Message, ...]]:
        turns = await self._up_to_task(sample, conversation, task, spent)
        return await choose(sample, turns, choices, spent), turns

    async def _up_to_task(
        self, sample: Sample, conversation: Conversation, task: str, spent: Spent
    ) -> tuple[Message, ...]:
        """The conversation up to the task, with the model's reasoning before it where the settings ask for that."""
        if not self.settings.chat.chain_of_thought:
            return conversation.opening(task)
        thought = await reason(sample, conversation.opening(conversation.task("reason")), spent)
        return (*thought, Message("user", task))

    async def _conversation(self, question: Question, asked: AskedFor) -> Conversation:
        chat = self.settings.chat
        examples: list[Example] = []
        if chat.n_examples:
            examples = await asyncio.to_thread(self._examples().nearest, question, asked.type, chat.n_examples)
        return Conversation(self.prompts, question, (), tuple(examples), with_reasoning=chat.chain_of_thought)

    def _examples(self) -> ExamplePool:
        if self._pool is None:
            if not self.settings.chat.examples:
                raise UsageError("answer.chat.n_examples is set without answer.chat.examples, a JSON Lines file")
            self._pool = ExamplePool(load_examples(Path(self.settings.chat.examples)), self._encode)
        return self._pool

    def _relevant(self, asked: AskedFor, job: ReadJob) -> tuple[list[Document], float]:
        """The documents that deal with the question, and how well the best usable one fits it, 0 to 1."""
        evidence = self._fit.gather(asked, job.documents, job.scores)
        needed = self.settings.abstain_below
        fitting = zip(job.documents, evidence.weights, strict=True)
        return [document for document, weight in fitting if weight.strength >= needed], evidence.strength

    def _objection(self, job: ReadJob, usable: Sequence[Document], strength: float) -> str:
        """Why nothing should be answered from these documents, or ""."""
        needed = self.settings.abstain_below
        if not job.documents:
            return "No article was found for this question."
        if not usable:
            return "The only articles found have been retracted."
        if strength < needed:
            return (
                f"None of the {len(job.documents)} articles found deals with the question closely enough "
                f"(best fit {strength:.2f}; {needed:.2f} is needed)."
            )
        return ""

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

    def _samples(self) -> list[Sample]:
        """Each model's samples in turn; a single one is taken at the endpoint's own temperature."""
        chat = self.settings.chat
        if chat.votes == 1:
            return [Sample(model, chat.seed) for model in self.models]
        return [Sample(model, chat.seed + i, chat.vote_temperature) for model in self.models for i in range(chat.votes)]


def _winner(ballot: dict[str, float]) -> str:
    return max(ballot, key=ballot.__getitem__) if ballot else ""


def _voter(text: str, chat: ChatSettings) -> EndpointSettings:
    """``MODEL@BASE_URL`` as the settings of an endpoint that is called like the first."""
    model, separator, base_url = text.partition("@")
    if not separator or not base_url.startswith(("http://", "https://")):
        raise UsageError(f"answer.chat.voters: {text!r} is not MODEL@BASE_URL, for example m@http://127.0.0.1:8002/v1")
    return replace(chat, model=model, base_url=base_url, context_tokens=0)
