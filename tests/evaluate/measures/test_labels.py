"""Accuracy, macro-F1, calibration and selective answering."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score

from ragqa.errors import UsageError
from ragqa.evaluate.measures.abstention import score_selective
from ragqa.evaluate.measures.calibration import reliability, score_calibration
from ragqa.evaluate.measures.choices import parse_choice, score_choices
from ragqa.evaluate.measures.labels import PUBMEDQA_LABELS, score_labels
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.stats.intervals import interval, n_averaged
from ragqa.evaluate.stats.tests import compare

LABELS = st.sampled_from(PUBMEDQA_LABELS)


@settings(deadline=None)
@given(st.lists(st.tuples(LABELS, st.sampled_from([*PUBMEDQA_LABELS, "unclear"])), min_size=1))
def test_accuracy_and_macro_f1_agree_with_scikit_learn(pairs):
    gold = {f"q{i}": label for i, (label, _) in enumerate(pairs)}
    predicted = {f"q{i}": label for i, (_, label) in enumerate(pairs)}
    truth, read = list(gold.values()), list(predicted.values())

    scores = score_labels(gold, predicted)

    assert figures(scores)["accuracy"] == pytest.approx(accuracy_score(truth, read))
    expected = f1_score(truth, read, labels=list(PUBMEDQA_LABELS), average="macro", zero_division=0)
    assert figures(scores)["macro_f1"] == pytest.approx(expected)
    assert scores.counts["n_unparsed"] == read.count("unclear")


def test_all_yes_on_the_official_test_labels_gives_the_published_baseline():
    labels = ["yes"] * 276 + ["no"] * 169 + ["maybe"] * 55
    gold = {str(i): label for i, label in enumerate(labels)}
    scores = figures(score_labels(gold, dict.fromkeys(gold, "yes")))
    assert round(100 * scores["accuracy"], 1) == 55.2
    assert round(100 * scores["macro_f1"], 1) == 23.7


def test_missing_abstained_and_unreadable_are_wrong_and_counted_apart():
    gold = {"q1": "yes", "q2": "yes", "q3": "no", "q4": "maybe"}
    scores = score_labels(gold, {"q1": " Yes", "q2": None, "q3": "perhaps", "extra": "no"})
    assert figures(scores)["accuracy"] == 0.25
    assert scores.counts == {"n_questions": 4, "n_missing": 1, "n_abstained": 1, "n_unparsed": 1, "n_not_in_gold": 1}


def test_macro_f1_has_an_interval():
    gold = {str(i): PUBMEDQA_LABELS[i % 3] for i in range(90)}
    predicted = {question: label if int(question) % 4 else "yes" for question, label in gold.items()}
    found = interval(score_labels(gold, predicted).measures["macro_f1"], n_resamples=1000)
    assert found.low < found.value < found.high


def test_gold_labels_must_be_known():
    with pytest.raises(UsageError, match="did you mean 'maybe'"):
        score_labels({"q": "maybee"}, {})
    with pytest.raises(UsageError, match="no gold labels"):
        score_labels({}, {})


class TestCalibration:
    def test_brier_is_the_multi_class_score(self):
        generator = np.random.default_rng(1)
        table = generator.dirichlet([1, 1, 1], size=50)
        gold = {str(i): PUBMEDQA_LABELS[generator.integers(3)] for i in range(50)}
        probabilities = {str(i): dict(zip(PUBMEDQA_LABELS, row, strict=True)) for i, row in enumerate(table.tolist())}

        brier = figures(score_calibration(gold, probabilities, PUBMEDQA_LABELS))["brier"]

        ordered = sorted(PUBMEDQA_LABELS)
        columns = [PUBMEDQA_LABELS.index(label) for label in ordered]
        expected = brier_score_loss(list(gold.values()), table[:, columns], labels=ordered, scale_by_half=False)
        assert brier == pytest.approx(expected)

    def test_ece_of_a_hand_counted_case(self):
        gold = {"a": "yes", "b": "no", "c": "yes"}
        sure = {"a": {"yes": 0.9, "no": 0.1}, "b": {"yes": 0.9, "no": 0.1}, "c": {"yes": 0.6, "no": 0.4}}
        # Bin (.8, .9]: 2 questions, half right, confidence .9; bin (.5, .6]: 1 question, right, confidence .6.
        # The first bin's share has a deviation of sqrt(.5 * .5 / 2); by it a gap of .4 looks larger than it is.
        gaps = np.abs(np.random.default_rng(1).normal(-0.4, 0.125**0.5, 1_000_000))
        scores = score_calibration(gold, sure, ("yes", "no"))
        assert figures(scores)["ece"] == pytest.approx((2 * (2 * 0.4 - gaps.mean()) + 1 * 0.4) / 3, abs=0.002)
        bins = reliability([0.9, 0.9, 0.6], [True, False, True])
        assert [(b.n_questions, b.accuracy, b.confidence) for b in bins] == [(1, 1.0, 0.6), (2, 0.5, 0.9)]

    def test_a_calibrated_system_has_hardly_any_error_on_few_questions(self):
        generator = np.random.default_rng(3)
        errors, biased = [], []
        for _ in range(200):
            confidence = generator.uniform(0.5, 1.0, 100)
            right = generator.random(100) < confidence
            gold = {str(n): "yes" if is_right else "no" for n, is_right in enumerate(right)}
            chances = {str(n): {"yes": sure, "no": 1 - sure} for n, sure in enumerate(confidence.tolist())}
            errors.append(figures(score_calibration(gold, chances, ("yes", "no")))["ece"])
            bins = reliability(confidence.tolist(), right.tolist())
            biased.append(sum(abs(b.accuracy - b.confidence) * b.n_questions for b in bins) / 100)
        assert np.mean(biased) > 0.06
        assert np.mean(errors) < 0.6 * np.mean(biased)

    def test_nothing_is_gained_by_keeping_silent(self):
        gold = {str(n): "yes" for n in range(20)}
        # Sixteen that are sure and right, four that are unsure and wrong: silence hides the four.
        sure = {q: {"yes": 0.9, "no": 0.1} if int(q) < 16 else {"yes": 0.4, "no": 0.6} for q in gold}
        silent = {q: chances for q, chances in sure.items() if int(q) < 16}
        spoken, hidden = (score_calibration(gold, chances, ("yes", "no")) for chances in (sure, silent))

        assert hidden.counts == {"n_questions": 20, "n_without_probability": 4}
        assert figures(hidden)["brier"] > figures(spoken)["brier"]
        assert figures(hidden)["ece"] > figures(spoken)["ece"]
        assert figures(hidden)["brier_answered"] == pytest.approx(0.02)
        assert n_averaged(hidden.measures["brier_answered"]) == n_averaged(hidden.measures["ece_answered"]) == 16
        assert n_averaged(hidden.measures["brier"]) == 20
        for name in hidden.measures:
            found = compare(spoken.measures[name], hidden.measures[name], n_resamples=200)
            assert found.wins + found.ties + found.losses == 20

    def test_questions_without_probabilities_are_counted(self):
        scores = score_calibration({"a": "yes", "b": "no"}, {"a": {"yes": 1.0}}, ("yes", "no"))
        assert scores.counts == {"n_questions": 2, "n_without_probability": 1}
        with pytest.raises(UsageError, match="none of the 1 questions"):
            score_calibration({"a": "yes"}, {}, ("yes", "no"))

    @pytest.mark.parametrize("wrong", [{"yes": 0.7}, {"yes": 1.2, "no": -0.2}, {"yes": 0.5, "perhaps": 0.5}])
    def test_what_is_no_distribution_is_refused(self, wrong):
        with pytest.raises(UsageError, match="question a"):
            score_calibration({"a": "yes"}, {"a": wrong}, ("yes", "no"))


class TestAbstaining:
    def test_answer_rate_and_selective_accuracy(self):
        scores = score_selective({"a": True, "b": False, "c": None, "d": True})
        assert figures(scores) == {"answer_rate": 0.75, "selective_accuracy": pytest.approx(2 / 3)}
        assert scores.counts == {"n_questions": 4, "n_answered": 3, "n_abstained": 1}

    def test_a_system_that_never_answers_is_told(self):
        scores = score_selective({"a": None})
        assert figures(scores)["selective_accuracy"] == 0.0
        assert scores.notes

    def test_confidence_must_be_a_probability(self):
        with pytest.raises(UsageError, match="outside 0 to 1"):
            reliability([1.5], [True])
        with pytest.raises(UsageError, match="one of each"):
            reliability([0.5], [])


class TestMultipleChoice:
    @pytest.mark.parametrize(
        ("text", "letter"),
        [
            ("B", "B"), ("  C.", "C"), ("D) because", None), ("Option D is right", "D"), ("The answer is: B", "B"),
            ('{"step_by_step_thinking": "A: no", "answer_choice": "C"}', "C"), ("A or B", "A"), ("", None),
            ("I would choose B", None),
        ],
    )  # fmt: skip
    def test_mirages_patterns(self, text, letter):
        assert parse_choice(text) == letter

    def test_unreadable_is_wrong_and_a_in_mirages_figure(self):
        gold = {"q1": "A", "q2": "A", "q3": "B", "q4": "B"}
        scores = score_choices(gold, {"q1": "A", "q2": "no idea", "q3": "no idea"})
        assert figures(scores) == {"accuracy": 0.25, "mirage_accuracy": 0.5, "unparsed_rate": 0.75}
        assert scores.counts == {"n_questions": 4, "n_missing": 1, "n_unparsed": 2}

    def test_the_mean_over_sets_is_unweighted(self):
        gold = {"a": "A", "b": "B", "c": "C", "d": "D"}
        sets = {"a": "medqa", "b": "medqa", "c": "medqa", "d": "bioasq"}
        scores = figures(score_choices(gold, {"a": "A", "b": "B", "c": "C"}, sets))
        assert (scores["accuracy"], scores["accuracy_medqa"], scores["mean_accuracy"]) == (0.75, 1.0, 0.5)
        assert scores["mean_mirage_accuracy"] == 0.5

    def test_gold_must_be_letters(self):
        with pytest.raises(UsageError, match="1 of 2 gold answers"):
            score_choices({"a": "A", "b": "yes"}, {})
