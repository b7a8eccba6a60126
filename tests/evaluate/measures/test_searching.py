"""What was found, cited and answered after many searches, checked by hand and against the official formula."""

import numpy as np
import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.measures.confidence import score_confidence
from ragqa.evaluate.measures.measure import figures, per_question
from ragqa.evaluate.measures.searching import Searched, score_searching
from ragqa.evaluate.measures.short_answers import score_short_answers
from ragqa.evaluate.stats.intervals import interval

EVIDENCE = {"a": ["1", "2", "3", "4"], "b": ["5"], "c": ["6"], "d": []}
GOLD = {"a": ["1"], "b": [], "c": ["6"], "d": []}


class TestSearching:
    def test_figures_by_hand(self) -> None:
        searched = {
            "a": Searched(3, ["1", "2", "9", "2"], ["1", "9"]),
            "b": Searched(1, ["5", "8"]),
            "d": Searched(2, ["7"], ["7"]),
        }

        scores = score_searching(EVIDENCE, GOLD, searched)

        assert figures(scores) == pytest.approx(
            {
                "n_searches": 2.0,  # over a, b and d: nothing is known of c
                "n_retrieved": 2.0,
                "evidence_recall": (2 / 4 + 1 + 0) / 3,
                "gold_recall": (1 + 0) / 2,
                "citation_precision": (1 / 2 + 0 + 0) / 3,
                "citation_precision_cited": 1 / 2,
                "citation_recall": (1 / 4 + 0 + 0) / 3,
                "citation_recall_cited": 1 / 4,
            }
        )
        assert scores.counts == {"n_questions": 4, "n_without_record": 1, "n_without_evidence": 1, "n_citing": 2}
        assert interval(scores.measures["n_searches"]).n_questions == 3

    def test_a_crash_lowers_recall_but_not_the_number_of_searches(self) -> None:
        whole = {q: Searched(2, documents) for q, documents in EVIDENCE.items()}
        crashed = {q: one for q, one in whole.items() if q != "a"}

        before, after = (figures(score_searching(EVIDENCE, GOLD, found)) for found in (whole, crashed))

        assert after["n_searches"] == before["n_searches"] == 2
        assert after["evidence_recall"] < before["evidence_recall"] == 1

    def test_without_evidence_or_records_there_is_nothing_to_score(self) -> None:
        with pytest.raises(UsageError, match="no question has evidence"):
            score_searching({"a": []}, {"a": []}, {"a": Searched(1, [])})
        with pytest.raises(UsageError, match="no question has a record"):
            score_searching(EVIDENCE, GOLD, {})


def test_short_answers_are_matched_by_their_words() -> None:
    wanted = {"a": ["The Beatles"], "b": ["aspirin", "acetylsalicylic acid"], "c": ["42 mg"], "d": ["x"], "e": []}
    given = {"a": "beatles!", "b": "low-dose acetylsalicylic acid", "c": "", "e": "anything"}

    scores = score_short_answers(wanted, given)

    assert per_question(scores.measures["exact_match"]) == {"a": 1.0, "b": 0.0, "c": 0.0, "d": 0.0}
    assert per_question(scores.measures["answer_f1"]) == pytest.approx({"a": 1.0, "b": 0.8, "c": 0.0, "d": 0.0})
    assert scores.counts == {"n_questions": 4, "n_without_answer": 2}
    with pytest.raises(UsageError, match="no question has an answer"):
        score_short_answers({"e": []}, given)


class TestConfidence:
    @staticmethod
    def official(confidence: np.ndarray, correct: np.ndarray, *, last: bool) -> float:
        """As BrowseComp-Plus' program computes it: equal bins of 100 by rank, the last one taking the rest."""
        order = np.argsort(confidence, kind="stable")
        parts = np.split(order, [100 * i for i in range(1, len(order) // 100)])
        gaps = [len(p) / len(order) * (confidence[p].mean() - correct[p].mean()) ** 2 for p in parts]
        return float(np.sqrt(sum(gaps if last else gaps[:-1])))

    @pytest.mark.parametrize("n", [100, 199, 350, 830])
    def test_it_is_the_official_formula_with_and_without_the_last_bin(self, n: int) -> None:
        generator = np.random.default_rng(n)
        confidence, correct = generator.random(n), generator.random(n) < 0.4
        ids = [f"q{place}" for place in range(n)]
        right = {**dict(zip(ids, map(bool, correct), strict=True)), "silent": False}

        scores = score_confidence(right, dict(zip(ids, confidence.tolist(), strict=True)))

        assert figures(scores) == pytest.approx(
            {
                "rms_calibration_error": self.official(confidence, correct, last=True),
                "browsecomp_calibration_error": self.official(confidence, correct, last=False),
            }
        )
        assert scores.counts == {"n_questions": n + 1, "n_without_confidence": 1}
        assert interval(scores.measures["rms_calibration_error"]).n_questions == n

    def test_too_few_and_impossible_confidences_are_refused(self) -> None:
        right = {str(place): True for place in range(120)}
        with pytest.raises(UsageError, match="at least 100"):
            score_confidence(right, dict.fromkeys(list(right)[:99], 0.5))
        with pytest.raises(UsageError, match="not within 0 and 1"):
            score_confidence(right, dict.fromkeys(right, 80.0))
