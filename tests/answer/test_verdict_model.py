"""The yes/no/maybe model: its file is complete, its features mean what their names say."""

import numpy as np
import pytest

from ragqa.answer import verdict
from ragqa.answer.verdict_features import SENTENCE_FEATURES, sentence_features

QUESTION = "Does smoking increase the risk of stroke?"


def feature(sentence: str, name: str) -> float:
    return float(sentence_features(QUESTION, [sentence])[0, SENTENCE_FEATURES.index(name)])


def test_the_file_says_how_it_was_made_and_how_well_it_does() -> None:
    file = verdict.load()
    assert set(file.models) == {"findings", "conclusion"}
    for name, model in file.models.items():
        assert list(model.features) == verdict.feature_names(name)
    assert file.made_from["folds"] == 10
    assert file.cross_validation["findings"]["accuracy"] > file.cross_validation["majority"]["accuracy"]


@pytest.mark.parametrize(
    ("name", "with_it", "without"),
    [
        ("no_significance", "It was not significant.", "It was significant."),
        ("significant", "It was significant.", "It was not significant."),
        ("p_low", "It rose (P < 0.001).", "It rose (P = 0.21)."),
        ("p_high", "It rose (p=.21).", "It rose (p=.02)."),
        ("opposite_direction", "Smoking reduced the risk.", "Smoking increased the risk."),
        ("denied", "There was no association.", "There was an association."),
    ],
)
def test_signs(name: str, with_it: str, without: str) -> None:
    assert feature(with_it, name) > feature(without, name)


def test_probabilities_add_up_and_follow_the_wording() -> None:
    yes = verdict.probabilities(QUESTION, ["Stroke was significantly more common in smokers (P < 0.001)."])
    no = verdict.probabilities(QUESTION, ["There was no significant difference. Rates were similar (P = 0.8)."])
    assert yes.sum() == pytest.approx(1)
    assert yes[0] > no[0]
    assert no[1] > yes[1]


def test_a_conclusion_is_read_when_there_is_one() -> None:
    findings = ["We followed 900 people."]
    concluded = verdict.probabilities(QUESTION, findings, ["Smoking does not increase the risk of stroke."])
    assert not np.allclose(concluded, verdict.probabilities(QUESTION, findings))
    assert concluded.argmax() == verdict.LABELS.index("no")


def test_nothing_to_read_still_gives_probabilities() -> None:
    assert verdict.probabilities(QUESTION, []).sum() == pytest.approx(1)
