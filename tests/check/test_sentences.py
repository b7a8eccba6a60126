"""The sentences that are quoted beside the best one: those that tell of the claim, in reading order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.answer.passages import passages_of
from ragqa.answer.question import analyse
from ragqa.check.sentences import FEATURES, N_QUOTED, also_quoted, chances, sentence_features, sentence_weights
from ragqa.types import Document, Question, Section

CLAIM = "Statins lower the risk of stroke."
TITLE = "Statins and stroke"
ABSTRACT = (
    "Vascular disease is common in all countries. We studied whether statins lower the risk of stroke. "
    "Patients were followed for five years by telephone. The risk of stroke was lower with statins (2% against 4%, "
    "p < 0.01). Headache was rare. Statins lower the risk of stroke in adults with diabetes."
)


def judged(within: float = 0.5) -> np.ndarray:
    document = Document("1", (Section("title", TITLE), Section("abstract", ABSTRACT)))
    own = [one for one in passages_of(analyse(Question(CLAIM, type="yesno")), [document]) if one.part != "title"]
    return chances(sentence_features(CLAIM, TITLE, own, np.full(len(own), within)))


def test_findings_and_conclusions_of_the_claim_come_first() -> None:
    assert set(np.argsort(-judged())[:2].tolist()) == {3, 5}


def test_what_says_nothing_of_the_claim_is_not_quoted() -> None:
    found = also_quoted(judged(), best=5, says=0.9)
    assert 3 in found
    assert not {0, 2, 4} & set(found)


def test_what_the_model_reads_as_evidence_is_likelier() -> None:
    assert (judged(within=0.9) > judged(within=0.1)).all()


def test_a_sentence_is_told_by_each_weight_and_no_other() -> None:
    assert set(sentence_weights().weights) == {*FEATURES, "intercept"}


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12).flatmap(
        lambda told: st.tuples(st.just(told), st.integers(0, len(told) - 1))
    ),
    st.floats(0, 1),
)
def test_few_are_quoted_once_each_and_in_order(told: tuple[list[float], int], says: float) -> None:
    probabilities, best = told
    found = also_quoted(np.array(probabilities), best, says)
    assert len(found) < N_QUOTED
    assert best not in found
    assert found == sorted(set(found))


def test_less_is_quoted_of_an_article_that_less_likely_says_so() -> None:
    assert len(also_quoted(judged(), best=5, says=0.2)) <= len(also_quoted(judged(), best=5, says=0.9))


@pytest.mark.parametrize("text", ["Statins lower the risk of stroke.", "No."])
def test_an_abstract_of_one_sentence_is_judged_too(text: str) -> None:
    document = Document("1", (Section("abstract", text),))
    own = passages_of(analyse(Question(CLAIM, type="yesno")), [document])
    (chance,) = chances(sentence_features(CLAIM, "", own, np.array([0.5])))
    assert 0 < chance < 1
