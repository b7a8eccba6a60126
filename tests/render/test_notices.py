"""Where the notices of an answer stand in each form, which article they name, and that weak candidates are told."""

import pytest

from ragqa.answer.notices import about_documents
from ragqa.render import html, markdown, plain
from ragqa.types import Answer, Document, ExactAnswer, Notice, Question, Section, Source, Statement

STATEMENT = "Atropine reduces salivation."
UNDECIDED = Notice("verdict_withheld", "No verdict is likely enough.")
RETRACTED = Notice("retracted", "This article has been retracted.", "7")
EXACT = (ExactAnswer("hyoscine", 0.62), ExactAnswer("glands", 0.12), ExactAnswer("vagus", 0.11))
ANSWER = Answer(
    Question("Is atropine useful?"),
    statements=(Statement(STATEMENT, (), 1.0),),
    exact_answers=EXACT,
    notices=(RETRACTED, UNDECIDED),
    sources=(Source("7", "A trial", url="https://pubmed.ncbi.nlm.nih.gov/7/"),),
)


def written(form: str) -> str:
    if form == "plain":
        return "\n".join(line for line, _ in plain.lines(ANSWER))
    return html.fragment(ANSWER) if form == "html" else markdown.whole(ANSWER)


@pytest.mark.parametrize("form", ["plain", "html", "markdown"])
def test_that_a_verdict_is_withheld_is_told_before_the_statements(form: str) -> None:
    text = written(form)

    assert text.count(UNDECIDED.message) == 1
    assert text.index(UNDECIDED.message) < text.index(STATEMENT) < text.index(RETRACTED.message)


@pytest.mark.parametrize("form", ["plain", "html", "markdown"])
def test_a_notice_names_the_article_that_it_is_about(form: str) -> None:
    text = written(form).replace("\\", "")

    assert f"{RETRACTED.message} (PMID 7)" in text


@pytest.mark.parametrize("form", ["plain", "html", "markdown"])
def test_names_that_are_hardly_likely_are_told_as_weak_candidates(form: str) -> None:
    text = written(form).replace("\\", "")

    assert "Weak candidates: glands (0.12); vagus (0.11)" in text
    assert [text.count(exact.text) for exact in EXACT] == [1, 1, 1]
    assert text.index("hyoscine") < text.index("Weak")


def test_a_text_that_is_written_while_it_streams_tells_every_notice_once() -> None:
    live = markdown.LiveText()

    text = live.statement(ANSWER.statements[0]) + "".join(live.rest(ANSWER))

    assert [text.count(notice.message) for notice in ANSWER.notices] == [1, 1]


def test_a_retracted_article_that_is_cited_is_told_however_little_it_fits() -> None:
    cited = Document("7", (Section("title", "A trial"),), retracted=True)

    told = about_documents([], [cited], retracted_allowed=True)
    told_once = about_documents([cited], [cited], retracted_allowed=True)

    assert [(notice.kind, notice.document_id) for notice in told] == [("retracted", "7")]
    assert told_once == told
