"""What tells whether a document answers: the words of the question that it lacks, beside what the model read."""

import numpy as np
import pytest

from ragqa.answer.extractive.relation import Relation
from ragqa.answer.extractive.relevance import relevance_features
from ragqa.answer.passages import passages_of
from ragqa.answer.question import analyse
from ragqa.types import Document, Question, Section

ASKED = analyse(Question("Do statins prevent atrial fibrillation after surgery?"))


def features(*sections: Section, relevance: float = 2.0) -> dict[str, float]:
    passages = passages_of(ASKED, [Document("1", sections)])
    n = len(passages)
    said = Relation(np.array((0.6, 0.1, 0.3)), np.full((n, 3), 1 / 3), np.linspace(-1, 20, n), relevance, ())
    return relevance_features(ASKED, passages, said)


def test_a_title_does_not_count_where_there_is_an_abstract() -> None:
    title = Section("title", "Statins and atrial fibrillation after surgery")
    both = features(title, Section("abstract", "We studied mice. They were fed."))

    assert both["coverage"] == 0
    assert both["missing_words"] == len(set(ASKED.stems))
    assert features(title)["coverage"] > 0.5


def test_words_of_all_sentences_together_and_of_the_best_one() -> None:
    found = features(Section("abstract", "Statins were given. Atrial fibrillation was seen after surgery."))

    assert 0 < found["best_coverage"] < found["coverage"] <= 1
    assert found["missing_words"] < len(set(ASKED.stems))


def test_what_the_model_read_is_told_within_bounds() -> None:
    found = features(Section("abstract", "Statins were given. Nothing else."), relevance=-3.0)

    assert found["relevance"] == -3
    assert found["says_something"] == pytest.approx(0.7)
    assert found["evidence"] == 10
