"""The whole way on the sample with the real vLLM: expansion, search, reranking, answer; and LangChain around it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

import ragqa
from ragqa.cli import cli
from ragqa.engine import Engine
from ragqa.langchain import AnswerRunnable, RagqaRetriever
from ragqa.types import Answer, Question, Statement

QUESTION = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


@pytest.fixture
def engine(vllm: Any, sample_home: Path) -> Iterator[Engine]:
    with ragqa.open("sample", [*vllm.overrides(temperature=1.0), "rerank.reranker=none"]) as opened:
        yield opened


def opened(vllm: Any, *overrides: str, **chat: Any) -> Engine:
    return ragqa.open("sample", [*vllm.overrides(**chat), "rerank.reranker=none", *overrides])


def test_an_answer_carries_what_was_generated(engine: Engine) -> None:
    answer = engine.ask(QUESTION)

    assert answer.generation is not None
    assert answer.generation.models == ("tiny",)
    assert answer.generation.completion_tokens > 0
    assert len(answer.generation.prompts_hash) == 64
    assert answer.abstained or answer.verdict in {"yes", "no", "maybe"}
    assert not (answer.abstained and any(source.cited for source in answer.sources))


def test_evidence_that_does_not_fit_is_not_even_sent(vllm: Any, sample_home: Path) -> None:
    with opened(vllm, "answer.abstain_below=1.0") as engine:
        answer = engine.ask("Which knot do sailors prefer?")

    assert answer.abstained
    assert answer.generation is None
    assert answer.sources  # the nearest articles


def test_the_model_writes_the_queries_of_a_reader_that_searches_several_times(vllm: Any, sample_home: Path) -> None:
    own = ("answer.reader=iterative", "answer.iterative.reader=extractive", "answer.iterative.queries=generator")
    with opened(vllm, *own, "answer.abstain_below=0.0", temperature=1.0) as engine:
        answer = engine.ask(QUESTION)

    assert 1 <= len(answer.searches) <= 4
    assert answer.searches[0].query == QUESTION
    assert len({step.query for step in answer.searches}) == len(answer.searches)
    assert answer.generation is not None
    assert answer.generation.n_requests >= max(len(answer.searches) - 1, 1)


@pytest.mark.parametrize("method", ["hyde", "query2doc", "lamer"])
def test_queries_are_expanded_by_the_model(vllm: Any, sample_home: Path, method: str) -> None:
    with opened(vllm, f"retrieve.expansion={method}") as engine, opened(vllm) as plain:
        timings: dict[str, float] = {}
        engine.retrieve(engine.all_as_read([QUESTION, "statins?"]), 5, timings)
        hits = engine.search(QUESTION, 5)

        assert "expand" in timings
        assert len(hits) == 5
        assert [hit.scores for hit in hits] != [hit.scores for hit in plain.search(QUESTION, 5)]


def test_documents_are_reranked_by_the_probability_of_relevance(vllm: Any, sample_home: Path) -> None:
    with opened(vllm, "rerank.reranker=llm", "rerank.depth=12", "rerank.weight=1.0") as engine:
        hits = engine.search(QUESTION, 12)

    relevance = [hit.scores["rerank"] for hit in hits]
    assert relevance == sorted(relevance, reverse=True)
    assert all(0.0 < value < 1.0 for value in relevance)


def test_statements_stream_out_of_the_engine(engine: Engine) -> None:
    async def ask() -> list[Statement | Answer]:
        candidates = engine.retrieve([engine.as_read(QUESTION)], 5)
        question = engine.as_read(Question("What is known about statins before surgery?", type="summary"))
        return [item async for item in engine.read_stream(question, candidates, 0)]

    *statements, answer = asyncio.run(ask())

    assert isinstance(answer, Answer)
    assert answer.abstained or list(answer.statements) == statements


def test_the_command_line_answers_with_a_generator(vllm: Any, sample_home: Path) -> None:
    settings = [part for text in [*vllm.overrides(), "rerank.reranker=none"] for part in ("--set", text)]

    asked = CliRunner().invoke(cli, ["ask", QUESTION, "--json", *settings])
    probed = CliRunner().invoke(cli, ["doctor", "--index", "sample", "--json", *settings])

    assert asked.exit_code == 0, asked.output
    assert json.loads(asked.stdout)["generation"]["n_requests"] >= 1
    checks = {check["name"]: check["state"] for check in json.loads(probed.stdout)["checks"]}
    assert checks["endpoint probabilities"] == "ok"


def test_a_langchain_chain_retrieves_and_answers(engine: Engine) -> None:
    retriever = RagqaRetriever(engine=engine, k=3)
    shown = retriever | RunnableLambda(lambda documents: [document.id for document in documents])
    chain = RunnablePassthrough.assign(found=lambda x: shown.invoke(x["question"]))

    assert len(chain.invoke({"question": QUESTION})["found"]) == 3

    output = AnswerRunnable(engine).invoke(QUESTION)
    assert isinstance(output["answer"], Answer)


def test_the_runnable_streams_chunks_that_add_up(engine: Engine) -> None:
    runnable = AnswerRunnable(engine)

    async def read() -> list[Any]:
        return [chunk async for chunk in runnable.astream(QUESTION)]

    for chunks in (list(runnable.stream(QUESTION)), asyncio.run(read())):
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole = whole + chunk
        answer = whole["answer"]
        assert answer.abstained or whole["statements"] == list(answer.statements)
        assert all(statement.text in whole["text"] for statement in answer.statements)
