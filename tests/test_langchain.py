"""ragqa in LangChain and LangChain's chat models in ragqa, without a server: the adapters themselves."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable

import ragqa
from ragqa.engine import Engine
from ragqa.langchain import AnswerRunnable, CheckRunnable, RagqaRetriever, with_chat_model
from ragqa.types import Answer, Filter, Question

QUESTION = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
OTHER = "Is halofantrine ototoxic?"


@pytest.fixture
def engine(sample_home: Path) -> Iterator[Engine]:
    with ragqa.open("sample", ["rerank.reranker=none"]) as opened:
        yield opened


class Recorder(BaseCallbackHandler):
    """What LangChain's tracing is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_retriever_start(self, *_: Any, **__: Any) -> None:
        self.seen.append("retriever")

    def on_chain_start(self, *_: Any, **__: Any) -> None:
        self.seen.append("chain")


def test_the_retriever_gives_what_search_gives(engine: Engine) -> None:
    retriever = RagqaRetriever(engine=engine, k=4)
    recorder = Recorder()

    documents = retriever.invoke(QUESTION, config={"callbacks": [recorder]})

    hits = engine.search(QUESTION, 4)
    assert isinstance(retriever, BaseRetriever)
    assert [document.id for document in documents] == [hit.document_id for hit in hits]
    assert [document.metadata["score"] for document in documents] == [hit.score for hit in hits]
    assert all(document.page_content.startswith(document.metadata["title"]) for document in documents)
    assert recorder.seen == ["retriever"]


def test_the_retriever_works_in_batches_and_asynchronously(engine: Engine) -> None:
    retriever = RagqaRetriever(engine=engine, k=2)

    batch = retriever.batch([QUESTION, OTHER])

    assert asyncio.run(retriever.abatch([QUESTION, OTHER])) == batch
    assert asyncio.run(retriever.ainvoke(OTHER)) == batch[1]


def test_the_retriever_filters(engine: Engine) -> None:
    documents = RagqaRetriever(engine=engine, k=50, allowed=Filter(not_retracted=True)).invoke(QUESTION)

    assert documents
    assert not any(document.metadata["retracted"] for document in documents)


def test_the_runnable_answers_in_every_way(engine: Engine) -> None:
    runnable = AnswerRunnable(engine)
    recorder = Recorder()

    one = runnable.invoke(QUESTION, config={"callbacks": [recorder]})

    assert isinstance(runnable, Runnable)
    assert recorder.seen == ["chain"]
    assert isinstance(one["answer"], Answer)
    assert one["statements"] == list(one["answer"].statements)
    assert plain(asyncio.run(runnable.ainvoke(QUESTION))) == plain(one)
    assert next(plain(output) for output in runnable.batch([QUESTION, Question(OTHER, "q2")])) == plain(one)
    assert plain(asyncio.run(runnable.abatch([QUESTION]))[0]) == plain(one)


def test_a_stream_adds_up_to_the_answer(engine: Engine) -> None:
    runnable = AnswerRunnable(engine)

    async def read() -> list[Any]:
        return [chunk async for chunk in runnable.astream(QUESTION)]

    for chunks in (list(runnable.stream(QUESTION)), asyncio.run(read())):
        assert len(chunks) >= 3
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole = whole + chunk
        assert plain(whole) == plain(runnable.invoke(QUESTION))


def test_texts_are_checked_by_a_runnable(engine: Engine) -> None:
    claim = "Preoperative statins reduce the risk of atrial fibrillation after coronary artery bypass surgery."
    (checked,) = CheckRunnable(engine).batch([claim])
    assert [one.verdict for one in checked.claims] == ["supported"]


def test_the_runnable_is_part_of_a_chain(engine: Engine) -> None:
    chain = AnswerRunnable(engine) | (lambda output: output["answer"].verdict)

    assert chain.invoke(QUESTION) in {"yes", "no", "maybe"}


def test_a_langchain_model_answers_and_its_citations_are_checked(engine: Engine) -> None:
    document = engine.store.read([engine.search(QUESTION, 1)[0].row])[0]
    quote = document.sections[1].text
    said = {
        "answerable": True,
        "statements": [
            {"text": quote[: quote.index(".") + 1], "sources": [1, 99]},
            {"text": "Zebras invented penicillin on the moon.", "sources": [1]},
        ],
    }
    model = FakeListChatModel(responses=["<think>Let me see.</think>yes", json.dumps(said)])

    answer = with_chat_model(engine, model).ask(QUESTION, type="yesno")

    assert answer.verdict == "yes"
    assert answer.verdict_probabilities["yes"] == 1.0
    (statement,) = answer.statements
    assert statement.spans[0].document_id == document.id
    assert [source.document_id for source in answer.sources if source.cited] == [document.id]
    assert {"citation_removed", "unsupported"} <= {notice.kind for notice in answer.notices}
    assert answer.generation is not None
    assert answer.generation.reasoning == ("Let me see.",)
    assert answer.generation.n_citations_removed == 2
    assert "Let me see" not in answer.text


def test_nothing_supported_means_abstaining_without_citations(engine: Engine) -> None:
    said = {"answerable": True, "statements": [{"text": "Zebras invented penicillin on the moon.", "sources": [1]}]}
    model = FakeListChatModel(responses=["yes", json.dumps(said)])

    answer = with_chat_model(engine, model).ask(QUESTION, type="yesno")

    assert answer.abstained
    assert answer.reason == "No statement of the generator is supported by the sources that it cites."
    assert (answer.statements, answer.verdict, answer.text) == ((), None, "")
    assert not any(source.cited for source in answer.sources)


def test_a_false_presupposition_is_said_in_the_answer(engine: Engine) -> None:
    document = engine.store.read([engine.search(QUESTION, 1)[0].row])[0]
    text = document.sections[1].text
    correction = {"statements": [{"text": text[: text.index(".") + 1], "sources": [1]}]}
    replies = ["yes", json.dumps(correction), "no", json.dumps({"answerable": True, **correction})]
    asking = ragqa.open("sample", ["rerank.reranker=none", "answer.chat.check_presuppositions=true"])

    with asking:
        answer = with_chat_model(asking, FakeListChatModel(responses=replies)).ask(QUESTION, type="yesno")

    assert answer.notices[0].kind == "false_presupposition"
    assert answer.statements[0].spans


def plain(output: Any) -> Any:
    """An output without what differs from call to call."""
    answer = output["answer"]
    return output["text"], answer.verdict, answer.statements, answer.exact_answers
