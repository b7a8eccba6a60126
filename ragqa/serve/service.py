"""What all ways in share: asking, searching, checking, watching and looking up."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from ragqa.answer.compose import source_of
from ragqa.answer.dialogue import follow_ups
from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.related import RelatedQuestion
from ragqa.check.text.blocks import Block
from ragqa.check.types import Checked, CheckedClaim
from ragqa.engine import check_question
from ragqa.errors import ProductError, UsageError
from ragqa.retrieve.filter_names import FilterKind, FilterName
from ragqa.serve import audit
from ragqa.serve.answering import Answering
from ragqa.serve.events import Event, Report
from ragqa.serve.indexes import Indexes, UnknownNameError
from ragqa.serve.shown import Found, Shown, with_sources
from ragqa.stages import Cancel
from ragqa.types import Answer, Document, Filter, Question
from ragqa.watch.add import add_words
from ragqa.watch.types import Item

T = TypeVar("T")

MAX_DOCUMENT_ID_CHARACTERS = 200
_TEXTS_AT_ONCE = 16


class Service(Indexes):
    """Everything that is asked of the opened indexes, each within the server's limits."""

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
        with self.use(index) as served:
            self._check_question(question.text)
            answering = Answering(served, self.workers, self.limits)
            async with asyncio.timeout(self.limits.request_seconds):
                if earlier is None:
                    return await answering.answered(question, allowed, report)
                return await self._replied(answering, question, earlier, allowed, report)

    async def _replied(
        self,
        answering: Answering,
        question: Question,
        earlier: Sequence[Turn],
        allowed: Filter,
        report: Report | None,
    ) -> Answer:
        """The answer to a message of a conversation, as it is read after the turns before it."""
        served = answering.served
        rewrite = served.generator.rewrite if served.generator is not None else None
        read = await follow_ups.read_message(question.text, earlier, rewrite)
        if not read.question:
            return follow_ups.asked_back(question, read, earlier, served.engine.index.manifest_hash)
        if read.is_completed and report is not None:
            report(Event("read_as", follow_ups.read_as(read.question)))
        question = follow_ups.as_understood(question, read)
        answer = await answering.answered(question, allowed, report)
        return follow_ups.told(await answering.on_topic(answer, read), read)

    async def search(
        self, index: str | None, question: str, k: int, allowed: Filter, *, fielded: bool = False
    ) -> tuple[list[Found], int | None]:
        """The ``k`` best documents for a question, or for a query with fields and how many; raises as :meth:`ask`."""
        self._check_question(question)
        if not 1 <= k <= self.limits.k:
            raise UsageError(f"k is {k}; it must be between 1 and {self.limits.k}")
        with self.use(index) as served:
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
        with self.use(index) as served:
            engine = served.engine
            audited = audit.begin(served.name, engine.index.manifest_hash, question)
            found = await self.workers.run(lambda _: engine.related(question, n, allowed), self.limits.request_seconds)
            audited.tells(one.document_id for one in found)
            return found

    async def check(
        self, index: str | None, blocks: Callable[[], Sequence[Block]], report: Report | None = None
    ) -> Checked:
        """Check a text; ``report`` is called in the event loop with each claim and reference once it is judged.

        ``blocks`` reads the text in the thread that checks it: a file may take long, too.

        Raises
        ------
        RagqaError
            The text cannot be read or has nothing to check, or the index is not served.
        BusyError, TimeoutError
            As :meth:`ragqa.serve.workers.Workers.run`.
        """
        with self.use(index) as served:
            loop, engine = asyncio.get_running_loop(), served.engine

            def job(cancel: Cancel) -> Checked:
                with contextlib.closing(engine.check(blocks())) as told:
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

    async def watch(self, index: str | None, text: str, owner: str, most: int) -> Item:
        """Watch a question or claim for an owner, who may have ``most``; raises as :meth:`ask`."""
        self._check_question(text)
        with self.use(index) as served:
            work = self.workers.run(lambda _: add_words(served.engine, text, owner, most), self.limits.request_seconds)
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
        with self.use(index) as served:
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
        with self.use(index) as served:
            names = served.engine.filter_names
            return await self.workers.run(lambda _: names.starting(kind, prefix, n), self.limits.request_seconds)

    async def document(self, index: str | None, document_id: str) -> Shown:
        """One document; raises as :meth:`documents`."""

        def shown(documents: list[Document]) -> Shown:
            (document,) = documents
            return Shown(document, source_of(document, cited=False))

        return await self.documents(index, [document_id], shown)

    async def documents(self, index: str | None, ids: Sequence[str], make: Callable[[list[Document]], T]) -> T:
        """What ``make`` makes of some documents, in the order of their ids, as many as a search may give.

        It is called in the thread that reads them: what reads whole abstracts would hold up the event loop.

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
        with self.use(index) as served:
            store = served.engine.store

            def job(_: Cancel) -> tuple[list[str], T]:
                rows = store.find(ids)
                if (rows < 0).any():
                    raise UnknownNameError(
                        f"the corpus {store.name!r} has no document {ids[int(rows.argmin())]!r}; "
                        "give an id that a search or an answer returned"
                    )
                documents = store.read(rows)
                return [document.id for document in documents], make(documents)

            audited = audit.begin(served.name, served.engine.index.manifest_hash)
            told, made = await self.workers.run(job, self.limits.request_seconds)
            audited.tells(told)
            return made

    def _check_question(self, text: str) -> None:
        check_question(text)
        if len(text) > self.limits.question_characters:
            raise UsageError(
                f"the question has {len(text):,} characters; this server takes {self.limits.question_characters:,}"
            )
