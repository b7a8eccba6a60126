"""The whole way from a question to a checked answer: retrieve → rerank → read → check."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragqa import products
from ragqa.answer import notices
from ragqa.answer.assertion import opposed
from ragqa.answer.citations import check_quotes
from ragqa.answer.compose import compose
from ragqa.answer.dialogue.rewriting import RewritingReader
from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.reader import Reader, SearchingReader, open_reader
from ragqa.answer.reading import Reading
from ragqa.answer.related import RelatedQuestion, related
from ragqa.answer.stream import StreamingReader
from ragqa.answer.unknown import refusal, unknown_words
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import title_of
from ragqa.errors import ProductError, UsageError
from ragqa.index.open import Index, OpenIndex, open_index
from ragqa.recipe import AnswerSettings, Recipe
from ragqa.retrieve.expand import open_expander
from ragqa.retrieve.fielded.search import FieldedSearch
from ragqa.retrieve.filter_names import FilterNames
from ragqa.retrieve.fuse import Candidates, refuse_partly
from ragqa.retrieve.normalise import Normalised, normalise
from ragqa.retrieve.pool import pooled
from ragqa.retrieve.rerank import Reranker, open_reranker
from ragqa.retrieve.retriever import Retriever, found_rows, hits_of, rerank, timed
from ragqa.retrieve.trail import Trail
from ragqa.stages import Cancel, Clock, FoundDocument, OnStage, StageDone, ms_since, n_cited
from ragqa.study.read import studies_of
from ragqa.types import Answer, Document, Filter, Hit, Question, QuestionType, Statement

if TYPE_CHECKING:
    from ragqa.check.text.blocks import Block
    from ragqa.check.types import Checked, CheckedClaim, CheckedReference

MAX_QUESTION_CHARACTERS = 100_000
_TITLES_READ = 100
RunJob = Callable[[Callable[[Cancel], Candidates]], Awaitable[Candidates]]
ReadCandidates = Callable[[Question, Candidates], AsyncGenerator[Statement | Answer, None]]


class Engine:
    """An opened index with its corpus, reranker and reader. Make one with :meth:`open`.

    It may be shared between threads. Close it, or use it as a context manager.
    """

    def __init__(
        self, store: DocumentStore, index: Index, settings: Recipe, reranker: Reranker | None, reader: Reader
    ) -> None:
        self.store = store
        self.index = index
        self.recipe = settings
        self.filter_names = FilterNames(store, store.n_allowed if index.bm25 is None else index.bm25.n_allowed)
        expander = open_expander(settings.retrieve, settings.answer.chat)
        self._retriever = Retriever(store, index, settings.retrieve, expander)
        self._reranker = reranker
        self._reader = reader
        self._overrides: tuple[str, ...] = ()
        self._opener: OpenIndex = open_index

    @classmethod
    def open(cls, name: str, overrides: Sequence[str] = (), opener: OpenIndex = open_index) -> "Engine":
        """Open the index called ``name``.

        Parameters
        ----------
        name
            A built index under ``indexes/``.
        overrides
            ``table.key=value`` strings that change query-time settings, for example ``bm25.k1=1.2``.
        opener
            What opens the components of the index: here, or on a cluster (:func:`ragqa.ray.search.opener`).

        Raises
        ------
        UsageError
            There is no such index.
        ProductError
            The index or its corpus is damaged, or they do not fit each other.
        RecipeError
            An override names an unknown setting or a value that is not allowed.
        """
        store, index, settings = products.open_pinned(name, overrides, opener)
        reranker = open_reranker(settings.rerank, index.dense, settings.answer.chat)
        engine = cls(store, index, settings, reranker, open_reader(settings.answer, sentence_encoder(index)))
        engine._overrides, engine._opener = tuple(overrides), opener
        return engine

    def follow(self) -> "Engine":
        """The engine of what is in force now: this one, unless the index was updated since it was opened.

        A new engine answers from the new state alone. This one goes on answering from its own until it is closed,
        which is the caller's to do when the last question that it was asked is answered.
        """
        if products.index_state(self.index.folder.name) == self.index.manifest_hash:
            return self
        return Engine.open(self.index.folder.name, self._overrides, self._opener)

    def search(self, question: str, k: int = 10, allowed: Filter = Filter()) -> tuple[Hit, ...]:
        """The ``k`` best documents for a question, best first; see :meth:`search_batch`."""
        return self.search_batch([question], k, allowed)[0]

    def search_fielded(self, query: str, k: int = 10, allowed: Filter = Filter()) -> tuple[tuple[Hit, ...], int]:
        """The first ``k`` articles that a query with fields finds, as PubMed takes it, and how many there are.

        Raises
        ------
        UsageError
            The query is not well formed (the message shows the place), names what the index does not know, or the
            index has no BM25.
        """
        if k < 1:
            raise UsageError(f"k is {k}; it must be at least 1")
        if self.index.bm25 is None:
            raise UsageError(
                f"the index {self.index.folder.name!r} searches by vectors alone; queries with fields need one with "
                "BM25, for example: ragqa index build NAME --recipe default"
            )
        return FieldedSearch(self.store, self.index.bm25, self.filter_names).search(query, k, allowed)

    def search_batch(self, questions: Sequence[str], k: int = 10, allowed: Filter = Filter()) -> list[tuple[Hit, ...]]:
        """The ``k`` best documents for each question, reranked as the recipe says.

        Raises
        ------
        UsageError
            A question is empty or over 100,000 characters, ``k`` is below 1, no year lies in the filter, or the index
            does not know a name in it.
        ClusterError
            A cluster did not search a part of the index, which hits cannot tell.
        """
        candidates = self.rerank(questions, self._found_everywhere(questions, k, allowed))
        return [self.hits(candidates, query, k) for query in range(len(questions))]

    def ask(
        self,
        question: str | Question,
        type: QuestionType | None = None,  # noqa: A002 - the field's word for it
        allowed: Filter = Filter(),
        *,
        on_stage: OnStage | None = None,
        cancel: Cancel | None = None,
    ) -> Answer:
        """Answer a question from the corpus; every quote in the answer was checked against the store.

        Parameters
        ----------
        question
            The question, or a :class:`ragqa.types.Question` with an id.
        type
            ``yesno``, ``factoid``, ``list`` or ``summary``; None lets the reader decide from the wording.
        allowed
            Which documents may be used.
        on_stage
            Called as each stage ends.
        cancel
            Asked between the stages whether anybody still waits.

        Raises
        ------
        UsageError
            As for :meth:`search_batch`.
        QuestionCancelledError
            It was given up.
        """
        asked = question if isinstance(question, Question) else Question(question, type=type)
        clock = Clock()
        candidates = self._found(asked, allowed, clock, on_stage, cancel)
        answer, clock.timings_ms["read"] = timed(lambda: self.read(asked, candidates, 0, allowed))
        if on_stage is not None:
            on_stage(StageDone("read", round(clock.timings_ms["read"], 3), n_cited(answer)))
        return clock.on(answer)

    async def stream(
        self,
        question: Question,
        allowed: Filter = Filter(),
        *,
        run: RunJob | None = None,
        read: ReadCandidates | None = None,
    ) -> AsyncGenerator[StageDone | Statement | Answer, None]:
        """As :meth:`ask`, told as it happens: each stage that ended, each statement once written, last the answer.

        Whoever stops early (``aclose``, or the task is cancelled) gives the question up: the stage that is under
        way in its thread ends, the next does not begin.

        Parameters
        ----------
        run
            Runs the stages before reading in a thread, handing them what tells whether they are given up; None
            takes a thread of asyncio's own.
        read
            The last stage; None is :meth:`read_stream`.
        """
        loop, clock = asyncio.get_running_loop(), Clock()
        told: asyncio.Queue[StageDone | None] = asyncio.Queue()

        def find(cancel: Cancel) -> Candidates:
            def tell(stage: StageDone) -> None:
                loop.call_soon_threadsafe(told.put_nowait, stage)

            return self._found(question, allowed, clock, tell, cancel)

        finding = asyncio.ensure_future((run or _in_thread)(find))
        finding.add_done_callback(lambda _: told.put_nowait(None))
        try:
            while (stage := await told.get()) is not None:
                yield stage
            candidates = await finding
        finally:
            finding.cancel()
        began = time.perf_counter()
        reading = read(question, candidates) if read else self.read_stream(question, candidates, allowed=allowed)
        async with contextlib.aclosing(reading) as items:
            async for item in items:
                if isinstance(item, Answer):
                    clock.timings_ms["read"] = ms_since(began)
                    yield StageDone("read", clock.timings_ms["read"], n_cited(item))
                    item = clock.on(item)  # noqa: PLW2901 - the same answer, timed
                yield item

    def _found(
        self, question: Question, allowed: Filter, clock: Clock, on_stage: OnStage | None, cancel: Cancel | None
    ) -> Candidates:
        """The stages before reading; between them it is asked whether anybody still waits."""
        cancel, texts, n_documents = cancel or Cancel(), [question.text], self.recipe.answer.n_documents
        cancel.check()
        found = self.retrieve(texts, n_documents, allowed, clock.timings_ms)
        if on_stage is not None:
            on_stage(StageDone("retrieve", ms_since(clock.began), int((found.rows[0] >= 0).sum())))
        cancel.check()
        ordered, clock.timings_ms["rerank"] = timed(lambda: self.rerank(texts, found))
        cancel.check()
        if on_stage is not None:
            best = self.store.read(found_rows(ordered, 0, n_documents))
            documents = tuple(FoundDocument(document.id, title_of(document), document.year) for document in best)
            on_stage(StageDone("rerank", round(clock.timings_ms["rerank"], 3), len(documents), documents))
        return ordered

    def retrieve(
        self,
        questions: Sequence[str],
        k: int,
        allowed: Filter = Filter(),
        timings_ms: dict[str, float] | None = None,
    ) -> Candidates:
        """First stage: the fused candidates, at least ``k`` for each question where the corpus has as many."""
        for text in questions:
            check_question(text)
        if k < 1:
            raise UsageError(f"k is {k}; it must be at least 1")
        allowed = self.filter_names.resolved(allowed)
        searched = [self.normalise(text).searched for text in questions]
        return self._retriever.retrieve(searched, k, allowed, timings_ms if timings_ms is not None else {})

    def _found_everywhere(self, questions: Sequence[str], k: int, allowed: Filter = Filter()) -> Candidates:
        """First stage, for what has no place to tell that a part of the index was not searched."""
        found = self.retrieve(questions, k, allowed)
        refuse_partly(found.unsearched)
        return found

    def normalise(self, question: str) -> Normalised:
        """The question as it is searched for and read: in the words of the index, unless the recipe says otherwise."""
        if self.index.lexicon is None or not self.recipe.retrieve.normalise:
            return Normalised(question, question)
        return normalise(question, self.index.lexicon)

    def rerank(self, questions: Sequence[str], candidates: Candidates) -> Candidates:
        """Second stage: the first ``rerank.depth`` candidates of each question in their final order."""
        settings = self.recipe.rerank
        if self._reranker is None and settings.evidence_weight == 0:
            return candidates
        heads = [self.store.read(found_rows(candidates, query, settings.depth)) for query in range(len(questions))]
        normalised = [self.normalise(text).text for text in questions]
        return rerank(normalised, candidates, heads, self._reranker, settings)

    def read(self, question: Question, candidates: Candidates, query: int, allowed: Filter = Filter()) -> Answer:
        """Third stage: the answer to the question whose candidates are at place ``query``, quotes checked.

        A reader that searches several times gets the candidates where it searches for the question itself; its other
        searches keep to what is ``allowed``.
        """
        if isinstance(self._reader, SearchingReader):
            return self._read_searching(self._reader, question, candidates, query, allowed)
        rows = found_rows(candidates, query, self.recipe.answer.n_documents)
        documents = self.store.read(rows)
        hits = hits_of(candidates, query, [document.id for document in documents])
        return self._whole(self.read_documents(question, documents, hits), candidates.unsearched)

    def read_documents(self, question: Question, documents: Sequence[Document], hits: Sequence[Hit]) -> Answer:
        """The answer to a question from given documents and the hits that stand for them, quotes checked."""
        reading = self._refusal(question, documents) or self._reader.read(
            self._as_read(question), documents, [hit.score for hit in hits]
        )
        return self._checked(question, reading, documents, hits)

    def _read_searching(
        self, reader: SearchingReader, question: Question, candidates: Candidates, query: int, allowed: Filter
    ) -> Answer:
        asked = self._as_read(question)

        def fetch(text: str, k: int) -> tuple[Sequence[Hit], Sequence[Document]]:
            found, place = candidates, query
            if text not in {question.text, asked.text} or len(found_rows(candidates, query, k)) < k:
                found, place = self.rerank([text], self.retrieve([text], k, allowed)), 0
                unsearched.extend(found.unsearched)
            documents = self.store.read(found_rows(found, place, k))
            return hits_of(found, place, [document.id for document in documents]), documents

        unsearched = list(candidates.unsearched)
        trail = Trail(fetch)
        reading = reader.read_searching(asked, trail.search)
        hits, documents = trail.merged()
        answer = dataclasses.replace(self._checked(question, reading, documents, hits), searches=tuple(trail.steps))
        return self._whole(answer, unsearched)

    async def read_stream(
        self, question: Question, candidates: Candidates, query: int = 0, allowed: Filter = Filter()
    ) -> AsyncGenerator[Statement | Answer, None]:
        """As :meth:`read`: each statement as soon as the reader has written it, and last the whole answer.

        A reader that does not stream works in a thread and gives its statements at the end.
        """
        if not isinstance(self._reader, StreamingReader):
            answer = await asyncio.to_thread(self.read, question, candidates, query, allowed)
            for statement in answer.statements:
                yield statement
            yield answer
            return
        documents = self.store.read(found_rows(candidates, query, self.recipe.answer.n_documents))
        hits = hits_of(candidates, query, [document.id for document in documents])
        if refusal := self._refusal(question, documents):
            yield self._whole(self._checked(question, refusal, documents, hits), candidates.unsearched)
            return
        async for item in self._reader.stream(self._as_read(question), documents, [hit.score for hit in hits]):
            if isinstance(item, Statement):
                yield item
            else:
                yield self._whole(self._checked(question, item, documents, hits), candidates.unsearched)

    async def rewrite(self, message: str, earlier: Sequence[Turn]) -> str | None:
        """The message as a question that stands alone, by the reader's language model; "" where it cannot tell.

        None where the reader has no language model.

        Raises
        ------
        EndpointError
            The model cannot be reached or refuses.
        """
        if not isinstance(self._reader, RewritingReader):
            return None
        return await self._reader.rewrite(message, earlier)

    def _refusal(self, question: Question, documents: Sequence[Document]) -> Reading | None:
        return refusal(self._as_read(question), self.index.lexicon, documents)

    def _as_read(self, question: Question) -> Question:
        return dataclasses.replace(question, text=self.normalise(question.text).text)

    def _checked(
        self, question: Question, reading: Reading, documents: Sequence[Document], hits: Sequence[Hit]
    ) -> Answer:
        answer = compose(question, reading, hits, documents, self.index.manifest_hash)
        answer = dataclasses.replace(answer, studies=studies_of(answer, documents))
        if changes := self.normalise(question.text).changes:
            answer = dataclasses.replace(answer, notices=(notices.normalised(changes), *answer.notices))
        if not reading.abstained and (
            unknown := unknown_words(self._as_read(question).text, self.index.lexicon, documents)
        ):
            answer = dataclasses.replace(answer, notices=(notices.unknown(unknown), *answer.notices))
        by_id = {document.id: document for document in documents}
        if wrong := check_quotes(answer, by_id.__getitem__):
            raise ProductError(f"the reader quoted words that are not in their article: {'; '.join(wrong)}")
        return answer

    def _whole(self, answer: Answer, unsearched: Sequence[tuple[int, int]]) -> Answer:
        """The answer, with a notice of the rows that were not searched for it."""
        if not unsearched:
            return answer
        notice = notices.partly_searched(unsearched, self.store.n_rows)
        return dataclasses.replace(answer, notices=(notice, *answer.notices))

    def check(self, blocks: "Sequence[Block]") -> "Generator[CheckedClaim | CheckedReference | Checked, None, None]":
        """Check a text: each claim and reference as soon as it is judged, and last the whole.

        Parameters
        ----------
        blocks
            The text, as :func:`ragqa.check.text.blocks.read_blocks` and ``blocks_of`` give it.

        Raises
        ------
        SourceError
            The text has neither a claim nor a reference.
        BackendError
            A package that runs the reader's model is missing.
        """
        from ragqa.check.checker import Checker
        from ragqa.check.types import Checked
        from ragqa.reader.model import open_model

        for found in Checker(self.store, self.find_documents, self.find_for_claims, open_model()).stream(blocks):
            if isinstance(found, Checked):
                found = dataclasses.replace(found, manifest_hash=self.index.manifest_hash)  # noqa: PLW2901
            yield found

    def find_documents(self, texts: Sequence[str], k: int) -> list[list[Document]]:
        """The ``k`` best documents for each text, best first, reranked as the recipe says."""
        ordered = self.rerank(texts, self._found_everywhere(texts, k))
        return [self.store.read(found_rows(ordered, query, k)) for query in range(len(texts))]

    def find_for_claims(self, claims: Sequence[str], k: int) -> list[list[Document]]:
        """The ``k`` articles for each claim that say most of it, for or against it, best first."""
        found = self.candidates_for_claims(claims, k)
        return [self.store.read(found_rows(found, place, k)) for place in range(len(claims))]

    def candidates_for_claims(self, claims: Sequence[str], k: int) -> Candidates:
        """What is found by the words of each claim and by those of its opposite, together in one order.

        They are reranked once, by the claim: what says the opposite of it is of the same matter.
        """
        sides = [[text for text in (claim, opposed(claim)) if text] for claim in claims]
        found = self._found_everywhere([text for side in sides for text in side], k)
        return self.rerank(claims, pooled(found, [len(side) for side in sides]))

    def related(self, question: str, n: int = 5, allowed: Filter = Filter()) -> tuple[RelatedQuestion, ...]:
        """At most ``n`` questions that the titles of the nearest articles ask; raises as :meth:`search_batch`."""
        candidates = self._found_everywhere([question], _TITLES_READ, allowed)
        return related(question, self.store.read(found_rows(candidates, 0, _TITLES_READ)), n)

    def hits(self, candidates: Candidates, query: int, k: int) -> tuple[Hit, ...]:
        """The first ``k`` candidates of one question as hits."""
        rows = found_rows(candidates, query, k)
        return hits_of(candidates, query, self.store.ids(rows))

    def with_reader(self, settings: AnswerSettings, reader: Reader | None = None) -> "Engine":
        """The same opened index read by another reader; it must not be used after this engine is closed.

        Parameters
        ----------
        settings
            The recipe's ``answer`` table for the new engine.
        reader
            A reader that is open already; None opens the one that the settings name.
        """
        if reader is None:
            reader = open_reader(settings, sentence_encoder(self.index))
        return Engine(self.store, self.index, dataclasses.replace(self.recipe, answer=settings), self._reranker, reader)

    def close(self) -> None:
        """Close the index and the corpus."""
        self._retriever.close()
        self.index.close()
        self.store.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_question(text: str) -> None:
    """Refuse a question that nothing can be searched for.

    Raises
    ------
    UsageError
        It is empty or longer than 100,000 characters.
    """
    if not text.strip():
        raise UsageError("the question is empty; ask something, for example: Do statins prevent atrial fibrillation?")
    if len(text) > MAX_QUESTION_CHARACTERS:
        raise UsageError(f"the question has {len(text):,} characters; at most {MAX_QUESTION_CHARACTERS:,} are allowed")


def sentence_encoder(index: Index) -> Callable[[Sequence[str]], np.ndarray] | None:
    """The index's encoder, as readers use it for single sentences; None where the index has none."""
    dense = index.dense
    if dense is None:
        return None
    return lambda sentences: dense.encode_passages([("", sentence) for sentence in sentences])


async def _in_thread(find: Callable[[Cancel], Candidates]) -> Candidates:
    cancel = Cancel()
    try:
        return await asyncio.to_thread(find, cancel)
    finally:
        cancel.cancel()
