"""The one way from a question to an answer, whole and told as it happens."""

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator, Sequence

import pytest

from ragqa.answer.extractive.reader import ExtractiveReader
from ragqa.answer.reading import Reading
from ragqa.engine import Engine
from ragqa.recipe import AnswerSettings
from ragqa.stages import Cancel, QuestionCancelledError, StageDone
from ragqa.types import Answer, Document, Question, Statement

QUESTION = "Do statins prevent atrial fibrillation?"


@pytest.fixture(scope="module")
def engine(built_sample):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(built_sample))
        with Engine.open("sample") as opened:
            yield opened


def without_timings(answer: Answer) -> Answer:
    return dataclasses.replace(answer, timings_ms={})


def test_a_stream_tells_every_stage_and_statement_and_ends_with_the_answer_of_ask(engine: Engine) -> None:
    async def all_items() -> list[StageDone | Statement | Answer]:
        return [item async for item in engine.stream(Question(QUESTION))]

    items = asyncio.run(all_items())
    stages = [item for item in items if isinstance(item, StageDone)]
    assert [stage.name for stage in stages] == ["retrieve", "rerank", "read"]
    assert stages[1].documents
    *_, answer = items
    assert isinstance(answer, Answer)
    assert tuple(item for item in items if isinstance(item, Statement)) == answer.statements
    told = []
    asked = engine.ask(QUESTION, on_stage=told.append)
    assert without_timings(asked) == without_timings(answer)
    assert [(stage.name, stage.n_documents, stage.documents) for stage in told] == [
        (stage.name, stage.n_documents, stage.documents) for stage in stages
    ]
    assert answer.timings_ms.keys() == asked.timings_ms.keys()


def test_a_question_that_is_given_up_stops_before_its_next_stage(engine: Engine) -> None:
    cancel, told = Cancel(), []

    def leave_after_the_first(stage: StageDone) -> None:
        told.append(stage.name)
        cancel.cancel()

    with pytest.raises(QuestionCancelledError):
        engine.ask(QUESTION, on_stage=leave_after_the_first, cancel=cancel)
    assert told == ["retrieve"]


def test_a_stream_that_is_closed_early_does_not_begin_the_next_stage(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, ended, reranked = threading.Event(), threading.Event(), []
    real, rerank = engine.retrieve, engine.rerank

    def slow_retrieve(*arguments, **options):
        go_on.wait(10)
        try:
            return real(*arguments, **options)
        finally:
            ended.set()

    monkeypatch.setattr(engine, "retrieve", slow_retrieve)
    monkeypatch.setattr(engine, "rerank", lambda *arguments: (reranked.append(1), rerank(*arguments))[1])

    async def leave() -> None:
        items = engine.stream(Question(QUESTION))
        waiting = asyncio.create_task(anext(items))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await items.aclose()
        go_on.set()
        await asyncio.to_thread(ended.wait, 10)

    asyncio.run(leave())  # it ends only when the thread has ended
    assert ended.is_set()
    assert reranked == []


def test_an_error_of_a_stage_reaches_whoever_reads_the_stream(engine: Engine) -> None:
    async def ask() -> None:
        async for _ in engine.stream(Question("  ")):
            pass

    with pytest.raises(Exception, match="the question is empty"):
        asyncio.run(ask())


class Streaming:
    """The extractive reader, which gives its statements one by one."""

    def __init__(self, settings: AnswerSettings) -> None:
        self.read = ExtractiveReader.open(settings).read

    async def stream(
        self, question: Question, documents: Sequence[Document], scores: Sequence[float]
    ) -> AsyncIterator[Statement | Reading]:
        reading = self.read(question, documents, scores)
        for statement in reading.statements:
            yield statement
        yield reading


@pytest.mark.parametrize(
    ("question", "abstains"),
    [("Do preoperative statins reduce AF after CABG?", False), ("Does COVID-19 kill children with asthma?", True)],
)
def test_a_reader_that_streams_answers_as_one_that_does_not(engine: Engine, question: str, abstains: bool) -> None:
    streaming = engine.with_reader(engine.recipe.answer, Streaming(engine.recipe.answer))

    async def all_items() -> list[StageDone | Statement | Answer]:
        return [item async for item in streaming.stream(Question(question))]

    items = asyncio.run(all_items())
    answer = items[-1]
    assert isinstance(answer, Answer)
    assert answer.abstained is abstains
    assert tuple(item for item in items if isinstance(item, Statement)) == answer.statements
    assert without_timings(answer) == without_timings(engine.ask(question))
