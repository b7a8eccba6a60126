"""What passages say to a question: directions compared by rule, denial taken off, wordings told apart."""

import numpy as np
import pytest

from ragqa.answer.assertion import asserted
from ragqa.answer.extractive.evidence import gather
from ragqa.answer.extractive.relation import compared, masked, query_of, relate, stances
from ragqa.answer.extractive.verdict import overall_verdict
from ragqa.answer.question import analyse
from ragqa.reader.model import open_model
from ragqa.types import Document, Question, Section

UP, DOWN, SAME, SILENT = np.eye(4)


@pytest.mark.parametrize(
    ("text", "found", "side"),
    [
        ("Does A increase B?", UP, "yes"),
        ("Does A increase B?", DOWN, "no"),
        ("Does A increase B?", SAME, "no"),
        ("Does A reduce B?", DOWN, "yes"),
        ("Does A prevent strokes?", UP, "no"),
        ("A does not increase B.", SAME, "yes"),
        ("A does not increase B.", UP, "no"),
        ("Does A affect B?", DOWN, "yes"),
        ("Does A affect B?", SAME, "no"),
        ("Does A improve pain?", DOWN, "yes"),
        ("Does A improve survival?", UP, "yes"),
        ("Does A increase B?", SILENT, "nothing"),
    ],
)
def test_what_was_found_is_compared_with_what_was_asked(text: str, found: np.ndarray, side: str) -> None:
    probabilities = compared(asserted(text), found)

    assert ("yes", "no", "nothing")[int(probabilities.argmax())] == side
    assert probabilities.sum() == pytest.approx(1)


def test_the_direction_is_masked() -> None:
    assert masked("Does beta carotene prevent lung cancer?") == "Does beta carotene [MASK] lung cancer?"
    assert masked("Which gene is mutated in Rett syndrome?") is None


@pytest.mark.parametrize(
    ("text", "masked_text", "direction"),
    [
        ("Does A not prevent B?", "Does A [MASK] B?", "decrease"),
        ("Does A cause more cough than B?", "Does A [MASK] cough than B?", "increase"),
        ("Is cough more common with A than with B?", "Is cough [MASK] common with A than with B?", "increase"),
        ("Is A no better than placebo for B?", "", "increase"),
        ("Is A more effective than B for pain?", "", "decrease"),
        ("Is A less effective than B for survival?", "", "decrease"),
        ("Is A more sensitive than B?", "", "increase"),
        ("A is more effective than B for pain.", "A is [MASK] than B for pain.", "decrease"),
        ("Does A cause fewer events than B?", "Does A [MASK] events than B?", "decrease"),
        ("Does A slow the decline of renal function?", "Does A [MASK] the decline of renal function?", "decrease"),
        ("Does A accelerate the loss of bone?", "Does A [MASK] the loss of bone?", "increase"),
        ("Does A increase reductions in B?", "Does A [MASK] in B?", "decrease"),
    ],
)
def test_the_model_is_asked_what_happened_to_what_the_question_names(
    text: str, masked_text: str, direction: str
) -> None:
    query = query_of(text)

    assert (query.masked, query.told.direction) == (masked_text, direction)


@pytest.mark.parametrize(
    "text",
    [
        "Is A more effective than B for pain?",
        "Is A less sensitive than B?",
        "Is A no better than B for sleep?",
        "Is A better tolerated than B?",
        "Does A give worse results than B?",
        "Is A superior to B in mania?",
    ],
)
def test_which_of_two_is_better_is_asked_as_it_stands(text: str) -> None:
    query = query_of(text)

    assert not query.masked
    assert query.opposite
    assert not query.directed


def test_a_question_is_directed_and_a_claim_is_not() -> None:
    assert query_of("Does A reduce B?").directed
    assert not query_of("A reduces B.").directed


def test_less_effective_is_no_more_of_what_is_treated() -> None:
    text = "We conclude that sumatriptan nasal spray is less effective than subcutaneous injection in cluster headache."
    article = Document("1", (Section("title", "Sumatriptan"), Section("abstract", text)))
    labels = []
    for word in ("less", "more"):
        asked = analyse(
            Question(f"Is sumatriptan nasal spray {word} effective than the injection for cluster headache?")
        )
        verdict = overall_verdict(gather(open_model(), asked, [article], allow_retracted=False), 0.0, 0.5)
        assert verdict is not None
        labels.append(verdict.label)

    assert labels == ["yes", "no"]


def test_a_slowed_decline_is_read_as_less_of_it() -> None:
    passage = ["Enalapril attenuated the decline in renal function in patients with type 2 diabetes."]
    slowed, hastened = (
        relate(open_model(), query_of(f"Does enalapril {verb} the decline of renal function?"), [passage])[0].of_all
        for verb in ("slow", "accelerate")
    )

    assert (slowed.argmax(), hastened.argmax()) == (0, 1)


def test_opposite_questions_are_masked_alike() -> None:
    assert query_of("Does A increase B?").masked == query_of("Does A decrease B?").masked


def test_is_it_false_that_turns_the_result_round() -> None:
    passage = ["Aspirin significantly reduced the risk of stroke compared with placebo (P = .01)."]
    model = open_model()
    plain, denied = (
        relate(model, query_of(text), [passage])[0].of_all
        for text in (
            "Aspirin reduces the risk of stroke.",
            "Is it false that aspirin reduces the risk of stroke?",
        )
    )

    assert plain.argmax() != denied.argmax() or plain[2] > 0.5
    assert (plain[0] > plain[1]) != (denied[0] > denied[1])


def test_opposite_questions_get_opposite_answers() -> None:
    passage = ["Compared with placebo, aspirin significantly reduced the risk of stroke (4% versus 9%, P = .01)."]
    model = open_model()
    more, less = (
        relate(model, query_of(f"Does aspirin {verb} the risk of stroke?"), [passage])[0].of_all
        for verb in ("increase", "reduce")
    )

    assert more[1] > more[0]
    assert less[0] > less[1]


def test_a_question_and_its_opposite_are_read_as_mirror_images() -> None:
    passages = [["Aspirin significantly reduced the risk of stroke."], ["Strokes were as frequent in both groups."]]
    model = open_model()
    more, less = (
        stances(model, query_of(f"Does aspirin {verb} the risk of stroke?"), passages)
        for verb in ("increase", "decrease")
    )

    for one, other in zip(more, less, strict=True):
        assert one[[1, 0, 2]] == pytest.approx(other)
    assert more[0][1] > more[0][0]


def test_a_title_says_nothing_of_what_came_out() -> None:
    finding = "Statins significantly reduced the incidence of dementia (P < .01)."
    query, model = query_of("Do statins prevent dementia?"), open_model()
    alone, titled = (
        relate(model, query, [sentences], n_titles=[len(sentences) - 1])[0]
        for sentences in ([finding], ["Statins and dementia", finding])
    )

    assert titled.of_sentences[0].tolist() == [0.0, 0.0, 1.0]
    assert titled.of_all == pytest.approx(alone.of_all, abs=0.05)
    assert titled.of_all[0] > 0.8


def test_a_question_for_a_difference_of_any_kind_is_read_as_it_stands() -> None:
    query = query_of("Does aspirin affect the risk of stroke?")

    assert (query.masked, query.opposite) == ("", "")
    assert query_of("Aspirin affects the risk of stroke.").masked == "Aspirin [MASK] the risk of stroke."


def test_the_outcome_is_what_follows_the_direction() -> None:
    assert query_of("Does beta carotene prevent lung cancer?").outcome == query_of("Is there lung cancer?").outcome[-2:]
    assert set(query_of("Which gene is mutated in Rett syndrome?").outcome) >= {"gene", "rett"}


@pytest.mark.parametrize(("outcome", "side"), [("mean blood pressure", 0), ("length of hospital stay", 1)])
def test_of_two_outcomes_the_one_asked_for_counts(outcome: str, side: int) -> None:
    passage = [
        "A hundred patients were randomised to exercise training or usual care.",
        "Exercise training significantly reduced mean blood pressure (P < .001).",
        "In contrast, length of hospital stay was significantly longer with exercise training (P = .002).",
    ]
    found = relate(open_model(), query_of(f"Does exercise training reduce {outcome}?"), [passage])[0].of_all

    assert found[:2].argmax() == side
