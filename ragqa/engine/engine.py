"""The engine: an opened index that answers questions and checks claims."""

import contextlib
import dataclasses
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragqa import products
from ragqa.answer.as_read import AsRead
from ragqa.answer.dialogue.rewriting import RewritingReader
from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.reader import Reader
from ragqa.answer.related import RelatedQuestion, related
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import title_of
from ragqa.engine.claims import candidates_for_claims
from ragqa.engine.openers import HERE, Openers
from ragqa.engine.reading import ReadCandidates, ReadingStage
from ragqa.engine.searcher import Searcher
from ragqa.engine.telling import ReadyToRead, RunJob, told
from ragqa.index.open import Index
from ragqa.recipe import AnswerSettings, Recipe
from ragqa.retrieve.fuse import Candidates
from ragqa.retrieve.rerank import Reranker
from ragqa.retrieve.retriever import found_rows, timed
from ragqa.stages import Cancel, Clock, FoundDocument, OnStage, StageDone, ms_since, n_cited
from ragqa.types import Answer, Document, Filter, Hit, Question, QuestionType, Statement

if TYPE_CHECKING:
    from ragqa.check.text.blocks import Block
    from ragqa.check.types import Checked, CheckedClaim, CheckedReference

_TITLES_READ = 100


class Engine(Searcher):
    """An opened index with its corpus, reranker and reader. Make one with :meth:`open`.

    It may be shared between threads. Close it, or use it as a context manager.
    """

    def __init__(
        self, store: DocumentStore, index: Index, settings: Recipe, reranker: Reranker | None, reader: Reader
    ) -> None:
        super().__init__(store, index, settings, reranker)
        self._reading = ReadingStage(self, reader)
        self._overrides: tuple[str, ...] = ()
        self._openers = HERE

    @classmethod
    def open(cls, name: str, overrides: Sequence[str] = (), openers: Openers = HERE) -> "Engine":
        """Open the index called ``name``.

        Parameters
        ----------
        name
            A built index under ``indexes/``.
        overrides
            ``table.key=value`` strings that change query-time settings, for example ``bm25.k1=1.2``.
        openers
            What opens the components of the index, the reranker and the reader: here, or on a cluster
            (:func:`ragqa.ray.search.opener`, :mod:`ragqa.engine.pools`).

        Raises
        ------
        UsageError
            There is no such index.
        ProductError
            The index or its corpus is damaged, or they do not fit each other.
        RecipeError
            An override names an unknown setting or a value that is not allowed.
        """
        store, index, settings = products.open_pinned(name, overrides, openers.index)
        reranker = openers.reranker(settings.rerank, index.dense, settings.answer.chat)
        engine = cls(store, index, settings, reranker, openers.reader(settings.answer, sentence_encoder(index)))
        engine._overrides, engine._openers = tuple(overrides), openers
        return engine

    def follow(self) -> "Engine":
        """The engine of what is in force now: this one, unless the index was updated since it was opened.

        A new engine answers from the new state alone. This one goes on answering from its own until it is closed,
        which is the caller's to do when the last question that it was asked is answered.
        """
        if products.index_state(self.index.folder.name) == self.index.manifest_hash:
            return self
        return Engine.open(self.index.folder.name, self._overrides, self._openers)

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
            reader = self._openers.reader(settings, sentence_encoder(self.index))
        return Engine(self.store, self.index, dataclasses.replace(self.recipe, answer=settings), self._reranker, reader)

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
            As for :meth:`as_read`.
        QuestionCancelledError
            It was given up.
        """
        asked = question if isinstance(question, Question) else Question(question, type=type)
        clock = Clock()
        as_read, candidates = self._found(asked, allowed, clock, on_stage, cancel or Cancel())
        answer, clock.timings_ms["read"] = timed(lambda: self.read(as_read, candidates, 0))
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
        clock = Clock()

        def find(tell: OnStage, cancel: Cancel) -> ReadyToRead:
            return self._found(question, allowed, clock, tell, cancel)

        async with contextlib.aclosing(told(find, run)) as stages:
            async for stage in stages:
                if isinstance(stage, StageDone):
                    yield stage
                else:
                    as_read, candidates = stage
        began = time.perf_counter()
        async with contextlib.aclosing((read or self.read_stream)(as_read, candidates)) as items:
            async for item in items:
                if isinstance(item, Answer):
                    clock.timings_ms["read"] = ms_since(began)
                    yield StageDone("read", clock.timings_ms["read"], n_cited(item))
                    item = clock.on(item)  # noqa: PLW2901 - the same answer, timed
                yield item

    def _found(
        self, question: Question, allowed: Filter, clock: Clock, on_stage: OnStage | None, cancel: Cancel
    ) -> ReadyToRead:
        """The stages before reading; between them it is asked whether anybody still waits."""
        cancel.check()
        asked, n_documents = self.as_read(question, allowed), self.recipe.answer.n_documents
        found = self.retrieve([asked], n_documents, clock.timings_ms)
        if on_stage is not None:
            on_stage(StageDone("retrieve", ms_since(clock.began), int((found.rows[0] >= 0).sum())))
        cancel.check()
        ordered, clock.timings_ms["rerank"] = timed(lambda: self.rerank([asked], found))
        cancel.check()
        if on_stage is not None:
            best = self.store.read(found_rows(ordered, 0, n_documents))
            documents = tuple(FoundDocument(document.id, title_of(document), document.year) for document in best)
            on_stage(StageDone("rerank", round(clock.timings_ms["rerank"], 3), len(documents), documents))
        return asked, ordered

    def read(self, question: AsRead, candidates: Candidates, query: int) -> Answer:
        """Third stage: the answer to the question whose candidates are at place ``query``, quotes checked.

        A reader that searches several times gets the candidates where it searches for the question itself; its other
        searches keep to what may be found for the question.
        """
        return self._reading.read(question, candidates, query)

    def read_documents(self, question: AsRead, documents: Sequence[Document], hits: Sequence[Hit]) -> Answer:
        """The answer to a question from given documents and the hits that stand for them, quotes checked."""
        return self._reading.read_documents(question, documents, hits)

    def read_stream(
        self, question: AsRead, candidates: Candidates, query: int = 0
    ) -> AsyncGenerator[Statement | Answer, None]:
        """As :meth:`read`: each statement as soon as the reader has written it, and last the whole answer.

        A reader that does not stream works in a thread and gives its statements at the end.
        """
        return self._reading.stream(question, candidates, query)

    async def rewrite(self, message: str, earlier: Sequence[Turn]) -> str | None:
        """The message as a question that stands alone, by the reader's language model; "" where it cannot tell.

        None where the reader has no language model.

        Raises
        ------
        EndpointError
            The model cannot be reached or refuses.
        """
        reader = self._reading.reader
        return await reader.rewrite(message, earlier) if isinstance(reader, RewritingReader) else None

    def related(self, question: str, n: int = 5, allowed: Filter = Filter()) -> tuple[RelatedQuestion, ...]:
        """At most ``n`` questions that the titles of the nearest articles ask; raises as :meth:`search_batch`."""
        asked = self.as_read(question, allowed)
        candidates = self.retrieve_whole([asked], _TITLES_READ)
        return related(question, self.store.read(found_rows(candidates, 0, _TITLES_READ)), n)

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

    def candidates_for_claims(self, claims: Sequence[str], k: int) -> Candidates:
        """What is found by the words of each claim and by those of its opposite, together in one order."""
        return candidates_for_claims(self, claims, k)

    def find_for_claims(self, claims: Sequence[str], k: int) -> list[list[Document]]:
        """The ``k`` articles for each claim that say most of it, for or against it, best first."""
        found = self.candidates_for_claims(claims, k)
        return [self.store.read(found_rows(found, place, k)) for place in range(len(claims))]

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sentence_encoder(index: Index) -> Callable[[Sequence[str]], np.ndarray] | None:
    """The index's encoder, as readers use it for single sentences; None where the index has none."""
    dense = index.dense
    if dense is None:
        return None
    return lambda sentences: dense.encode_passages([("", sentence) for sentence in sentences])
