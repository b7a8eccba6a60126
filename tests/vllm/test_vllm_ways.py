"""Every way of prompting through the real server. A random model talks nonsense: what is tested is the way itself."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ragqa.answer.chat.reader import ChatReader, ReadJob
from ragqa.answer.chat.replies import StatementStream, reply_schema
from ragqa.answer.reading import Reading
from ragqa.errors import UsageError
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.model import Message, Request
from ragqa.types import Document, Question, Section, Statement

YES_NO = Question("Do statins reduce atrial fibrillation after bypass grafting?", type="yesno")
SUMMARY = Question("What is known about statins before bypass grafting?", type="summary")
SCORES = (3.0, 2.0, 1.0)


def read(reader: ChatReader, question: Question, articles: Sequence[Document]) -> Reading:
    return reader.read(question, articles, SCORES[: len(articles)])


def answering(vllm: Any, question: Question, articles: Sequence[Document], **chat: Any) -> tuple[ChatReader, Reading]:
    """The first seed with which the random model finds the question answerable."""
    for seed in range(30):
        reader = vllm.reader(seed=seed, **{"temperature": 1.0, **chat})
        reading = read(reader, question, articles)
        if not reading.abstained:
            return reader, reading
    pytest.fail("no seed gave an answer")


def n_requests(reading: Reading) -> int:
    assert reading.generation is not None
    return reading.generation.n_requests


def test_zero_shot_gives_a_verdict_with_probabilities(vllm: Any, articles: Sequence[Document]) -> None:
    reading = read(vllm.reader(write_statements=False), YES_NO, articles)

    assert reading.verdict in {"yes", "no", "maybe"}
    assert reading.verdict == max(reading.verdict_probabilities, key=reading.verdict_probabilities.__getitem__)
    assert sum(reading.verdict_probabilities.values()) == pytest.approx(1.0, abs=1e-4)
    assert n_requests(reading) == 1
    assert not reading.abstained


def test_a_stored_temperature_flattens_the_verdict(vllm: Any, articles: Sequence[Document]) -> None:
    plain = read(vllm.reader(write_statements=False), YES_NO, articles)
    scaled = read(vllm.reader(write_statements=False, verdict_temperature=4.0), YES_NO, articles)

    assert scaled.verdict == plain.verdict
    assert max(scaled.verdict_probabilities.values()) < max(plain.verdict_probabilities.values())


@pytest.mark.parametrize("question_type", ["yesno", "factoid", "list", "summary"])
def test_every_question_type_is_answered_in_statements(
    vllm: Any, articles: Sequence[Document], question_type: Any
) -> None:
    _, reading = answering(vllm, Question("Which statins help before surgery?", type=question_type), articles)

    assert reading.question_type == question_type
    assert reading.statements or reading.exact_answers
    assert all(statement.text for statement in reading.statements)
    assert not reading.exact_answers or question_type in {"factoid", "list"}


def test_what_a_random_model_says_has_no_support(vllm: Any, articles: Sequence[Document]) -> None:
    reader, marked = answering(vllm, SUMMARY, articles)

    assert not any(statement.spans for statement in marked.statements)
    assert {"unsupported", "citation_removed"} <= {notice.kind for notice in marked.notices}
    removing = vllm.reader(seed=reader.settings.chat.seed, temperature=1.0, unsupported="remove")
    removed = read(removing, SUMMARY, articles)
    assert removed.abstained
    assert not removed.statements
    assert not removed.exact_answers


def test_sources_that_do_not_fit_lose_whole_sentences(vllm: Any, articles: Sequence[Document]) -> None:
    filler = " ".join(f"Sentence number {n} tells of other things at some length." for n in range(400))
    long = Document("201", (Section("title", "Other things."), Section("abstract", filler)))

    reading = read(vllm.reader(write_statements=False), YES_NO, [articles[0], long])

    generation = reading.generation
    assert generation is not None
    assert generation.cut
    assert {span.document_id for span in generation.cut} == {"201"}  # the relevant article keeps every sentence
    assert all(span.quote == filler[span.begin : span.end] and span.quote.endswith(".") for span in generation.cut)
    assert generation.prompt_tokens <= 4096 - 300
    assert "trimmed" in {notice.kind for notice in reading.notices}


def test_a_question_that_leaves_no_room_is_refused(vllm: Any, articles: Sequence[Document]) -> None:
    with pytest.raises(UsageError, match="shorten the question"):
        read(vllm.reader(), Question("Do statins prevent stroke? " * 4000, type="yesno"), articles)


def test_a_reply_that_breaks_off_is_told(vllm: Any, articles: Sequence[Document]) -> None:
    reading = read(vllm.reader(max_tokens=12), SUMMARY, articles)

    assert "cut_off" in {notice.kind for notice in reading.notices}
    assert reading.abstained


def test_a_reply_without_form_is_read_as_far_as_it_goes(vllm: Any, articles: Sequence[Document]) -> None:
    reading = read(vllm.reader(structured_output="none", max_tokens=80), SUMMARY, articles)

    assert reading.abstained or all(not statement.spans for statement in reading.statements)


def test_few_shot_examples_are_shown_but_never_the_question_itself(
    vllm: Any, articles: Sequence[Document], tmp_path: Path
) -> None:
    pool = tmp_path / "examples.jsonl"
    lines = [
        {"id": "1", "question": YES_NO.text.upper(), "type": "yesno", "answer": "yes", "split": "dev"},
        {"id": "2", "question": "Do statins reduce stroke?", "type": "yesno", "answer": "yes", "split": "train"},
        {"id": "3", "question": "Is ginkgo useful in tinnitus?", "type": "yesno", "answer": "no", "split": "dev"},
    ]
    pool.write_text("\n".join(map(json.dumps, lines)))
    zero = read(vllm.reader(write_statements=False), YES_NO, articles)

    few = read(vllm.reader(write_statements=False, examples=str(pool), n_examples=3), YES_NO, articles)

    assert zero.generation is not None
    assert few.generation is not None
    added = few.generation.prompt_tokens - zero.generation.prompt_tokens
    assert 20 < added < 200  # two short examples
    assert few.verdict_probabilities != zero.verdict_probabilities


def test_chain_of_thought_is_kept_apart_from_the_answer(vllm: Any, articles: Sequence[Document]) -> None:
    reading = read(vllm.reader(chain_of_thought=True, write_statements=False, max_tokens=60), YES_NO, articles)

    assert n_requests(reading) == 2
    assert reading.generation is not None
    assert len(reading.generation.reasoning) == 1
    assert not reading.statements


def test_self_consistency_lets_samples_vote(vllm: Any, articles: Sequence[Document]) -> None:
    reading = read(vllm.reader(votes=8, write_statements=False, chain_of_thought=True, max_tokens=30), YES_NO, articles)

    assert n_requests(reading) == 16
    shares = reading.verdict_probabilities
    assert all(round(share * 8, 4).is_integer() for share in shares.values())
    assert shares[reading.verdict or ""] == max(shares.values())


def test_several_models_vote(vllm: Any, articles: Sequence[Document]) -> None:
    voters = [f"second@{vllm.base_url}", f"second@{vllm.base_url}"]

    reading = read(vllm.reader(voters=voters, write_statements=False), YES_NO, articles)

    assert reading.generation is not None
    assert set(reading.generation.models) == {"tiny", "second"}
    assert max(reading.verdict_probabilities.values()) == 1.0  # three times the same model


def test_options_are_chosen_in_several_orders(vllm: Any, articles: Sequence[Document]) -> None:
    options = ("Aspirin", "Atorvastatin", "Warfarin", "Digoxin")
    question = Question("Which drug reduced atrial fibrillation?")

    once = vllm.reader().choose(question, options, articles[:2])
    shuffled = vllm.reader(shuffles=8).choose(question, options, articles[:2])

    assert list(once) == list(shuffled) == list(options)
    assert sum(shuffled.values()) == pytest.approx(1.0)
    spread = max(shuffled.values()) - min(shuffled.values())
    assert spread < max(once.values()) - min(once.values())  # what comes from the place alone averages out


def test_sources_may_be_left_out_where_the_model_needs_none(vllm: Any, articles: Sequence[Document]) -> None:
    readings = []
    for seed in range(4):
        questions = [Question(f"{YES_NO.text} Case {seed}-{n}.", type="yesno") for n in range(8)]
        reader = vllm.reader(retrieval="if-needed", write_statements=False)
        readings += reader.read_many([ReadJob(question, articles, SCORES) for question in questions])

    kinds = [{notice.kind for notice in reading.notices} for reading in readings]
    assert all(n_requests(reading) == 2 for reading in readings)
    closed = [r for r, told in zip(readings, kinds, strict=True) if "without_sources" in told]
    assert all(not statement.spans for reading in closed for statement in reading.statements)


def test_critique_asks_about_each_supported_statement(vllm: Any, articles: Sequence[Document]) -> None:
    _, plain = answering(vllm, SUMMARY, articles, unsupported="mark")
    reader, judged = answering(vllm, SUMMARY, articles, unsupported="mark", critique=True)

    cited = sum(len(statement.spans) for statement in judged.statements)
    assert plain.statements
    assert n_requests(judged) >= 1 + cited
    assert all(0.0 <= statement.support <= 1.0 for statement in judged.statements)
    assert reader.settings.chat.critique


def test_false_presuppositions_are_asked_for(vllm: Any, articles: Sequence[Document]) -> None:
    reading = read(vllm.reader(check_presuppositions=True, write_statements=False), YES_NO, articles)

    assert n_requests(reading) in {2, 3, 4}
    assert reading.verdict is not None


def test_own_prompts_take_the_place_of_the_shipped_ones(
    vllm: Any, articles: Sequence[Document], tmp_path: Path
) -> None:
    (tmp_path / "yesno.sources.txt").write_text("Say yes, no or maybe.")
    shipped, own = vllm.reader(write_statements=False), vllm.reader(write_statements=False, prompts=str(tmp_path))

    first, second = read(shipped, YES_NO, articles), read(own, YES_NO, articles)

    assert shipped.prompts_hash != own.prompts_hash
    assert first.generation is not None
    assert second.generation is not None
    assert first.generation.prompts_hash == shipped.prompts_hash
    assert second.generation.prompt_tokens < first.generation.prompt_tokens


def test_the_stream_gives_the_statements_of_the_answer(vllm: Any, articles: Sequence[Document]) -> None:
    reader, _ = answering(vllm, SUMMARY, articles)

    async def stream() -> list[Statement | Reading]:
        return [item async for item in reader.stream(SUMMARY, articles, SCORES)]

    *given, last = asyncio.run(stream())

    assert isinstance(last, Reading)
    assert given == list(last.statements)
    assert given


def test_the_first_statement_comes_before_the_last_is_generated(vllm: Any) -> None:
    model = EndpointModel(vllm.settings(temperature=1.0, max_tokens=1500))
    schema = reply_schema("summary", 2)
    schema["properties"]["statements"]["minItems"] = 3
    request = Request((Message("user", SUMMARY.text),), schema=schema)

    async def statements_by_piece() -> list[int]:
        stream = StatementStream()
        return [len(stream.feed(piece)) async for piece in model.stream(request) if isinstance(piece, str)]

    heard = loop.run(statements_by_piece())

    assert sum(heard) >= 3
    places = [place for place, n_statements in enumerate(heard) if n_statements]
    assert places[0] < places[-1]


def test_leaving_a_stream_stops_it(vllm: Any, articles: Sequence[Document]) -> None:
    reader, _ = answering(vllm, SUMMARY, articles)

    async def first() -> Statement | Reading:
        items = reader.stream(SUMMARY, articles, SCORES)
        item = await anext(items)
        await items.aclose()  # type: ignore[attr-defined]
        return item

    assert isinstance(asyncio.run(first()), Statement)


def test_an_empty_question_and_no_articles(vllm: Any) -> None:
    with pytest.raises(UsageError, match="empty"):
        read(vllm.reader(), Question("  "), [])
    assert read(vllm.reader(), YES_NO, []).reason == "No article was found for this question."


def test_only_retracted_articles_mean_abstaining(vllm: Any, articles: Sequence[Document]) -> None:
    reading = read(vllm.reader(), YES_NO, articles[2:])

    assert reading.abstained
    assert "retracted" in reading.reason
    assert [notice.kind for notice in reading.notices] == ["retracted"]
