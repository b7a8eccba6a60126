import json
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from ragqa.answer.chat.replies import Cited, StatementStream, read_reply, reply_schema

WORD = st.from_regex(r"[a-zé\"\\{}\]]{1,8}", fullmatch=True)
STATEMENT = st.fixed_dictionaries({"text": WORD, "sources": st.lists(st.integers(1, 9), max_size=3, unique=True)})


@given(statements=st.lists(STATEMENT, max_size=4), cut=st.integers(0, 300))
def test_json_is_read_as_far_as_it_goes(statements: list[dict[str, Any]], cut: int) -> None:
    text = json.dumps({"answerable": True, "statements": statements})
    whole = tuple(Cited(s["text"], tuple(s["sources"])) for s in statements)

    assert read_reply(text).statements == whole
    partly = read_reply(text[: cut % (len(text) + 1)]).statements
    assert partly == whole[: len(partly)]


@given(statements=st.lists(STATEMENT, min_size=1, max_size=4), size=st.integers(1, 7))
def test_a_stream_gives_each_statement_once_and_in_order(statements: list[dict[str, Any]], size: int) -> None:
    text = json.dumps({"answerable": True, "statements": statements})
    stream = StatementStream()

    given_out = [cited for i in range(0, len(text), size) for cited in stream.feed(text[i : i + size])]

    assert given_out == [Cited(s["text"], tuple(s["sources"])) for s in statements]


def test_a_statement_is_given_before_the_next_is_complete() -> None:
    stream = StatementStream()

    assert stream.feed('{"statements": [{"text": "A.", "sources": [1]}, {"text": "B') == [Cited("A.", (1,))]


def test_prose_with_numbers_in_brackets_is_read() -> None:
    reply = read_reply("Statins help in surgery [1, 2]. Others do not (3). Unclear.")

    assert reply.statements == (
        Cited("Statins help in surgery.", (1, 2)),
        Cited("Others do not.", (3,)),
        Cited("Unclear."),
    )


def test_numbers_inside_the_text_are_taken_where_the_list_is_missing() -> None:
    reply = read_reply('{"statements": [{"text": "Statins help [2]."}, "They are cheap [1]."]}')

    assert reply.statements == (Cited("Statins help.", (2,)), Cited("They are cheap.", (1,)))


def test_odd_numbers_and_brackets_without_end_are_passed_over() -> None:
    odd = '{"statements": [{"text": "Statins help.", "sources": ["--1", " -2", "3 ", "x", true, null, 4]}, '

    assert read_reply(odd + "[" * 100_000).statements == (Cited("Statins help.", (-2, 3, 4)),)


def test_refusing_is_a_reply() -> None:
    reply = read_reply('{"answerable": false, "statements": []}')

    assert reply.readable
    assert not reply.answerable


def test_nonsense_is_unreadable() -> None:
    for text in ("", "  \n", '{"statements": "none"}', "{", "[]", "…"):
        assert not read_reply(text).readable, text


def test_numbers_of_any_kind_do_no_harm() -> None:
    reply = read_reply('{"statements": [{"text": "A.", "sources": ["2", -1, 99, null, [3], 2.5, true]}]}')

    assert reply.statements[0].text == "A."
    assert {2, -1, 99} <= set(reply.statements[0].numbers)


def test_control_characters_and_broken_pairs_are_taken_out() -> None:
    reply = read_reply('{"statements": [{"text": "A\x03 \\ud956b\\u0007.\nC", "sources": [1]}]}')

    assert reply.statements == (Cited("A b . C", (1,)),)
    assert reply.statements[0].text.encode()


def test_schemas_hold_what_the_prompts_ask_for() -> None:
    good = {
        "answerable": True,
        "answers": [{"text": "x", "sources": [1]}],
        "statements": [{"text": "A.", "sources": [2]}],
    }

    jsonschema.validate(good, reply_schema("factoid", 2))
    assert "sources" not in json.dumps(reply_schema("summary", 0))
    assert "answers" not in reply_schema("yesno", 2)["properties"]
