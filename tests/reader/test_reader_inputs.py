"""How a question and a passage are laid out, and how marked phrases are read back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.reader.answers import found_answers
from ragqa.reader.inputs import reader_input
from ragqa.reader.model import VOCABULARY, WEIGHTS, open_tokenizer

TOKENIZER = open_tokenizer(WEIGHTS / VOCABULARY)


def test_each_sentence_has_its_tokens() -> None:
    item = reader_input(TOKENIZER, "Does aspirin help?", ["It helps.", "No harm was seen."], 64)

    tokens = [TOKENIZER.id_to_token(token) for token in item.ids]
    assert tokens[0] == "[CLS]"
    assert tokens[-1] == "[SEP]"
    assert [tokens[begin:end] for begin, end in item.sentences] == [
        ["it", "helps", "."], ["no", "harm", "was", "seen", "."]
    ]  # fmt: skip
    assert item.segments.index(1) == item.sentences[0][0]


def test_a_mask_stays_one_token() -> None:
    item = reader_input(TOKENIZER, "Does aspirin [MASK] pain?", ["It helps."], 64)

    assert item.ids.count(TOKENIZER.token_to_id("[MASK]")) == 1


def test_what_does_not_fit_is_cut_off_and_says_so() -> None:
    item = reader_input(TOKENIZER, "Does aspirin help?", ["It helps."] * 20, 24)

    assert len(item.ids) <= 24
    assert item.sentences[0][1] > item.sentences[0][0]
    assert item.sentences[-1][0] == item.sentences[-1][1]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.lists(st.text(st.characters(exclude_categories=()), max_size=60), max_size=5))
def test_offsets_lie_in_their_sentence_whatever_the_text(query: str, sentences: list[str]) -> None:
    item = reader_input(TOKENIZER, query, sentences, 80)

    assert len(item.ids) == len(item.segments) == len(item.offsets)
    for (begin, end), sentence in zip(item.sentences, sentences, strict=True):
        assert all(0 <= first <= last <= len(sentence) for first, last in item.offsets[begin:end])


@pytest.mark.parametrize(
    ("sentence", "marked", "found"),
    [
        ("Mutations of MECP2, BRCA1 and p53 were seen.", [(13, 18), (20, 25), (30, 33)], ["MECP2", "BRCA1", "p53"]),
        ("It is caused by interleukin-6 (IL-6).", [(16, 29), (31, 35)], ["interleukin-6", "IL-6"]),
        ("Givosiran was approved in 2019.", [(0, 9)], ["Givosiran"]),
    ],
)
def test_marked_phrases_are_read_back(sentence: str, marked: list[tuple[int, int]], found: list[str]) -> None:
    item = reader_input(TOKENIZER, "Which?", [sentence], 64)
    tags = np.tile(np.array([0.0, 0.0, 1.0], np.float32), (len(item.ids), 1))
    first, last = item.sentences[0]
    for begin, end in marked:
        inside = [t for t in range(first, last) if item.offsets[t][0] < end and item.offsets[t][1] > begin]
        tags[inside] = (0, 1, 0)
        tags[inside[0]] = (1, 0, 0)

    phrases = found_answers(item, tags, [sentence])

    assert [sentence[phrase.begin : phrase.end] for phrase in phrases] == found


@pytest.mark.parametrize(
    ("sentence", "marked", "found"),
    [
        ("It comes from Ammi visnaga seeds.", ["Ammi", "visnaga"], ["Ammi visnaga"]),
        ("It is an epidermal growth factor receptor ligand.", ["epidermal", "growth", "factor", "receptor"],
         ["epidermal growth factor receptor"]),
        ("It is Alzheimer's disease.", ["Alzheimer's", "disease"], ["Alzheimer's disease"]),
        ("It acts via EGFR/MAPK, IL-6 and TNF.", ["EGFR", "MAPK", "IL-6", "TNF"], ["EGFR", "MAPK", "IL-6", "TNF"]),
    ],
)  # fmt: skip
def test_words_that_are_each_called_a_beginning_are_one_name_unless_something_stands_between(
    sentence: str, marked: list[str], found: list[str]
) -> None:
    item = reader_input(TOKENIZER, "Which?", [sentence], 64)
    tags = np.tile(np.array([0.05, 0.05, 0.9], np.float32), (len(item.ids), 1))
    for word in marked:
        begin = sentence.index(word)
        for token in range(*item.sentences[0]):
            if begin <= item.offsets[token][0] < begin + len(word):
                tags[token] = (0.5, 0.1, 0.4)

    phrases = found_answers(item, tags, [sentence])

    assert [sentence[phrase.begin : phrase.end] for phrase in phrases] == found
