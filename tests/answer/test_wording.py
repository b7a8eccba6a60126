"""How a sentence is worded as a statement, and the part of an abstract that its heading tells."""

import pytest

from ragqa.answer.abstract_parts import part_of
from ragqa.answer.selection import wording
from ragqa.types import Section


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
