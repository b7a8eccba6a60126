"""A question about what no document of the index has is refused, or told of."""

import pytest

from ragqa.answer.unknown import not_in, refusal, unknown_words, unmentioned_names
from ragqa.engine import Engine
from ragqa.index import lexicon as lexicon_module
from ragqa.index.lexicon import Lexicon
from ragqa.types import Document, Question, Section

DOCUMENTS = [
    Document("1", (Section("title", "Statins and p53"), Section("abstract", "Statins lowered the risk of stroke."))),
    Document("2", (Section("title", "Vitamin C"), Section("abstract", "Vitamin C did not shorten colds."))),
]


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("Do statins reduce the risk of strokes?", ()),
        ("Does vitamin C cure COVID-19?", ("cure", "COVID-19")),
        ("Does vitamin K shorten colds?", ()),
        ("Is p53 a risk?", ()),
        ("", ()),
    ],
)
def test_unknown_words_are_found_in_any_form(question: str, unknown: tuple[str, ...]) -> None:
    assert unknown_words(question, Lexicon.of(DOCUMENTS)) == unknown


def test_what_the_given_documents_have_is_known() -> None:
    given = [Document("3", (Section("abstract", "COVID-19 was cured."),))]
    assert not_in(given, ("pure", "COVID-19", "cure")) == ("pure",)


def test_a_question_in_another_language_is_refused_for_that() -> None:
    asked = Question("Hilft Aspirin gegen Kopfschmerzen bei Kindern?")
    refused = refusal(asked, unknown_words(asked.text, Lexicon.of(DOCUMENTS)))
    assert refused is not None and refused.reason is not None
    assert "German" in refused.reason and "Kopfschmerzen" not in refused.reason


def test_nothing_is_unknown_to_a_lexicon_without_room_or_to_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon_module, "MOST_WORDS", 3)
    assert unknown_words("Does COVID-19 kill?", Lexicon.of(DOCUMENTS)) == ()
    assert unknown_words("Does COVID-19 kill?", None) == ()


@pytest.mark.parametrize(
    ("question", "unmentioned"),
    [
        ("Does vitamin C cure COVID-19?", ("COVID-19",)),
        ("Is p53 a risk?", ()),
        ("Is P-53 a risk?", ()),
        ("Do FTD-associated genes or IL-6 cause strokes?", ("FTD", "IL-6")),
        ("Do statins cause hexagonal strokes?", ()),
    ],
)
def test_names_that_no_article_found_has_are_found(question: str, unmentioned: tuple[str, ...]) -> None:
    assert unmentioned_names(question, DOCUMENTS) == unmentioned
    assert unmentioned_names(question, []) == ()


@pytest.mark.usefixtures("sample_home")
def test_they_are_told_though_the_index_knows_them() -> None:
    with Engine.open("sample") as engine:
        hits = engine.search("preoperative statins atrial fibrillation bypass grafting", 3)
        asked = engine.as_read("Do preoperative statins reduce atrial fibrillation after bypass grafting in HIV?")
        answer = engine.read_documents(asked, [engine.store.get(hit.document_id) for hit in hits], hits)
    assert not asked.unknown
    assert not answer.abstained
    assert "“HIV”" in " ".join(notice.message for notice in answer.notices if notice.kind == "unmentioned_names")


@pytest.mark.usefixtures("sample_home")
def test_the_engine_refuses_what_no_article_names_and_tells_of_a_smaller_part() -> None:
    with Engine.open("sample") as engine:
        refused = engine.ask("Does vitamin C cure COVID-19?")
        told = engine.ask("Do preoperative statins reduce hexagonal atrial fibrillation after bypass grafting?")
        plain = engine.ask("Do preoperative statins reduce atrial fibrillation after bypass grafting?")
    assert refused.abstained
    assert "COVID-19" in refused.reason
    assert not refused.statements
    assert [notice.message for notice in told.notices if notice.kind == "unknown_words"] == [
        "No article of this index has “hexagonal”; what was found may be about something else."
    ]
    assert not told.abstained
    assert "unknown_words" not in {notice.kind for notice in plain.notices}
