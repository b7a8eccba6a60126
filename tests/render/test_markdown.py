"""Whatever a document says, its text stays text when an answer is shown as Markdown or on a terminal."""

import dataclasses
import re
import time
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ragqa.render import markdown, plain
from ragqa.types import Answer, Notice, Question, Source, Span, Statement

ADDRESS = "https://pubmed.ncbi.nlm.nih.gov/1/"
HOSTILE = st.lists(
    st.sampled_from(
        ["![x](http://a.example/b.png)", "[", "]", "(", ")", "<b>", "<http://a.example>", "`", "**", "_", "\\", "&lt;",
         "# ", "- ", "1. ", "1) ", "> ", "~~~", "---", "===", "\n", "\n\n    ", "\t", "|", "$x$", "[1]: http://a.example",
         "http://a.example", "www.a.example", "a@a.example", "a.org", " ", "\x1b[2J", "\u2028", "word"]
    )
    | st.text(max_size=8)
).map("".join)  # fmt: skip


def answer_of(text: str, n_sources: int = 2) -> Answer:
    sources = tuple(
        Source(str(number), text, text, 2001, evidence_level="cohort", cited=True, url=ADDRESS if number == 1 else "")
        for number in range(1, n_sources + 1)
    )
    spans = (Span("1", "abstract", 0, len(text), text),)
    return Answer(
        Question("Is it?"),
        verdict="yes",
        verdict_probabilities={"yes": 0.8},
        statements=(Statement(text, spans, 1.0),),
        sources=sources,
        notices=(Notice("conflicting", text),),
    )


def tokens_of(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark", {"linkify": False}).parse(text):
        yield token
        yield from token.children or ()


@given(HOSTILE)
@example("![x](http://a.example/b.png)")
@example("[1]: http://a.example\n\n[1]")
def test_a_hostile_text_makes_no_image_link_tag_or_block(text: str) -> None:
    answer = answer_of(text)
    own = {"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "bullet_list_open",
           "bullet_list_close", "list_item_open", "list_item_close", "link_open", "link_close",
           "text_special", "code_inline"}  # fmt: skip
    for whole in ("".join(markdown.lines(answer)), "".join(live(answer))):
        tokens = list(tokens_of(whole))
        assert {token.type for token in tokens} <= own, whole
        assert [token.attrs["href"] for token in tokens if token.type == "link_open"] == [ADDRESS], whole
        assert sum(token.type == "list_item_open" for token in tokens) == len(answer.sources), whole


def live(answer: Answer) -> Iterator[str]:
    text = markdown.LiveText()
    for statement in answer.statements:
        yield text.statement(statement)
    yield from text.rest(answer)


@given(HOSTILE)
def test_an_escaped_text_is_shown_as_it_is(text: str) -> None:
    shown = "".join(
        token.content for token in tokens_of(f"x {markdown.markdown(text)} x") if token.type in {"text", "code_inline"}
    )
    assert " ".join(shown.split()) == f"x {plain.plain(text)} x".replace("x  x", "x x").replace("\0", "\ufffd")


@given(HOSTILE)
@example("www.a.example")
@example("(see a.org.)")
@example("https\\://a.org")
def test_no_address_stays_in_running_text(text: str) -> None:
    # Chat programs look for addresses in the texts that are left after escapes were resolved.
    running = "".join(
        token.content if token.type == "text" else "\0"
        for token in tokens_of(markdown.markdown(text))
        if token.type in {"text", "code_inline"}
    )
    assert not re.search(r"(?i)://\w|\bwww\.\w|\w@\w+\.\w|\w\.(org|com)\b", running)


@pytest.mark.parametrize("text", ["a." * 200_000, "@a" * 200_000, "www" * 200_000, "a.in" * 100_000, "<" * 400_000])
def test_a_long_word_is_escaped_in_linear_time(text: str) -> None:
    begin = time.perf_counter()
    markdown.markdown(text[: len(text) // 8])
    short = time.perf_counter() - begin
    begin = time.perf_counter()
    markdown.markdown(text)
    assert time.perf_counter() - begin < 40 * short + 0.1


@pytest.mark.parametrize("sign", "\u202a\u202e\u2066\u2069")
def test_no_text_turns_the_direction_of_writing(sign: str) -> None:
    answer = answer_of(f"safe{sign}not")
    for shown in ("".join(markdown.lines(answer)), "".join(line for line, _ in plain.lines(answer))):
        assert "safenot" in shown
        assert sign not in shown


def test_each_source_is_an_item_of_its_own() -> None:
    answer = answer_of("A trial", 3)
    items = [token for token in tokens_of("".join(markdown.lines(answer))) if token.type == "list_item_open"]
    assert len(items) == len(answer.sources)


@given(HOSTILE)
def test_a_terminal_is_sent_no_control_characters(text: str) -> None:
    for line, _ in plain.lines(answer_of(text)):
        assert not [sign for sign in line if unicodedata.category(sign) == "Cc"]


@pytest.mark.parametrize("renderer", [markdown, plain])
def test_a_retracted_source_says_so_first(renderer) -> None:
    source = dataclasses.replace(answer_of("A trial").sources[0], retracted=True)
    assert renderer.source_line(source).startswith("RETRACTED. A trial")
