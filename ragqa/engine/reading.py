"""The last stage: an answer from the documents found, its quotes checked, with what must be told beside it."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable, Sequence

from ragqa.answer import notices
from ragqa.answer.as_read import AsRead
from ragqa.answer.citations import check_quotes
from ragqa.answer.compose import compose
from ragqa.answer.reader import Reader, SearchingReader
from ragqa.answer.reading import Reading
from ragqa.answer.stream import StreamingReader
from ragqa.answer.unknown import not_in, refusal, unmentioned_names
from ragqa.engine.searcher import Searcher
from ragqa.errors import ProductError
from ragqa.retrieve.fuse import Candidates
from ragqa.retrieve.retriever import found_rows, hits_of
from ragqa.retrieve.trail import Trail
from ragqa.stages import Cancel
from ragqa.study.read import studies_of
from ragqa.types import Answer, Document, Hit, Statement

ReadCandidates = Callable[[AsRead, Candidates], AsyncGenerator[Statement | Answer, None]]
"""Reads the candidates of the one question: each statement as it is written, and last the answer."""


class ReadingStage:
    """A reader with the index whose documents it reads. Threads may share it."""

    def __init__(self, searcher: Searcher, reader: Reader) -> None:
        self.reader = reader
        self._searcher = searcher
        self._n_documents = searcher.recipe.answer.n_documents

    def read(self, question: AsRead, candidates: Candidates, query: int, cancel: Cancel | None = None) -> Answer:
        """The answer to the question whose candidates are at place ``query``.

        A reader that searches for itself asks ``cancel`` before each search whether anybody still waits.
        """
        if isinstance(self.reader, SearchingReader):
            return self._read_searching(self.reader, question, candidates, query, cancel or Cancel())
        hits, documents = self._given(candidates, query, self._n_documents)
        return self._whole(self.read_documents(question, documents, hits), candidates.unsearched)

    def read_documents(self, question: AsRead, documents: Sequence[Document], hits: Sequence[Hit]) -> Answer:
        """The answer from given documents and the hits that stand for them."""
        unknown = not_in(documents, question.unknown)
        reading = refusal(question.read, unknown)
        reading = reading or self.reader.read(question.read, documents, [hit.score for hit in hits])
        return self._checked(question, reading, documents, hits, unknown)

    async def stream(
        self, question: AsRead, candidates: Candidates, query: int
    ) -> AsyncGenerator[Statement | Answer, None]:
        """As :meth:`read`, told as it is written; a reader that does not stream works in a thread."""
        if not isinstance(self.reader, StreamingReader):
            cancel = Cancel()
            try:
                answer = await asyncio.to_thread(self.read, question, candidates, query, cancel)
            finally:
                cancel.cancel()
            for statement in answer.statements:
                yield statement
            yield answer
            return
        hits, documents = self._given(candidates, query, self._n_documents)
        unknown = not_in(documents, question.unknown)
        if refused := refusal(question.read, unknown):
            yield self._whole(self._checked(question, refused, documents, hits, unknown), candidates.unsearched)
            return
        async for item in self.reader.stream(question.read, documents, [hit.score for hit in hits]):
            if isinstance(item, Statement):
                yield item
            else:
                yield self._whole(self._checked(question, item, documents, hits, unknown), candidates.unsearched)

    def _read_searching(
        self, reader: SearchingReader, question: AsRead, candidates: Candidates, query: int, cancel: Cancel
    ) -> Answer:
        searcher, unsearched = self._searcher, list(candidates.unsearched)

        def fetch(text: str, k: int) -> tuple[Sequence[Hit], Sequence[Document]]:
            cancel.check()
            if text in {question.asked.text, question.read.text} and len(found_rows(candidates, query, k)) == k:
                return self._given(candidates, query, k)
            also = [searcher.also_searched(question, text)]
            found = searcher.rerank(also, searcher.retrieve(also, k))
            unsearched.extend(found.unsearched)
            return self._given(found, 0, k)

        trail = Trail(fetch)
        reading = reader.read_searching(question.read, trail.search)
        hits, documents = trail.merged()
        answer = self._checked(question, reading, documents, hits, not_in(documents, question.unknown))
        return self._whole(dataclasses.replace(answer, searches=tuple(trail.steps)), unsearched)

    def _given(self, candidates: Candidates, query: int, k: int) -> tuple[tuple[Hit, ...], list[Document]]:
        """The first ``k`` candidates of a question as hits, and their documents."""
        documents = self._searcher.store.read(found_rows(candidates, query, k))
        return hits_of(candidates, query, [document.id for document in documents]), documents

    def _checked(
        self,
        question: AsRead,
        reading: Reading,
        documents: Sequence[Document],
        hits: Sequence[Hit],
        unknown: Sequence[str],
    ) -> Answer:
        """The answer that a reading makes; ``unknown`` are the words that these documents do not have, either."""
        answer = compose(question.asked, reading, hits, documents, self._searcher.index.manifest_hash)
        told = [notices.unknown(unknown, answered=True)] if unknown and not reading.abstained else []
        unmentioned = [name for name in unmentioned_names(question.read.text, documents) if name not in unknown]
        if unmentioned and not reading.abstained:
            told.append(notices.unmentioned(unmentioned, len(documents)))
        told += [notices.normalised(question.changes)] if question.changes else []
        answer = dataclasses.replace(answer, studies=studies_of(answer, documents), notices=(*told, *answer.notices))
        by_id = {document.id: document for document in documents}
        if wrong := check_quotes(answer, by_id.__getitem__):
            raise ProductError(f"the reader quoted words that are not in their article: {'; '.join(wrong)}")
        return answer

    def _whole(self, answer: Answer, unsearched: Sequence[tuple[int, int]]) -> Answer:
        """The answer, with a notice of the rows that were not searched for it."""
        if not unsearched:
            return answer
        notice = notices.partly_searched(unsearched, self._searcher.store.n_rows)
        return dataclasses.replace(answer, notices=(notice, *answer.notices))
