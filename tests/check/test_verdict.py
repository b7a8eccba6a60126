"""What is noted of the articles behind a verdict on a claim."""

import pytest

from ragqa.check.verdict import find
from ragqa.reader.model import open_model
from ragqa.types import Document, Link, Section

CLAIM = "Rosuvastatin lowered LDL cholesterol in adults with diabetes."


def article(sentence: str = CLAIM, *kinds: str) -> Document:
    return Document(
        "7",
        (Section("title", "Rosuvastatin and LDL cholesterol in diabetes"), Section("abstract", sentence)),
        links=tuple(Link(kind, "8") for kind in kinds),
    )


@pytest.mark.parametrize(
    ("kinds", "notes"),
    [
        ((), ()),
        (("ExpressionOfConcernIn",), ("An expression of concern about 7 has been published",)),
        (("PartialRetractionIn",), ("A part of 7 has been retracted",)),
    ],
)
def test_what_became_of_a_cited_article_is_noted(kinds: tuple[str, ...], notes: tuple[str, ...]) -> None:
    found = find(open_model(), CLAIM, [article(CLAIM, *kinds)])
    assert [one.document_id for one in found.supporting] == ["7"]
    assert found.notes == notes


def test_a_long_sentence_is_quoted_without_half_a_number() -> None:
    claim = "Rosuvastatin lowered LDL cholesterol by 80% in adults with diabetes."
    head = "Rosuvastatin lowered LDL cholesterol by 41.25% in adults with diabetes, as the physicians of the clinics "
    for n_words in range(30, 44):
        sentence = f"{head}{'saw ' * n_words}told us of 123456 mg, 234567 mg and 345678 mg a day."
        (note,) = find(open_model(), claim, [article(sentence)]).notes
        quote = note.partition("“")[2].rstrip("”")
        assert quote.endswith((" …", "."))
        assert set(quote.removesuffix(" …").split()) <= set(sentence.split())
