"""Questions near a question, from the titles of articles."""

import pytest

from ragqa.answer.related import as_question, related
from ragqa.types import Document, Section


def article(identifier: str, title: str, *, retracted: bool = False) -> Document:
    return Document(id=identifier, sections=(Section("title", title),), retracted=retracted)


@pytest.mark.parametrize(
    ("title", "question"),
    [
        ("[Is aspirin of use after stroke?]", "Is aspirin of use after stroke?"),
        (
            "Role of zinc in the common cold. A review: part one",
            "What is the role of zinc in the common cold. A review?",
        ),
        ("The association between gout and kidney stones.", "What is the association between gout and kidney stones?"),
        ("Statins?", ""),
        ("Gout in Texas: what next? A comment.", ""),
        ("Effect of X " * 50, ""),
    ],
)
def test_a_title_becomes_a_question_only_where_it_tells_one(title, question):
    assert as_question(title) == question


def test_related_questions_are_on_the_topic_and_come_once():
    found = related(
        "Do statins reduce atrial fibrillation?",
        [
            article("1", "Do statins reduce atrial fibrillation?"),
            article("2", "Effects of statins on atrial fibrillation in women: a cohort study."),
            article("3", "What are the effects of statins on atrial fibrillation in women?"),
            article("4", "Is there a link between depression and tuba playing?"),
            article("5", "Are statins and fibrillation linked after surgery?", retracted=True),
            article("6", "Are statins and fibrillation linked after valve surgery?"),
        ],
        5,
    )

    assert [one.document_id for one in found] == ["2", "6"]
    assert found[0].question == "What are the effects of statins on atrial fibrillation in women?"
