from hypothesis import given
from hypothesis import strategies as st

from ragqa.answer.chat.replies import Cited
from ragqa.answer.chat.verify import Library, find
from ragqa.answer.citations import check_quotes
from ragqa.answer.question import analyse
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
LIBRARY = Library(analyse(QUESTION), [FIRST, SECOND])


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


def test_a_lost_number_or_negation_costs_support() -> None:
    true = LIBRARY.verify(Cited("Rosuvastatin did not prevent atrial fibrillation.", (2,)), 0.0).statement.support
    turned = LIBRARY.verify(Cited("Rosuvastatin did prevent atrial fibrillation.", (2,)), 0.0).statement.support
    invented = LIBRARY.verify(Cited("Rosuvastatin did not prevent atrial fibrillation in 88%.", (2,)), 0.0)

    assert true == 1.0
    assert turned <= 0.6
    assert invented.statement.support <= 0.5


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
