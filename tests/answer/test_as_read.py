"""A question is read once, in the words of the index, and every stage takes it so."""

import pytest

from ragqa.answer import as_read as as_read_module
from ragqa.answer.as_read import as_read
from ragqa.engine import Engine
from ragqa.errors import UsageError
from ragqa.index.lexicon import Lexicon
from ragqa.types import Document, Filter, Question, Section

LEXICON = Lexicon.of(
    Document(str(number), (Section("title", text),))
    for number, text in enumerate(
        ["Warfarin in atrial fibrillation (AF)", "Stroke in atrial fibrillation (AF)", "Warfarin prevents stroke"]
    )
)
AMONG = Filter(year_from=2000)


def test_a_question_keeps_what_was_asked_beside_what_is_searched_for_and_read() -> None:
    question = Question("Does warfarin prevent COVID-19 in AF?", id="7", type="yesno")

    read = as_read(question, LEXICON, AMONG, normalises=True)

    assert read.asked == question
    assert read.read == Question("Does warfarin prevent COVID-19 in atrial fibrillation?", id="7", type="yesno")
    assert read.searched == f"{read.read.text} AF"
    assert (read.changes, read.unknown, read.allowed) == ((("AF", "atrial fibrillation"),), ("COVID-19",), AMONG)


def test_a_question_stays_as_it_is_where_nothing_is_to_be_normalised() -> None:
    question = Question("Does warfarin prevent COVID-19 in AF?")

    for lexicon in (LEXICON, None):
        read = as_read(question, lexicon, AMONG, normalises=False)
        assert (read.asked, read.read, read.searched, read.changes) == (question, question, question.text, ())
        assert read.unknown == (("COVID-19",) if lexicon else ())


@pytest.mark.usefixtures("sample_home")
def test_an_engine_reads_a_question_once(monkeypatch: pytest.MonkeyPatch) -> None:
    normalised, searched_for = [], []
    normalise, unknown_words = as_read_module.normalise, as_read_module.unknown_words
    monkeypatch.setattr(
        as_read_module, "normalise", lambda text, *words: normalised.append(text) or normalise(text, *words)
    )
    monkeypatch.setattr(
        as_read_module, "unknown_words", lambda text, lexicon: searched_for.append(text) or unknown_words(text, lexicon)
    )
    asked = "Do preoperative statins reduce hexagonal atrial fibrilation after bypass grafting?"
    with Engine.open("sample") as engine:
        answer = engine.ask(asked)

    assert {notice.kind for notice in answer.notices} >= {"normalised", "unknown_words"}
    assert normalised == [asked]
    assert len(searched_for) == 1


@pytest.mark.usefixtures("sample_home")
def test_questions_of_two_filters_are_not_searched_for_at_once() -> None:
    with Engine.open("sample") as engine:
        questions = [engine.as_read("Do statins help?"), engine.as_read("Do statins help?", AMONG)]
        with pytest.raises(UsageError, match="the questions have 2 filters; search for those of one filter at a time"):
            engine.retrieve(questions, 5)
