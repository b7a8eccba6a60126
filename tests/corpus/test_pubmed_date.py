"""Dates of MEDLINE in all their forms."""

import pytest

from ragqa.corpus.pubmed_date import date_of_parts, date_of_text


@pytest.mark.parametrize(
    ("text", "year", "date"),
    [
        ("1998 Dec-1999 Jan", 1998, "1998-12"),
        ("1999 Nov-Dec", 1999, "1999-11"),
        ("2000 Dec 23-30", 2000, "2000-12-23"),
        ("2000 Spring-Summer", 2000, "2000"),
        ("1978-1979", 1978, "1978"),
        ("1978-1979 Dec", 1978, "1978"),
        ("Winter 2001", 2001, "2001"),
        ("2015 Jan-Feb 2016", 2015, "2015-01"),
        ("19988", None, ""),
        ("", None, ""),
    ],
)
def test_the_beginning_of_a_medline_date_counts(text: str, year: int | None, date: str) -> None:
    assert date_of_text(text) == (year, date)


@pytest.mark.parametrize(
    ("parts", "date"),
    [
        (("2019", "1", "5"), "2019-01-05"),
        (("2019", "September"), "2019-09"),
        (("2019", "13", "5"), "2019"),
        (("2019", "Jun", "99"), "2019-06"),
        (("2019", "", "5"), "2019"),
    ],
)
def test_parts_that_make_no_sense_are_left_out(parts: tuple[str, ...], date: str) -> None:
    assert date_of_parts(*parts) == (2019, date)
