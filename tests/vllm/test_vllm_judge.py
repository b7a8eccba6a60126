"""A judge behind the real server: its replies keep to the form that is asked for, whatever a random model prefers."""

from typing import Any

import pytest

from ragqa.evaluate.measures.facts import Claim
from ragqa.evaluate.measures.judges import open_judge
from ragqa.evaluate.measures.language_judge import LanguageJudge, Rivals

SENTENCES = ("Statins reduce atrial fibrillation after bypass grafting.", "Honey bees dance, and they fly.")


@pytest.fixture
def judge(vllm: Any) -> LanguageJudge:
    opened = open_judge("llm", [one for one in vllm.overrides() if one.startswith("answer.chat.")])
    assert isinstance(opened, LanguageJudge)
    return opened


def test_statements_get_yes_or_no_with_the_probability_of_yes(judge: LanguageJudge) -> None:
    found = judge.judge([Claim(text, SENTENCES) for text in SENTENCES])

    assert judge.name.startswith("tiny@")
    assert not any(one.error for one in found)
    assert all(one.entailed == (one.strength > 0.5) for one in found)
    assert all(0 < one.strength < 1 for one in found), "log probabilities are read"


def test_pairs_get_one_of_three_verdicts(judge: LanguageJudge) -> None:
    found = judge.prefer([Rivals("What do statins do?", *SENTENCES), Rivals("What do statins do?", *SENTENCES[::-1])])

    assert {one.verdict for one in found} <= {"first", "second", "tie"}
    assert not any(one.error for one in found)


def test_sentences_are_split_or_stay_whole_with_the_reason(judge: LanguageJudge) -> None:
    for sentence, split in zip(SENTENCES, judge.split(SENTENCES), strict=True):
        assert split.facts
        assert split.facts == (sentence,) if split.error else all(split.facts)
