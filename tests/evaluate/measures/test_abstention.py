"""What abstaining is worth: to answer always, or never, is worth nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.evaluate.measures.abstention import score_answerability, score_risk_coverage
from ragqa.evaluate.measures.measure import figures

IDS = [f"q{number}" for number in range(40)]
ANSWERABLE = {question: place % 4 > 0 for place, question in enumerate(IDS)}


def risk_coverage(right, confidence):
    """The area as it is defined: the mean, over the places of the ranking, of the share of wrong answers so far."""
    ranked = [right[question] for question in sorted(right, key=lambda q: -confidence.get(q, -1.0))]
    return float(np.mean([1 - np.mean(ranked[:k]) for k in range(1, len(ranked) + 1)]))


def test_always_and_never_answering_are_worth_nothing_and_telling_apart_something():
    always = score_answerability(ANSWERABLE, ANSWERABLE)
    never = score_answerability(ANSWERABLE, dict.fromkeys(IDS))
    calibrated = score_answerability(
        ANSWERABLE, {q: True if ANSWERABLE[q] and p % 3 else None for p, q in enumerate(IDS)}
    )
    assert figures(always) == {"right_answerable": 1.0, "answered_unanswerable": 1.0, "answerability_f1": 0.0}
    assert figures(never) == {"right_answerable": 0.0, "answered_unanswerable": 0.0, "answerability_f1": 0.0}
    assert figures(calibrated)["answerability_f1"] == pytest.approx(2 * (20 / 30) / (1 + 20 / 30))


def test_a_crash_is_no_abstention():
    scores = score_answerability({"a": True, "b": False}, {"a": True})
    assert figures(scores)["answered_unanswerable"] == 1.0


@pytest.mark.parametrize("same", [True, False])
def test_questions_of_one_kind_only_are_refused(same):
    with pytest.raises(UsageError, match="some of both kinds"):
        score_answerability({"a": same, "b": same}, {})


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_the_area_is_that_of_the_ranking(outcomes):
    right = {f"q{place}": value for place, value in enumerate(outcomes)}
    confidence = {question: 1 - place / 100 for place, question in enumerate(right)}
    # The integral within a step differs from the sum of its ends by at most one step.
    assert figures(score_risk_coverage(right, confidence))["aurc"] == pytest.approx(
        risk_coverage(right, confidence), abs=1 / len(right)
    )


def test_the_area_of_many_questions_and_of_ties():
    generator = np.random.default_rng(1)
    sure = generator.random(2000)
    right = {f"q{n}": bool(value) for n, value in enumerate(generator.random(2000) < sure)}
    confidence = {f"q{n}": float(value) for n, value in enumerate(sure)}
    found = figures(score_risk_coverage(right, confidence))["aurc"]
    assert found == pytest.approx(risk_coverage(right, confidence), abs=0.01)
    tied = figures(score_risk_coverage(right, dict.fromkeys(right, 0.5)))["aurc"]
    assert tied == pytest.approx(1 - np.mean(list(right.values())))
    assert found < tied, "a system that knows what it knows has less risk"
    assert figures(score_risk_coverage(right, {q: -c for q, c in confidence.items()}))["aurc"] > tied
