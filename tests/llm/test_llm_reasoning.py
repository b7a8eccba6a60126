import itertools

from hypothesis import given
from hypothesis import strategies as st

from ragqa.llm.reasoning import ReplyStream, split_reasoning

WORDS = st.text(alphabet="ab <>/\n", max_size=20).filter(lambda text: "think" not in text)


def shown(pieces: list[str]) -> str:
    stream = ReplyStream()
    return "".join(stream.feed(piece) for piece in pieces)


@given(thought=WORDS, reply=WORDS)
def test_what_comes_before_the_mark_is_reasoning(thought: str, reply: str) -> None:
    assert split_reasoning(f"<think>{thought}</think>{reply}") == (thought.strip(), reply.strip())


@given(thought=WORDS, reply=WORDS, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_a_stream_shows_the_reply_however_it_is_cut(thought: str, reply: str, cuts: list[int]) -> None:
    text = f"<think>{thought}</think>{reply}"
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]

    pieces = [text[begin:end] for begin, end in itertools.pairwise(edges)]

    assert shown(pieces) == reply.lstrip()


def test_a_reply_without_reasoning_passes_at_once() -> None:
    stream = ReplyStream()

    assert [stream.feed(piece) for piece in ("Sta", "tins ", "help.")] == ["Sta", "tins ", "help."]


def test_thinking_that_never_ends_is_not_shown() -> None:
    assert shown(["<thi", "nk>Two", " trials"]) == ""
    assert split_reasoning("<think>Two trials") == ("Two trials", "")
