"""ragqa in LangChain and LangChain's chat models in ragqa, without a server: the adapters themselves."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolCall
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnablePassthrough

import ragqa
from ragqa.engine import Engine
from ragqa.errors import UsageError
from ragqa.langchain import AnswerRunnable, CheckRunnable, RagqaRetriever, with_chat_model
from ragqa.langchain.inputs import asked_of
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


@pytest.mark.parametrize(
    "given",
    [
        {"question": QUESTION, "context": "passed over"},
        {"input": QUESTION, "chat_history": []},
        {"query": QUESTION},
        {"messages": [HumanMessage(QUESTION)]},
        HumanMessage(QUESTION),
        [SystemMessage("Be brief."), HumanMessage(QUESTION)],
        [("system", "Be brief."), ("human", QUESTION)],
        [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
        ChatPromptTemplate([("human", "{question}")]).invoke({"question": QUESTION}),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_question_comes_in_every_form_that_chains_have(engine: Engine, given: Any) -> None:
    runnable = AnswerRunnable(engine)
    wanted = plain(runnable.invoke(QUESTION))

    assert plain(runnable.invoke(given)) == wanted
    assert list(runnable.stream(given))[-1]["answer"].question.text == QUESTION


def test_an_id_that_is_none_is_none() -> None:
    assert asked_of({"question": "Is it?", "id": None}).question.id == ""
    assert asked_of({"question": "Is it?", "id": 7}).question.id == "7"


def test_what_holds_no_question_is_refused_in_words(engine: Engine) -> None:
    for given, message in (
        ({"topic": "statins"}, "its keys are 'topic'; give it as 'question'"),
        ([SystemMessage("Be brief.")], "no message of a user"),
        (7, "cannot read a int from a chain"),
        ({"question": QUESTION, "type": "poem"}, "type is 'poem'"),
        ("  ", "the question is empty"),
    ):
        with pytest.raises(UsageError, match=message):
            AnswerRunnable(engine).invoke(given)  # type: ignore[arg-type]


def test_a_message_that_leans_on_earlier_ones_is_completed_or_asked_back(engine: Engine) -> None:
    runnable = AnswerRunnable(engine)
    before = [HumanMessage(QUESTION), AIMessage("Probably yes.")]

    completed = runnable.invoke([*before, HumanMessage("And in women?")])["answer"]
    asked_back = runnable.invoke({"input": "What about aspirin?", "chat_history": before})["answer"]

    assert [notice.kind for notice in completed.notices][:1] == ["completed"]
    assert "women" in completed.question.text
    assert "atrial fibrillation" in completed.question.text
    assert asked_back.abstained
    assert [notice.kind for notice in asked_back.notices] == ["asked_back"]
    streamed = list(runnable.stream([*before, HumanMessage("And in women?")]))
    assert streamed[-1]["answer"].notices == completed.notices
    assert plain(runnable.invoke([*before, HumanMessage(OTHER)])) == plain(runnable.invoke(OTHER))


def test_streams_work_where_an_event_loop_runs_as_in_a_notebook(engine: Engine) -> None:
    runnable = AnswerRunnable(engine)

    async def notebook() -> tuple[list[Any], list[Any], Any]:
        return (
            list(runnable.stream({"question": QUESTION})),
            [chunk async for chunk in runnable.astream([HumanMessage(QUESTION)])],
            runnable.invoke([HumanMessage(QUESTION), AIMessage("Yes."), HumanMessage("And in women?")]),
        )

    chunks, achunks, completed = asyncio.run(notebook())

    assert [chunk["text"] for chunk in chunks[:-1]] == [chunk["text"] for chunk in achunks[:-1]]
    assert plain(chunks[-1] | {"text": ""}) == plain(achunks[-1] | {"text": ""})
    assert completed["answer"].notices[0].kind == "completed"


def test_a_stream_that_is_left_early_leaves_no_thread(engine: Engine) -> None:
    stream = AnswerRunnable(engine).stream(QUESTION)
    next(stream)
    assert any(thread.name.startswith("ragqa-stream") for thread in threading.enumerate())

    stream.close()  # type: ignore[attr-defined]

    assert not any(thread.name.startswith("ragqa-stream") for thread in threading.enumerate())


def test_a_model_calls_the_engine_as_a_tool(engine: Engine) -> None:
    tool = AnswerRunnable(engine).as_tool()
    call = ToolCall(name=tool.name, args={"question": QUESTION, "type": "yesno"}, id="1", type="tool_call")

    message = tool.invoke(call)

    assert tool.args["question"]["type"] == "string"
    assert tool.tool_call_schema.model_json_schema()["required"] == ["question"]  # type: ignore[union-attr]
    answer = message.artifact["answer"]
    assert answer.verdict == "yes"
    assert answer.statements[0].text[:20] in message.content
    assert answer.sources[0].document_id in message.content
    assert asyncio.run(tool.ainvoke(call)).content == message.content
    refused = tool.invoke({**call, "args": {"question": " "}})
    assert "the question is empty" in refused.content


def test_a_model_has_a_text_checked_by_a_tool(engine: Engine) -> None:
    claim = "Preoperative statins reduce the risk of atrial fibrillation after coronary artery bypass surgery."

    message = (
        CheckRunnable(engine)
        .as_tool(name="check")
        .invoke(ToolCall(name="check", args={"text": claim}, id="1", type="tool_call"))
    )

    assert [one.verdict for one in message.artifact.claims] == ["supported"]
    assert claim[:30] in message.content


def test_the_forms_of_input_and_output_are_json_schemas(engine: Engine) -> None:
    runnable = AnswerRunnable(engine)
    output = runnable.invoke(QUESTION)

    schema = runnable.get_output_jsonschema()

    assert set(schema["properties"]) == set(output)
    assert {"verdict", "sources", "abstained"} <= schema["$defs"]["Answer"]["properties"].keys()
    validated = runnable.get_output_schema().model_validate(dict(output))
    assert validated.answer.verdict == output["answer"].verdict  # type: ignore[attr-defined]
    assert {"type": "string"} in runnable.get_input_jsonschema()["anyOf"]
    assert "claims" in CheckRunnable(engine).get_output_jsonschema()["$defs"]["Checked"]["properties"]
    chain = RunnablePassthrough() | runnable
    assert chain.get_output_jsonschema() == schema


def test_texts_are_checked_in_every_form_that_chains_have(engine: Engine) -> None:
    claim = "Preoperative statins reduce the risk of atrial fibrillation after coronary artery bypass surgery."
    forms: list[Any] = [{"text": claim}, AIMessage(claim), [HumanMessage("Do they?"), AIMessage(claim)]]

    for checked in CheckRunnable(engine).batch(forms):
        assert [one.verdict for one in checked.claims] == ["supported"]


def test_texts_are_checked_by_a_runnable(engine: Engine) -> None:
    claim = "Preoperative statins reduce the risk of atrial fibrillation after coronary artery bypass surgery."
    (checked,) = CheckRunnable(engine).batch([claim])
    assert [one.verdict for one in checked.claims] == ["supported"]


def test_the_runnable_is_part_of_a_chain(engine: Engine) -> None:
    chain = AnswerRunnable(engine) | (lambda output: output["answer"].verdict)

    assert chain.invoke(QUESTION) in {"yes", "no", "maybe"}


def test_a_langchain_model_answers_and_its_citations_are_checked(engine: Engine) -> None:
    document = engine.store.read([engine.search(QUESTION, 1)[0].row])[0]
    quote = document.sections[-1].text
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
    text = document.sections[-1].text
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
