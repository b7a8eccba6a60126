"""What all ways in share: the opened indexes, the bounded workers, and asking, searching and looking up."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

import numpy as np

import ragqa
from ragqa.answer.compose import source_of
from ragqa.answer.dialogue import follow_ups
from ragqa.answer.dialogue.on_topic import kept_on_topic
from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.dialogue.understand import Understood
from ragqa.answer.related import RelatedQuestion
from ragqa.check.text.blocks import Block
from ragqa.check.types import Checked, CheckedClaim
from ragqa.engine import AsRead, Engine, ReadyToRead, check_question
from ragqa.errors import ProductError, UsageError, nearest
from ragqa.retrieve.filter_names import FilterKind, FilterName
from ragqa.retrieve.fuse import Candidates
from ragqa.serve import audit, traces
from ragqa.serve.cluster import searched_on
from ragqa.serve.events import Event, Report
from ragqa.serve.generator import Generator
from ragqa.serve.served import Served
from ragqa.serve.settings import Limits, ServeSettings
from ragqa.serve.shown import Found, IndexInfo, IndexState, Shown, with_sources
from ragqa.serve.workers import Workers
from ragqa.stages import Cancel, StageDone
from ragqa.types import Answer, Document, Filter, Question, Statement
from ragqa.watch.add import add_words
from ragqa.watch.types import Item

_log = logging.getLogger(__name__)
MAX_DOCUMENT_ID_CHARACTERS = 200
_TEXTS_AT_ONCE = 16


class UnknownNameError(UsageError):
    """An index or a document that is not there (HTTP 404)."""


class Service:
    """The opened indexes and the threads that work on questions. Make one with :meth:`open`; close it."""

    def __init__(
        self, served: dict[str, Served], limits: Limits, connection: contextlib.ExitStack | None = None
    ) -> None:
        """``connection`` is closed after the indexes: that to the cluster which searches them."""
        self._connection = connection or contextlib.ExitStack()
        self._served = served
        self._retired: list[Served] = []
        self._lock = threading.Lock()
        self.limits = limits
        self.workers = Workers(limits.n_threads(), limits.waiting)

    @classmethod
    def open(cls, settings: ServeSettings) -> "Service":
        """Open every index that the settings name, and ask each one question so that the first user need not wait.

        Raises
        ------
        RagqaError
            As :func:`ragqa.open`.
        """
        served: dict[str, Served] = {}
        connection = contextlib.ExitStack()
        try:
            opener = connection.enter_context(searched_on(settings.cluster))
            for name in dict.fromkeys(settings.indexes):
                served[name] = Served.of(ragqa.open(name, settings.overrides, opener), settings.limits)
        except BaseException:
            for opened in served.values():
                opened.engine.close()
            connection.close()
            raise
        return cls(served, settings.limits, connection)

    @property
    def names(self) -> list[str]:
        """The names of the indexes, the default first."""
        return list(self._served)

    @property
    def degraded(self) -> list[str]:
        """Names of the indexes whose generator is given up at the moment."""
        return [
            name for name, served in self._served.items() if served.generator is not None and served.generator.degraded
        ]

    def refresh(self) -> None:
        """Serve the state that is in force of every index, and close those that no request uses any more.

        Requests that have begun end with the state that they began with. Call it from one thread.

        Raises
        ------
        RagqaError
            An update cannot be opened; the state before it is served on.
        """
        self._close_unused()
        for name, served in list(self._served.items()):
            engine = served.engine.follow()
            if engine is served.engine:
                continue
            newer = Served.of(engine, self.limits)
            with self._lock:
                self._served[name] = newer
                self._retired.append(served)
            _log.info("an update is served", extra={"facts": {"index": name, "state": engine.index.manifest_hash}})
        self._close_unused()

    def states(self) -> dict[str, IndexState]:
        """Which state of each index is served, and whether a newer one exists."""
        return {
            name: IndexState(served.engine.index.manifest_hash, served.manifest.created, served.is_outdated)
            for name, served in self._served.items()
        }

    def _close_unused(self) -> None:
        under_way = self.workers.under_way()
        for served in [one for one in self._retired if not one.n_uses]:
            if served.last_jobs is None:
                served.last_jobs = under_way
            if not served.last_jobs & under_way:
                self._retired.remove(served)
                served.engine.close()

    def generates(self, index: str) -> bool:
        """Whether the answers from a served index are written by a generator."""
        return self._served[index].generator is not None

    def check_index(self, name: str) -> None:
        """Raise :class:`UnknownNameError` unless an index of that name is served."""
        if name not in self._served:
            raise UnknownNameError(f"no index {name[:100]!r} is served here; {nearest(name[:100], self._served)}")

    def indexes(self) -> list[IndexInfo]:
        """The served indexes."""
        return [served.info(default=place == 0) for place, served in enumerate(self._served.values())]

    async def ask(
        self,
        index: str | None,
        question: Question,
        allowed: Filter,
        report: Report | None = None,
        earlier: Sequence[Turn] | None = None,
    ) -> Answer:
        """Answer a question; ``report`` is called in the event loop as the stages end.

        With ``earlier`` it is a message of a conversation, whose turns before it these are: one that does not stand
        alone is completed, which is reported and told in a notice, or asked back. None: the question is whole.

        Raises
        ------
        UsageError
            The question is empty or too long, the filter can match nothing, or the index is not served.
        BusyError, TimeoutError
            As :meth:`ragqa.serve.workers.Workers.run`.
        """
        with self._use(index) as served:
            self._check_question(question.text)
            if earlier is None:
                return await self._answered(served, question, allowed, report)
            rewrite = served.generator.rewrite if served.generator is not None else None
            read = await follow_ups.read_message(question.text, earlier, rewrite)
            if not read.question:
                return follow_ups.asked_back(question, read, earlier, served.engine.index.manifest_hash)
            if read.is_completed and report is not None:
                report(Event("read_as", follow_ups.read_as(read.question)))
            question = follow_ups.as_understood(question, read)
            answer = await self._answered(served, question, allowed, report)
            return follow_ups.told(await self._on_topic(served.engine, answer, read), read)

    async def _answered(self, served: Served, question: Question, allowed: Filter, report: Report | None) -> Answer:
        audited = audit.begin(served.name, served.engine.index.manifest_hash, question.text)
        if served.generator is None:
            answer = await self._read_out(served, question, allowed, report)
        else:
            answer = await self._written(served, served.generator, question, allowed, report)
        audited.tells(source.document_id for source in answer.sources)
        audited.tells(hit.document_id for hit in answer.hits)
        return answer

    async def _on_topic(self, engine: Engine, answer: Answer, read: Understood) -> Answer:
        """The answer to a completed question, or an abstention where it strayed."""
        cited = [source.document_id for source in answer.sources if source.cited]
        if not read.is_completed or not cited:
            return answer

        def job(_: Cancel) -> Answer:
            documents = engine.store.read(engine.store.find(cited))
            return kept_on_topic(answer, read, {document.id: document for document in documents})

        return await self.workers.run(job, self.limits.request_seconds)

    async def _read_out(self, served: Served, question: Question, allowed: Filter, report: Report | None) -> Answer:
        """All stages in one thread, so that a question waits for its turn once."""
        loop = asyncio.get_running_loop()

        def tell(stage: StageDone) -> None:
            if report is not None:
                loop.call_soon_threadsafe(report, Event("stage", stage))

        on_stage = traces.noting(served.name, tell if report else None)

        def job(cancel: Cancel) -> Answer:
            return served.engine.ask(question, allowed=allowed, on_stage=on_stage, cancel=cancel)

        answer = await self.workers.run(job, self.limits.request_seconds)
        if report is not None:
            for statement in answer.statements:
                report(Event("statement", statement))
        return answer

    async def _written(
        self, served: Served, generator: Generator, question: Question, allowed: Filter, report: Report | None
    ) -> Answer:
        """The last stage in the event loop: a generator is waited for, and holds no thread."""
        note = traces.noting(served.name, None)

        def run(find: Callable[[Cancel], ReadyToRead]) -> Awaitable[ReadyToRead]:
            return self.workers.run(find, self.limits.request_seconds)

        def read(asked: AsRead, candidates: Candidates) -> AsyncGenerator[Statement | Answer, None]:
            return generator.read(asked, candidates, self.workers)

        async with (
            asyncio.timeout(self.limits.request_seconds),
            contextlib.aclosing(served.engine.stream(question, allowed, run=run, read=read)) as items,
        ):
            async for item in items:
                if isinstance(item, Answer):
                    return item
                if note is not None and isinstance(item, StageDone):
                    note(item)
                if report is not None:
                    report(Event("stage" if isinstance(item, StageDone) else "statement", item))
        raise ProductError("the question ended without an answer; this is a fault of ragqa")

    async def search(
        self, index: str | None, question: str, k: int, allowed: Filter, *, fielded: bool = False
    ) -> tuple[list[Found], int | None]:
        """The ``k`` best documents for a question, or for a query with fields and how many; raises as :meth:`ask`."""
        self._check_question(question)
        if not 1 <= k <= self.limits.k:
            raise UsageError(f"k is {k}; it must be between 1 and {self.limits.k}")
        with self._use(index) as served:
            engine = served.engine

            def job(_: Cancel) -> tuple[list[Found], int | None]:
                if fielded:
                    hits, total = engine.search_fielded(question, k, allowed)
                else:
                    hits, total = engine.search(question, k, allowed), None
                return with_sources(hits, engine.store.read([hit.row for hit in hits])), total

            audited = audit.begin(served.name, engine.index.manifest_hash, question)
            found, total = await self.workers.run(job, self.limits.request_seconds)
            audited.tells(hit.document_id for hit in found)
            return found, total

    async def related(self, index: str | None, question: str, n: int, allowed: Filter) -> tuple[RelatedQuestion, ...]:
        """At most ``n`` questions that the titles of the nearest articles ask; raises as :meth:`ask`."""
        self._check_question(question)
        with self._use(index) as served:
            engine = served.engine
            audited = audit.begin(served.name, engine.index.manifest_hash, question)
            found = await self.workers.run(lambda _: engine.related(question, n, allowed), self.limits.request_seconds)
            audited.tells(one.document_id for one in found)
            return found

    async def check(self, index: str | None, blocks: Sequence[Block], report: Report | None = None) -> Checked:
        """Check a text; ``report`` is called in the event loop with each claim and reference once it is judged.

        Raises
        ------
        RagqaError
            The text has nothing to check, or the index is not served.
        BusyError, TimeoutError
            As :meth:`ragqa.serve.workers.Workers.run`.
        """
        with self._use(index) as served:
            loop, engine = asyncio.get_running_loop(), served.engine

            def job(cancel: Cancel) -> Checked:
                with contextlib.closing(engine.check(blocks)) as told:
                    for found in told:
                        cancel.check()
                        if isinstance(found, Checked):
                            return found
                        if report is not None:
                            kind = "claim" if isinstance(found, CheckedClaim) else "reference"
                            loop.call_soon_threadsafe(report, Event(kind, found))
                raise ProductError("the check ended without a result; this is a fault of ragqa")

            audited = audit.begin(served.name, engine.index.manifest_hash)
            checked = await self.workers.run(job, self.limits.check_seconds)
            for claim in checked.claims:
                audited.tells(one.document_id for one in (*claim.supporting, *claim.contradicting))
            audited.tells(one.document_id for one in checked.references if one.document_id)
            return checked

    async def watch(self, index: str | None, text: str, owner: str) -> Item:
        """Watch a question or claim for an owner; raises as :meth:`ask`."""
        self._check_question(text)
        with self._use(index) as served:
            work = self.workers.run(lambda _: add_words(served.engine, text, owner), self.limits.request_seconds)
            return await work

    async def embed(self, index: str, texts: Sequence[str], *, as_queries: bool) -> np.ndarray:
        """Vectors of texts by the encoder of an index, float32 [n_texts, dimension].

        Raises
        ------
        UsageError
            The index is not served, or has no encoder.
        BusyError, TimeoutError
            As :meth:`ragqa.serve.workers.Workers.run`.
        """
        with self._use(index) as served:
            dense = served.engine.index.dense
            if dense is None:
                raise UsageError(
                    f"the index {index!r} has no encoder: it searches by words alone (BM25); build one with vectors, "
                    f"for example: ragqa index build NAME --recipe default --corpus {served.engine.store.name}, and "
                    "serve it, too"
                )

            def job(cancel: Cancel) -> np.ndarray:
                vectors = []
                for begin in range(0, len(texts), _TEXTS_AT_ONCE):
                    cancel.check()
                    some = texts[begin : begin + _TEXTS_AT_ONCE]
                    encoded = (
                        dense.encode_queries(some) if as_queries else dense.encode_passages([("", t) for t in some])
                    )
                    vectors.append(encoded)
                return np.concatenate(vectors)

            return await self.workers.run(job, self.limits.request_seconds)

    async def filter_names(self, index: str | None, kind: FilterKind, prefix: str, n: int) -> tuple[FilterName, ...]:
        """At most ``n`` names that a filter takes and that begin with a prefix; raises as :meth:`embed`."""
        with self._use(index) as served:
            names = served.engine.filter_names
            return await self.workers.run(lambda _: names.starting(kind, prefix, n), self.limits.request_seconds)

    async def document(self, index: str | None, document_id: str) -> Shown:
        """One document; raises as :meth:`documents`."""
        (document,) = await self.documents(index, [document_id])
        return Shown(document, source_of(document, cited=False))

    async def documents(self, index: str | None, ids: Sequence[str]) -> list[Document]:
        """Some documents, in the order of their ids, as many as a search may give.

        Raises
        ------
        UsageError
            There are too many ids.
        UnknownNameError
            The index has no document with one of these ids.
        """
        if len(ids) > self.limits.k:
            raise UsageError(f"{len(ids)} documents were asked for; this server gives {self.limits.k} at once")
        if not all(0 < len(one) <= MAX_DOCUMENT_ID_CHARACTERS for one in ids):
            raise UnknownNameError(f"an id has 1 to {MAX_DOCUMENT_ID_CHARACTERS} characters, for example a PMID")
        with self._use(index) as served:
            store = served.engine.store

            def job(_: Cancel) -> list[Document]:
                rows = store.find(ids)
                if (rows < 0).any():
                    raise UnknownNameError(
                        f"the corpus {store.name!r} has no document {ids[int(rows.argmin())]!r}; "
                        "give an id that a search or an answer returned"
                    )
                return store.read(rows)

            audited = audit.begin(served.name, served.engine.index.manifest_hash)
            documents = await self.workers.run(job, self.limits.request_seconds)
            audited.tells(document.id for document in documents)
            return documents

    def close(self) -> None:
        """Let running work finish and close every index."""
        self.workers.close()
        for served in [*self._served.values(), *self._retired]:
            served.engine.close()
        self._connection.close()

    @contextlib.contextmanager
    def _use(self, index: str | None) -> Iterator[Served]:
        """The state of an index that is in force, which stays open for as long as the block runs."""
        name = self.names[0] if index is None else index
        self.check_index(name)
        with self._lock:
            served = self._served[name]
            served.n_uses += 1
        try:
            yield served
        finally:
            with self._lock:
                served.n_uses -= 1

    def _check_question(self, text: str) -> None:
        check_question(text)
        if len(text) > self.limits.question_characters:
            raise UsageError(
                f"the question has {len(text):,} characters; this server takes {self.limits.question_characters:,}"
            )
