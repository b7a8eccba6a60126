"""Claims and findings of trials labelled by the shipped model."""

import pytest

from ragqa.answer.extractive.reader import ExtractiveReader
from ragqa.evaluate.runs.labelling import labeller_of
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Proposition, Section, TrialQuestion

CLAIM_LABELS = ("supports", "contradicts", "neither")
TRIAL_LABELS = ("increased", "decreased", "no difference")
TRIAL = Document(
    "1",
    (
        Section("title", "Aspirin and stroke: a randomised trial"),
        Section("abstract", "We randomised 200 patients to aspirin or placebo. Aspirin significantly reduced the risk "
                            "of stroke compared with placebo (4% versus 9%, P = .01). We thank all patients."),
    ),
)  # fmt: skip


def reader() -> ExtractiveReader:
    return ExtractiveReader.open(AnswerSettings())


def best(probabilities: object) -> str:
    assert isinstance(probabilities, dict)
    return max(probabilities, key=lambda name: probabilities[name])


def test_the_reader_labels_by_itself() -> None:
    labeller = reader()
    assert labeller_of(labeller) is labeller


@pytest.mark.parametrize(
    ("claim", "label"),
    [
        ("Aspirin reduces the risk of stroke.", "supports"),
        ("Aspirin increases the risk of stroke.", "contradicts"),
    ],
)
def test_a_claim_and_its_opposite_get_opposite_labels(claim: str, label: str) -> None:
    told = reader().label(Proposition(claim, ("supports", "contradicts")), [TRIAL])

    assert best(told.probabilities) == label
    assert sum(told.probabilities.values()) == pytest.approx(1)
    assert told.evidence[0].span.quote.startswith("Aspirin significantly reduced")


def test_a_trial_s_direction_is_told() -> None:
    trial = TrialQuestion("aspirin", "placebo", "risk of stroke")

    told = reader().label(Proposition("What happens to the risk of stroke?", TRIAL_LABELS, trial), [TRIAL])

    assert best(told.probabilities) == "decreased"
    assert all(found.span.section == "abstract" for found in told.evidence)


def test_nothing_is_told_without_documents() -> None:
    told = reader().label(Proposition("Aspirin reduces the risk of stroke.", CLAIM_LABELS), [])

    assert told.probabilities == pytest.approx(dict.fromkeys(CLAIM_LABELS, 1 / 3))
    assert not told.evidence
