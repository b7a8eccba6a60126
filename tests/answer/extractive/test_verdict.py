"""The verdict over several documents, and the gate before it."""

from dataclasses import replace

import numpy as np
import pytest

from ragqa.answer.extractive.evidence import DocumentEvidence, Evidence
from ragqa.answer.extractive.gate import objection
from ragqa.answer.extractive.verdict import agreement, overall_verdict
from ragqa.answer.question import analyse
from ragqa.types import Question

ASKED = analyse(Question("Do statins prevent strokes?"))


def says(yes: float, no: float, *, relevance: float = 0.9, level: float = 1.0, usable: bool = True) -> DocumentEvidence:
    said = np.array((yes, no, 1 - yes - no))
    return DocumentEvidence({}, relevance, said, level, usable)


def read(*documents: DocumentEvidence) -> Evidence:
    return Evidence([], np.zeros((0, 3)), np.zeros(0), np.ones(1), list(documents), [], len(documents))


def test_the_side_with_more_weight_wins() -> None:
    told = overall_verdict(read(says(0.8, 0.1), says(0.7, 0.1), says(0.1, 0.5, level=0.5)), 0.3, 0.6)

    assert told is not None
    assert told.label == "yes"
    assert sum(told.probabilities.values()) == pytest.approx(1)
    assert overall_verdict(read(says(0.1, 0.8)), 0.3, 0.6).label == "no"  # type: ignore[union-attr]


def test_what_barely_deals_with_the_question_contradicts_nothing() -> None:
    near, clear = says(0.0, 0.95, relevance=0.5), says(0.95, 0.0, relevance=0.95)
    alone, told = (overall_verdict(read(*documents), 0.3, 0.6) for documents in ((clear,), (clear, near)))
    against = overall_verdict(read(clear, says(0.0, 0.95, relevance=0.92)), 0.3, 0.6)

    assert told is not None
    assert told.label == "yes"
    assert told.likely
    assert not told.conflicting
    assert told.probabilities["yes"] < alone.probabilities["yes"]  # type: ignore[union-attr]
    assert against is not None
    assert against.conflicting
    assert not against.likely


def test_the_more_one_sided_the_surer() -> None:
    weak, strong = (
        overall_verdict(read(says(0.5, 0.3)), 0.3, 0.6),
        overall_verdict(read(says(0.9, 0.02)), 0.3, 0.6),
    )

    assert weak is not None
    assert strong is not None
    assert strong.probabilities["yes"] > weak.probabilities["yes"]


def test_a_verdict_is_decided_where_it_is_as_likely_as_is_asked() -> None:
    told = overall_verdict(read(says(0.8, 0.1)), 0.3, 0.0)

    assert told is not None
    for above, decided in ((told.share, True), (told.share + 1e-9, False)):
        again = overall_verdict(read(says(0.8, 0.1)), 0.3, above)
        assert again is not None
        assert again.decided is decided


def test_documents_that_disagree_are_told() -> None:
    told = overall_verdict(read(says(0.8, 0.1), says(0.1, 0.8)), 0.3, 0.6)

    assert told is not None
    assert told.conflicting
    assert not overall_verdict(read(says(0.8, 0.1), says(0.7, 0.1)), 0.3, 0.6).conflicting  # type: ignore[union-attr]


def test_nobody_is_asked_that_does_not_deal_with_the_question() -> None:
    assert overall_verdict(read(says(0.8, 0.1, relevance=0.1), says(0.8, 0.1, usable=False)), 0.3, 0.6) is None


def test_sentences_agree_with_their_side_of_the_verdict() -> None:
    relation = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])

    yes, no, maybe = (agreement(relation, label) for label in ("yes", "no", "maybe"))  # type: ignore[arg-type]
    assert yes[0] > yes[2] > yes[1]
    assert no[1] > no[2] > no[0]
    assert maybe.argmin() == 2


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ((), "No article was found"),
        ((says(0.8, 0.1, relevance=0.1),), "closely enough"),
        ((says(0.8, 0.1, usable=False),), "retracted"),
        ((says(0.8, 0.1),), ""),
    ],
)
def test_the_gate_says_why(documents: tuple[DocumentEvidence, ...], said: str) -> None:
    reason = objection(ASKED, read(*documents), 0.3)

    assert said in reason
    assert bool(said) == bool(reason)


def test_a_gate_without_a_bar_still_tells_that_all_were_retracted() -> None:
    assert "retracted" in objection(ASKED, read(says(0.8, 0.1, usable=False)), 0.0)


def test_articles_that_name_little_of_the_question_give_no_verdict() -> None:
    nearer, near = (replace(says(0.9, 0.02), coverage=share) for share in (0.6, 0.2))
    told, enough = (overall_verdict(read(nearer, near), 0.3, 0.5, least) for least in (0.6, 0.35))

    assert told is not None
    assert enough is not None
    assert (told.label, told.coverage, told.decided) == ("yes", pytest.approx(0.4), False)
    assert enough.decided
