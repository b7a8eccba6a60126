"""ERASER's measures against its own formulas on small cases, and what must hold of any evidence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import figures, per_question
from ragqa.evaluate.measures.rationale import ReadEvidence, score_faithfulness, score_rationales

TEXT = "one two three four five six seven eight nine ten"
TEXTS = {"q": {"d": TEXT}}
WORDS = [("d", begin, begin + len(word)) for word in TEXT.split() for begin in [f" {TEXT} ".index(f" {word} ")]]


def stretch(first, last):
    """The stretch from one word to another, both included."""
    return ("d", WORDS[first][1], WORDS[last][2])


def scored(gold, chosen, scores=()):
    found = score_rationales(TEXTS, {"q": gold}, {"q": ReadEvidence(tuple(chosen), tuple(scores))})
    return figures(found)


def test_token_f1_counts_tokens_and_iou_f1_stretches():
    # 4 gold tokens, 4 read, 3 shared: F1 6/8; intersection 3 over union 5 is .6.
    found = scored([stretch(0, 3)], [stretch(1, 4)])
    assert (found["token_f1"], found["iou_f1"]) == (0.75, 1.0)
    # 2 shared of 6 together: below a half.
    assert scored([stretch(0, 3)], [stretch(2, 5)])["iou_f1"] == 0.0


def test_eraser_averages_precision_and_recall_before_their_f1():
    gold = {"a": [stretch(0, 1)], "b": [stretch(0, 1)]}
    read = {"a": ReadEvidence((stretch(0, 1),))}
    found = score_rationales({"a": TEXTS["q"], "b": TEXTS["q"]}, gold, read)
    # Precision 1 (b read nothing and is not in it), recall 1/2: 2/3; the mean of the questions' F1 would be 1/2.
    assert figures(found)["iou_f1"] == pytest.approx(2 / 3)
    assert figures(found)["token_f1"] == 0.5
    assert found.counts == {"n_questions": 2, "n_without_evidence": 1}


def test_auprc_is_the_official_areas_under_the_curve():
    from sklearn.metrics import auc, precision_recall_curve

    scores = [(stretch(0, 1), 0.2), (stretch(2, 5), 0.9), (stretch(6, 9), 0.4)]
    truth = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    values = [0.2, 0.2, 0.9, 0.9, 0.9, 0.9, 0.4, 0.4, 0.4, 0.4]
    precision, recall, _ = precision_recall_curve(truth, values)
    assert scored([stretch(0, 2)], [], scores)["token_auprc"] == pytest.approx(auc(recall, precision))


def test_two_read_stretches_in_one_gold_stretch_do_not_raise_recall_above_one():
    assert scored([stretch(0, 3)], [stretch(0, 1), stretch(2, 3)])["iou_f1"] <= 1.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4))
def test_the_gold_itself_is_perfect_and_nothing_is_worst(pairs):
    gold = [stretch(min(pair), max(pair)) for pair in pairs]
    perfect, worst = scored(gold, gold), scored(gold, [])
    assert perfect["token_f1"] == perfect["iou_f1"] == perfect["token_auprc"] == 1.0
    assert set(worst.values()) == {0.0}


def test_questions_without_gold_are_not_scored():
    found = score_rationales({**TEXTS, "r": TEXTS["q"]}, {"q": [stretch(0, 0)], "r": []}, {})
    assert found.measures["token_f1"].question_ids == ("q",)
    with pytest.raises(UsageError, match="no question has marked evidence"):
        score_rationales(TEXTS, {"q": []}, {})


def test_faithfulness_follows_the_label_of_the_whole_documents():
    full = {"q": {"supports": 0.8, "contradicts": 0.2}, "r": {"supports": 0.4, "contradicts": 0.6}}
    only = {"q": {"supports": 0.7, "contradicts": 0.3}, "r": {"supports": 0.9, "contradicts": 0.1}}
    without = {"q": {"supports": 0.1, "contradicts": 0.9}, "r": {"supports": 0.4, "contradicts": 0.6}}
    found = score_faithfulness(full, only, without)
    assert per_question(found.measures["sufficiency"]) == pytest.approx({"q": 0.1, "r": 0.5})
    assert per_question(found.measures["comprehensiveness"]) == pytest.approx({"q": 0.7, "r": 0.0})
    with pytest.raises(UsageError, match="no probabilities"):
        score_faithfulness(full, {}, {})
