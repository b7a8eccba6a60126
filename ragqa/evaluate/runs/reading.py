"""The reading stage of a batch: answers from what was retrieved or given, with the texts that they cite."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from typing import cast

from ragqa.answer.reader import answering
from ragqa.corpus.text import section_text
from ragqa.errors import RagqaError
from ragqa.evaluate.measures.bioasq.question import BioasqSnippet
from ragqa.evaluate.runs.choice import chosen_letter
from ragqa.evaluate.runs.labelling import Labeller, labeller_of
from ragqa.evaluate.runs.lines import CitedSection, QuestionLine, RunHits
from ragqa.evaluate.runs.stages import Pipeline, Stages
from ragqa.evaluate.runs.with_evidence import labelled, labelled_each
from ragqa.evaluate.tasks.formats.bioasq import bioasq_snippet
from ragqa.evaluate.tasks.outcomes import LabelOutcome, SearchOutcome
from ragqa.retrieve.fuse import Candidates
from ragqa.retrieve.retriever import found_rows
from ragqa.types import Answer, Document, Hit, Proposition, Question, SearchStep


@dataclass(frozen=True, slots=True)
class Item:
    """A question as the loop works on it.

    Attributes
    ----------
    question
        What the reader is asked, with the question's id.
    query
        What is searched for; "" where the documents are given.
    documents
        Given documents, in place of retrieved ones.
    options
        Multiple choice: letter → text.
    proposition
        A claim, or a question on a trial, that is to be labelled instead of answered.
    labeller
        What labels it; None: the pipeline's reader.
    keeps_searches
        Whether it is told how the question was searched for, even if that was once.
    """

    question: Question
    query: str = ""
    documents: tuple[Document, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    proposition: Proposition | None = None
    labeller: Labeller | None = None
    keeps_searches: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The candidates of those questions of a batch that were searched for, in their final order."""

    items: Sequence[Item]
    candidates: Candidates
    timings_ms: Mapping[str, float]


def finished(line: QuestionLine, error: RagqaError | None) -> tuple[QuestionLine, RagqaError | None]:
    """The line as it is written, and what went wrong."""
    rounded = {stage: round(value, 4) for stage, value in line.timings_ms.items()}
    return replace(line, timings_ms=rounded, error=f"{type(error).__name__}: {error}" if error else ""), error


class Reading:
    """The third stage of a batch."""

    def __init__(
        self, stages: Stages, pipeline: Pipeline, found: Found | None, errors: Mapping[str, RagqaError]
    ) -> None:
        self._stages, self._pipeline, self._found, self._errors = stages, pipeline, found, errors
        self._places = {item.question.id: place for place, item in enumerate(found.items)} if found else {}

    def all(
        self, items: Sequence[Item], lines: Sequence[QuestionLine], seconds: dict[str, float]
    ) -> Iterator[tuple[QuestionLine, RagqaError | None]]:
        """Finished lines, each as soon as it is done."""
        n_threads = _requests_in_flight(self._pipeline)
        if n_threads == 1:
            for item, line in zip(items, lines, strict=True):
                done, error = self._one(item, line)
                for stage in ("read", "choose"):
                    seconds[stage] += done.timings_ms.get(stage, 0.0) / 1000
                yield done, error
            return
        began = time.perf_counter()
        with ThreadPoolExecutor(max_workers=n_threads) as threads:
            futures = [threads.submit(self._one, item, line) for item, line in zip(items, lines, strict=True)]
            try:
                # As they come: a slow question must not keep finished ones from the disk.
                for future in as_completed(futures):
                    yield future.result()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
        seconds["read"] += time.perf_counter() - began

    def _one(self, item: Item, line: QuestionLine) -> tuple[QuestionLine, RagqaError | None]:
        if line.id in self._errors:
            return finished(line, self._errors[line.id])
        if item.proposition is not None:
            return self._label(item, item.proposition, line)
        try:
            result = self._stages.read(self._pipeline, line.id, lambda: self._answer(item))
        except RagqaError as error:
            return finished(line, error)
        answer = cast("Answer", result.value)
        if answer.searches or item.keeps_searches:
            line = replace(line, searched=searched(answer, item.query))
        if answer.searches:
            line = replace(line, hits=_hits(answer))
        answer = replace(answer, hits=(), searches=())
        cited, snippets = self._cited(answer, item)
        timings = {**line.timings_ms, **result.timings_ms}
        done = replace(line, answer=answer, cited=cited, snippets=snippets, timings_ms=timings)
        if not item.options:
            return finished(done, None)
        began = time.perf_counter()
        try:
            letter = self._choice(item, answer, done)
        except RagqaError as error:
            return finished(line, error)
        milliseconds = (time.perf_counter() - began) * 1000
        return finished(replace(done, choice=letter, timings_ms={**timings, "choose": milliseconds}), None)

    def _label(
        self, item: Item, proposition: Proposition, line: QuestionLine
    ) -> tuple[QuestionLine, RagqaError | None]:
        labeller = item.labeller or labeller_of(answering(self._pipeline.reader))
        label = labelled_each if item.query else labelled
        try:
            documents = self._documents(item)
            result = self._stages.read(self._pipeline, line.id, lambda: label(labeller, proposition, documents))
        except RagqaError as error:
            return finished(line, error)
        timings = {**line.timings_ms, **result.timings_ms}
        return finished(replace(line, labelled=cast("LabelOutcome", result.value), timings_ms=timings), None)

    def _choice(self, item: Item, answer: Answer, line: QuestionLine) -> str | None:
        documents = self._documents(item)
        if line.searched is not None and item.query:
            n_documents = self._pipeline.engine.recipe.answer.n_documents
            documents = self._stages.store.read(self._stages.store.find(line.searched.retrieved[:n_documents]))
        return chosen_letter(answering(self._pipeline.reader), item.question, item.options, documents, answer)

    def _documents(self, item: Item) -> Sequence[Document]:
        """What the reader is given: the documents retrieved, or those of the item."""
        place = self._places.get(item.question.id)
        if place is None or self._found is None:
            return item.documents
        n_documents = self._pipeline.engine.recipe.answer.n_documents
        return self._stages.store.read(found_rows(self._found.candidates, place, n_documents))

    def _cited(self, answer: Answer, item: Item) -> tuple[list[CitedSection], list[BioasqSnippet]]:
        """The sections that the statements cite, and the cited spans as BioASQ's snippets."""
        spans = list(dict.fromkeys(span for statement in answer.statements for span in statement.spans))
        store = self._stages.store
        documents = {document.id: document for document in item.documents}
        if not documents and spans:
            rows = store.find(list(dict.fromkeys(span.document_id for span in spans)))
            documents = {document.id: document for document in store.read(rows[rows >= 0])}
        cited = []
        for document_id, name in dict.fromkeys((span.document_id, span.section) for span in spans):
            text = section_text(documents[document_id], name) if document_id in documents else None
            if text is not None:
                cited.append(CitedSection(document_id, name, text))
        known = {(section.document_id, section.section) for section in cited}
        there = [span for span in spans if (span.document_id, span.section) in known]
        return cited, [bioasq_snippet(span, documents[span.document_id]) for span in there]

    def _answer(self, item: Item) -> Answer:
        engine = self._pipeline.engine
        question = engine.as_read(item.question)
        place = self._places.get(item.question.id)
        if place is not None and self._found is not None:
            return engine.read(question, self._found.candidates, place)
        given = [Hit(document.id, -1, rank, 0.0) for rank, document in enumerate(item.documents, start=1)]
        return engine.read_documents(question, item.documents, given)


def searched(answer: Answer, query: str) -> SearchOutcome:
    """How an answer was searched for: as its reader did, or once, for the documents that it was given."""
    retrieved = [hit.document_id for hit in answer.hits]
    steps = list(answer.searches) or [SearchStep(query, tuple(retrieved))]
    return SearchOutcome(len(steps), retrieved, cited_documents(answer), steps)


def cited_documents(answer: Answer) -> list[str]:
    """The documents that an answer cites, once each: of its statements, then of its first exact answer."""
    spans = [span for statement in answer.statements for span in statement.spans]
    spans += [span for exact in answer.exact_answers[:1] for span in exact.spans]
    return list(dict.fromkeys(span.document_id for span in spans))


def _hits(answer: Answer) -> RunHits:
    stages = sorted({stage for hit in answer.hits for stage in hit.scores})
    return RunHits(
        [hit.document_id for hit in answer.hits],
        [hit.score for hit in answer.hits],
        {stage: [hit.scores.get(stage) for hit in answer.hits] for stage in stages},
    )


def _requests_in_flight(pipeline: Pipeline) -> int:
    """How many questions are read at once: as many as a generator's endpoint may get, else one."""
    n_at_once: int = getattr(pipeline.reader, "in_flight", 1)
    return n_at_once
