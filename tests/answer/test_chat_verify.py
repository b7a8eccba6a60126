import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.answer.chat.replies import Cited
from ragqa.answer.chat.verify import Library, find
from ragqa.answer.citations import check_quotes
from ragqa.answer.question import analyse
from ragqa.reader.model import open_model
from ragqa.types import Answer, Document, Question, Section

QUESTION = Question("Do statins reduce atrial fibrillation after bypass grafting?")
FIRST = Document(
    "101",
    (
        Section("title", "Atorvastatin before coronary bypass grafting."),
        Section(
            "abstract.0", "We randomised 200 patients. Atorvastatin reduced atrial fibrillation (35% vs 57%, p<0.05)."
        ),
        Section("abstract.1", "Hospital stay was shorter with atorvastatin."),
        Section("other_abstract.0", "L'atorvastatine réduit la fibrillation auriculaire de moitié."),
    ),
)
SECOND = Document(
    "102",
    (
        Section("title", "Rosuvastatin in surgery."),
        Section("abstract", "Rosuvastatin did not prevent atrial fibrillation."),
    ),
)
LIBRARY = Library(analyse(QUESTION), [FIRST, SECOND], open_model())


def test_the_best_sentence_is_found_in_the_cited_article() -> None:
    verified = LIBRARY.verify(Cited("Atorvastatin lowered atrial fibrillation from 57% to 35%.", (1,)), 0.35)

    (span,) = verified.statement.spans
    assert span.quote == "Atorvastatin reduced atrial fibrillation (35% vs 57%, p<0.05)."
    assert verified.statement.support >= 0.5
    assert check_quotes(Answer(QUESTION, statements=(verified.statement,)), {"101": FIRST}.__getitem__) == []


def test_exact_words_are_preferred_and_fully_supported() -> None:
    cited = Cited('The authors found "hospital stay  was shorter\nwith atorvastatin".', (1,))

    (span,) = LIBRARY.verify(cited, 0.2).statement.spans

    assert span.quote == "Hospital stay was shorter with atorvastatin"
    copied = LIBRARY.verify(Cited("Hospital stay was shorter with atorvastatin.", (1,)), 0.35)
    assert copied.statement.support == 1.0


def test_numbers_of_no_source_are_told() -> None:
    verified = LIBRARY.verify(Cited("Hospital stay was shorter with atorvastatin.", (0, 1, 3, -2)), 0.35)

    assert verified.out_of_range == (0, 3, -2)
    assert len(verified.statement.spans) == 1


def test_an_article_that_says_nothing_of_it_is_told() -> None:
    verified = LIBRARY.verify(Cited("Hospital stay was shorter with atorvastatin.", (1, 2)), 0.35)

    assert verified.unsupporting == ("102",)
    assert [span.document_id for span in verified.statement.spans] == ["101"]


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("Rosuvastatin did prevent atrial fibrillation.", 2),
        ("Rosuvastatin did not prevent atrial fibrillation in 88%.", 2),
        ("Atorvastatin increased atrial fibrillation.", 1),
        ("Atorvastatin did not reduce atrial fibrillation.", 1),
        ("Simvastatin reduced atrial fibrillation.", 1),
        ("Hospital stay was longer with atorvastatin.", 1),
    ],
)
@pytest.mark.parametrize("min_support", [0.0, 0.35])
def test_what_an_article_contradicts_is_not_supported_at_any_threshold(
    statement: str, number: int, min_support: float
) -> None:
    verified = LIBRARY.verify(Cited(statement, (number,)), min_support)

    assert verified.statement.spans == ()
    assert verified.unsupporting == (("101", "102")[number - 1],)


def test_what_an_article_says_is_supported_as_it_says_it() -> None:
    verified = LIBRARY.verify(Cited("Rosuvastatin did not prevent atrial fibrillation.", (2,)), 0.35)

    assert verified.statement.support == 1.0
    assert [span.section for span in verified.statement.spans] == ["abstract"]


@pytest.mark.parametrize("min_support", [0.0, 0.35])
def test_a_title_is_no_evidence(min_support: float) -> None:
    said_by_titles = Cited("Atorvastatin before coronary bypass grafting.", (1, 2))

    spans = LIBRARY.verify(said_by_titles, min_support).statement.spans
    alone = Library(analyse(QUESTION), [Document("9", FIRST.sections[:1])], open_model()).verify(
        said_by_titles, min_support
    )

    assert all(span.section != "title" for span in spans)
    assert alone.statement.spans == ()


def test_an_aim_is_no_evidence() -> None:
    aim = Document("103", (Section("abstract", "To evaluate whether statins prevent delirium. We followed 90 men."),))

    verified = Library(analyse(QUESTION), [aim], open_model()).verify(Cited("Statins prevent delirium.", (1,)), 0.0)

    assert "evaluate" not in " ".join(span.quote for span in verified.statement.spans)


def test_abstracts_in_other_languages_support_nothing() -> None:
    verified = LIBRARY.verify(Cited("L'atorvastatine réduit la fibrillation auriculaire de moitié.", (1,)), 0.35)

    assert verified.statement.spans == ()


def test_an_exact_answer_is_located_or_halved() -> None:
    named = LIBRARY.exact_answer(Cited("rosuvastatin", (1, 2)), 1.0)
    unknown = LIBRARY.exact_answer(Cited("warfarin", (1, 2)), 1.0)

    assert [(span.document_id, span.quote) for span in named.spans] == [("102", "Rosuvastatin")]
    assert (unknown.spans, unknown.score) == ((), 0.5)


@given(st.text(max_size=80), st.lists(st.integers(-5, 5), max_size=4))
def test_any_statement_leaves_only_true_quotes(text: str, numbers: list[int]) -> None:
    verified = LIBRARY.verify(Cited(text, tuple(numbers)), 0.0)

    documents = {"101": FIRST, "102": SECOND}
    assert check_quotes(Answer(QUESTION, statements=(verified.statement,)), documents.__getitem__) == []
    assert 0.0 <= verified.statement.support <= 1.0


def test_fencing_does_not_hide_a_quote() -> None:
    section = Section("abstract", "It fell (p<alpha) in time.")

    span = find("1", [section], "it fell (p< alpha) in TIME.")

    assert span is not None
    assert span.quote == "It fell (p<alpha) in time"
