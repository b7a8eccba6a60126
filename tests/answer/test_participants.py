"""Participants are read where an abstract tells one number of them, and else not."""

import pytest

from ragqa.answer.participants import participants
from ragqa.types import Document, Section


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Records of 629 men were reviewed.", 629),
        ("A total of 1,895 patients were enrolled. Of these, 440 patients had diabetes.", 1895),
        ("We randomised 12 537 people; 79 people died.", 12537),
        ("Forty-two patients admitted for surgery were randomized. In 21 patients it failed.", 42),
        ("The first 177 patients of the clinic were compared with 162 patients seen before.", 339),
        ("In 33 women with pre-eclampsia and 32 with normal blood pressure hearing was tested.", 65),
        ("The milks recommended in 2001 suit infants.", None),
        ("Followed 5 years later, men and women were analysed separately.", None),
        ("In 12 intensive care units patients were randomized.", None),
        ("Mice received 5 mg of the drug.", None),
        ("A total of 3 million adults were followed.", None),
        ("Eighty thousand women took part.", None),
        ("We studied 2 hundred patients.", None),
        ("Of 30 patients 3 died; a second cohort had 400 patients.", None),
        ("", None),
    ],
)
def test_a_number_is_read_only_where_it_is_plain(text: str, number: int | None) -> None:
    assert participants(Document("1", (Section("abstract", text),))) == number


def test_numbers_of_the_background_are_those_of_others() -> None:
    sections = (
        Section("abstract.0", "Of 900 patients in a trial most died.", "BACKGROUND", "BACKGROUND"),
        Section("abstract.1", "We studied 40 patients.", "METHODS", "METHODS"),
    )
    assert participants(Document("1", sections)) == 40
