"""Phrases that can be an answer, and how a sentence is worded as a statement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.answer import phrases
from ragqa.answer.abstract_parts import part_of
from ragqa.answer.selection import wording
from ragqa.types import Section


def found(text: str, kind: str) -> list[str]:
    return [text[phrase.begin : phrase.end] for phrase in getattr(phrases, kind)(text)]


def test_noun_phrases_end_at_function_words_and_verbs() -> None:
    text = "Mutations in the PLA2G6 gene cause Karak syndrome (KS), a rare disorder."
    assert found(text, "noun_phrases") == ["Mutations", "PLA2G6 gene", "Karak syndrome", "KS", "rare disorder"]


def test_numbers_carry_their_units() -> None:
    text = "In 2014, 45% of 1,200 patients took 5-10 mg/kg daily for 6 weeks."
    assert found(text, "numbers")[1:] == ["45%", "1,200 patients", "5-10 mg/kg daily", "6 weeks"]


def test_dates() -> None:
    assert found("It was approved in June 2016 and withdrawn on May 3, 2019.", "dates") == ["June 2016", "May 3, 2019"]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Coronary artery bypass grafting (CABG) is common.", {"CABG": "Coronary artery bypass grafting"}),
        ("We measured interleukin-6 (IL-6) twice.", {"IL-6": "interleukin-6"}),
        ("There were 12 men (60%) and it was late (see Methods).", {}),
        ("(AF)", {}),
    ],
)
def test_abbreviations(text: str, pairs: dict[str, str]) -> None:
    assert phrases.abbreviations(text) == pairs


@given(st.text(st.characters(exclude_categories=())))
def test_phrases_lie_within_any_text(text: str) -> None:
    phrases.abbreviations(text)
    for kind in (phrases.noun_phrases, phrases.numbers, phrases.dates):
        for phrase in kind(text):
            assert 0 <= phrase.begin < phrase.end <= len(text)


@pytest.mark.parametrize(
    ("sentence", "statement"),
    [
        ("CONCLUSIONS: Statins work.", "Statins work."),
        ("In conclusion, statins work.", "Statins work."),
        ("However, p53 was lost.", "p53 was lost."),
        ("We conclude that aspirin is safe.", "Aspirin is safe."),
        ("Statins work: they lower LDL.", "Statins work: they lower LDL."),
        ("DNA repair is slow.", "DNA repair is slow."),
        ("CONCLUSIONS:", "CONCLUSIONS:"),
    ],
)
def test_wording_drops_what_only_ties_a_sentence_to_its_place(sentence: str, statement: str) -> None:
    assert wording(sentence) == statement


@pytest.mark.parametrize(
    ("label", "category", "part"),
    [
        ("AUTHORS' CONCLUSIONS", "", "conclusion"),
        ("INTERPRETATION", "CONCLUSIONS", "conclusion"),
        ("MAIN RESULTS", "RESULTS", "findings"),
        ("METHODS AND RESULTS", "RESULTS", "findings"),
        ("PATIENTS", "METHODS", "methods"),
        ("CONTEXT", "BACKGROUND", "background"),
        ("", "", "whole"),
    ],
)
def test_parts_by_heading(label: str, category: str, part: str) -> None:
    assert part_of(Section("abstract.1", "…", label, category)) == part
