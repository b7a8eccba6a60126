"""SciFact's scores, on the worked example of its guide and in the corners."""

import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import figure, figures
from ragqa.evaluate.measures.verification import GoldAbstract, LabelledAbstract, score_verification

GOLD = {
    "52": {
        "11": GoldAbstract("supports", (frozenset({0, 1}), frozenset({11}))),
        "15": GoldAbstract("supports", (frozenset({4}),)),
    }
}
LABELLED = {
    "52": {"11": LabelledAbstract("supports", (1, 11, 13)), "16": LabelledAbstract("contradicts", (18, 20))},
}


def test_the_worked_example_of_scifacts_evaluation_guide():
    found = figures(score_verification(GOLD, LABELLED))
    assert found["abstract_rationalized_precision"] == 1 / 2
    assert found["abstract_rationalized_recall"] == 1 / 2
    assert found["abstract_rationalized_f1"] == 1 / 2
    assert found["sentence_label_precision"] == 1 / 5
    assert found["sentence_label_recall"] == 1 / 4
    assert found["sentence_label_f1"] == pytest.approx(2 / 9)


def test_a_wrong_label_costs_the_label_and_not_the_selection():
    labelled = {"52": {"11": LabelledAbstract("contradicts", (11,))}}
    found = figures(score_verification(GOLD, labelled))
    assert found["sentence_selection_precision"] == 1
    assert found["sentence_label_f1"] == found["abstract_label_only_f1"] == 0


def test_only_the_first_three_sentences_prove_an_abstract():
    labelled = {"52": {"15": LabelledAbstract("supports", (1, 2, 3, 4))}}
    scores = score_verification(GOLD, labelled)
    found = figures(scores)
    assert found["abstract_label_only_precision"] == 1
    assert found["abstract_rationalized_precision"] == 0
    assert found["sentence_selection_precision"] == 1 / 4
    assert scores.counts["n_rationales_too_long"] == 1


def test_counts_are_pooled_over_claims():
    gold = {**GOLD, "53": {}}
    labelled = {**LABELLED, "53": {"9": LabelledAbstract("supports", (0,))}}
    scores = score_verification(gold, labelled)
    assert figure(scores.measures["abstract_label_only_precision"]) == pytest.approx(1 / 3)
    assert figure(scores.measures["abstract_label_only_recall"]) == pytest.approx(1 / 2)


def test_nothing_found_scores_nothing_and_nothing_asked_is_refused():
    assert set(figures(score_verification(GOLD, {})).values()) == {0.0}
    with pytest.raises(UsageError, match="no claim"):
        score_verification({}, {})


def test_without_sentences_in_the_gold_only_labels_are_scored():
    found = score_verification({"1": {"d": GoldAbstract("supports")}}, {}, by_sentence=False)
    assert {name.rsplit("_", 1)[0] for name in found.measures} == {"abstract_label_only"}
