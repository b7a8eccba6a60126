"""Queries as PubMed takes them: their trees, and errors that show the place."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.retrieve.fielded.parse import parse
from ragqa.retrieve.fielded.tree import Both, Either, Term, Without, Years


def test_a_tag_belongs_to_all_words_before_it() -> None:
    assert parse("atrial fibrillation[mh]") == Term("mesh", "atrial fibrillation", exact=False, begin=0)


def test_operators_are_worked_off_from_left_to_right() -> None:
    one, other, third = (
        Term("text", word, exact=False, begin=begin) for word, begin in (("a", 0), ("b", 5), ("c", 11))
    )

    assert parse("a OR b AND c") == Both(Either(one, other), third)


def test_parentheses_come_first_and_what_stands_side_by_side_is_joined_by_and() -> None:
    tree = parse('(statin[ti] OR "blood pressure") 2015 : 2024[dp] NOT review[Publication Type]')

    assert isinstance(tree, Without)
    assert tree.other == Term("type", "review", exact=False, begin=53)
    assert isinstance(tree.one, Both)
    assert tree.one.other == Years(2015, 2024)
    assert tree.one.one == Either(
        Term("title", "statin", exact=False, begin=1), Term("text", "blood pressure", exact=True, begin=15)
    )


def test_a_quoted_operator_is_a_word() -> None:
    assert parse('"NOT"') == Term("text", "NOT", exact=True, begin=0)


@pytest.mark.parametrize(
    ("query", "place", "allowed"),
    [
        ("statin[xx]", "statin▸[xx]", "allowed are [ti]"),
        ("(statin AND x", "▸(statin AND x", "add )"),
        ("statin)", "statin▸)", "leave it out"),
        ('a AND "open', 'a AND ▸"open', "not closed"),
        ("a [ti", "a ▸[ti", "add ]"),
        ("a AND", "a AND▸", "something is missing"),
        ("AND a", "▸AND a", "quote it"),
        ("[ti] a", "▸[ti] a", "behind a word"),
        ("()", "(▸)", "something is missing before"),
        ('""[ti]', '▸""[ti]', "nothing between"),
        ("metform*[ti]", "metform▸*[ti]", "endings are found without it"),
        ("last year[dp]", "▸last year[dp]", "2015:2024[dp]"),
        ("2024:2015[dp]", "▸2024:2015[dp]", "the earlier year first"),
        ("1 2[pmid]", "▸1 2[pmid]", "join several by OR"),
        ("   ", "", "write for example"),
        ("(" * 60 + "a" + ")" * 60, "▸", "50 deep"),
    ],
)
def test_an_error_shows_the_place_and_what_is_allowed(query: str, place: str, allowed: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(query)

    assert place in str(caught.value)
    assert allowed in str(caught.value)


@given(st.text(alphabet='ab[]()":*0AND ORTtip', max_size=60))
@example("(" * 3_000)
@example("a " * 1_900)
@example("NOT " * 900)
def test_any_text_is_a_query_or_an_error(query: str) -> None:
    try:
        parse(query)
    except UsageError as error:
        assert str(error)
