"""The reader ``iterative``: searches several times, then lets another reader answer from all that was found."""

from collections.abc import Sequence
from dataclasses import replace

from ragqa.answer.chat.conversation import Spent
from ragqa.answer.extractive.evidence import gather
from ragqa.answer.iterative.feedback import FeedbackQueries
from ragqa.answer.iterative.queries import QueryWriter, Weighed
from ragqa.answer.question import AskedFor, analyse
from ragqa.answer.reader import Reader, open_reader
from ragqa.answer.reading import Encode, Reading, check_input
from ragqa.errors import UsageError
from ragqa.reader.model import open_model
from ragqa.recipe import AnswerSettings
from ragqa.retrieve.trail import Found, Search
from ragqa.types import Document, Generation, Question

NAME = "iterative"


class IterativeReader:
    """Searches for the question, then for what each find suggests, until nothing new deals with the question.

    It may be shared between threads as far as the reader that answers in the end may.

    Attributes
    ----------
    in_flight
        Questions that may be read at once.
    inner
        The reader that answers in the end.
    """

    def __init__(self, settings: AnswerSettings, reader: Reader, writer: QueryWriter) -> None:
        self.settings = settings
        self.in_flight: int = max(getattr(reader, "in_flight", 1), writer.in_flight)
        self.inner = reader
        self._writer = writer

    @classmethod
    def open(cls, settings: AnswerSettings, encode: Encode | None = None) -> "IterativeReader":
        """Open the reader that answers in the end, and what writes the queries.

        Raises
        ------
        UsageError
            There is no reader of that name, or it is this one.
        """
        own = settings.iterative
        if own.reader == NAME:
            raise UsageError(
                f"answer.iterative.reader = {NAME!r} is the reader itself; name one that answers from what was found, "
                "for example answer.iterative.reader=extractive"
            )
        reader = open_reader(replace(settings, reader=own.reader), encode)
        return cls(settings, reader, _writer(settings))

    def read(self, question: Question, documents: Sequence[Document], scores: Sequence[float]) -> Reading:
        """Answer a question from given documents: nothing is searched for."""
        return self.inner.read(question, documents, scores)

    def read_searching(self, question: Question, search: Search) -> Reading:
        """Answer a question from what several searches bring.

        The first query is the question. A further search that brings no document whose fit reaches
        ``answer.abstain_below`` is the last. The ``answer.n_documents`` that fit the question best are read.

        Raises
        ------
        UsageError
            The question is empty.
        EndpointError
            A language model that writes the queries, or answers, cannot be reached.
        """
        check_input(question, (), ())
        own, asked, spent = self.settings.iterative, analyse(question), Spent()
        queries, seen = [question.text], dict[str, Weighed]()
        while True:
            found = self._weighed(asked, search(queries[-1], own.n_hits, seen.keys()))
            seen.update((one.document.id, one) for one in found)
            fits = any(one.fit >= self.settings.abstain_below for one in found)
            if len(queries) == own.n_searches or not found or (len(queries) > 1 and not fits):
                break
            query = self._writer.next_query(question, queries, list(seen.values()), spent)
            if not query or query in queries:
                break
            queries.append(query)
        best = sorted(seen.values(), key=lambda one: -one.fit)[: self.settings.n_documents]
        reading = self.inner.read(question, [one.document for one in best], [one.fit for one in best])
        return _with_spent(reading, spent, self._writer.prompts_hash) if spent.n_requests else reading

    def _weighed(self, asked: AskedFor, found: Found) -> list[Weighed]:
        read = gather(open_model(), asked, found.documents, allow_retracted=self.settings.allow_retracted).documents
        return [Weighed(document, said.relevance) for document, said in zip(found.documents, read, strict=True)]


def _writer(settings: AnswerSettings) -> QueryWriter:
    if settings.iterative.queries == "feedback":
        return FeedbackQueries(settings.iterative.n_terms)
    from ragqa.answer.iterative.generator import GeneratorQueries

    return GeneratorQueries.open(settings.chat)


def _with_spent(reading: Reading, spent: Spent, prompts_hash: str) -> Reading:
    """The reading with what was spent on queries added to what was spent on the answer."""
    on_answer = reading.generation or Generation(prompts_hash=prompts_hash)
    return replace(
        reading,
        generation=replace(
            on_answer,
            models=tuple(dict.fromkeys([*spent.models, *on_answer.models])),
            n_requests=spent.n_requests + on_answer.n_requests,
            prompt_tokens=spent.prompt_tokens + on_answer.prompt_tokens,
            completion_tokens=spent.completion_tokens + on_answer.completion_tokens,
            reasoning=(*spent.reasoning, *on_answer.reasoning),
        ),
    )
