"""How messages are read after others: as they stand, completed, or not at all."""

import json
from pathlib import Path

import pytest

from ragqa.answer.dialogue.rewriting import is_faithful
from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.dialogue.understand import asking_back, understand

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
STATINS_BARE = STATINS.removesuffix("?")
STATINS_TOPIC = "Preoperative statins, atrial fibrillation after coronary artery bypass grafting"
ASTHMA = "Can dexamethasone replace prednisone for asthma attacks in children?"
QUESTIONS = Path(__file__).parents[3] / "corpora/sample/questions.jsonl"


def after(*said: str) -> list[Turn]:
    """Turns of a user, each with an answer."""
    return [turn for text in said for turn in (Turn("user", text), Turn("assistant", "Yes (81%). It does [1]."))]


def sample_questions() -> list[str]:
    return [json.loads(line)["text"] for line in QUESTIONS.read_text().splitlines()]


@pytest.mark.parametrize("earlier", [[], after(STATINS), after(ASTHMA, "And in adults?")])
def test_whole_questions_are_left_as_they_are(earlier: list[Turn]) -> None:
    assert len(sample_questions()) == 40
    for question in sample_questions():
        read = understand(question, earlier)
        assert (read.question, read.is_completed) == (question, False), question


@pytest.mark.parametrize(
    "question",
    [
        "Does metformin lower mortality in diabetes?",
        "What are statins?",
        "Is metformin safe?",
        "Is it possible to screen for coeliac disease?",
        "Is depression more common in women?",
        "Does aspirin work if it is taken late?",
        "acute pancreatitis prognosis",
    ],
)
def test_a_question_with_a_topic_of_its_own_changes_the_topic(question: str) -> None:
    assert understand(question, after(STATINS)).question == question
    assert understand("And in women?", after(STATINS, question)).topic == question


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ("And in women?", f"{STATINS_BARE} in women?"),
        ("In women?", f"{STATINS_BARE} in women?"),
        ("women?", f"{STATINS_BARE} in women?"),
        ("What about women?", f"{STATINS_BARE} in women?"),
        ("ok, and how about older patients?", f"{STATINS_BARE} in older patients?"),
        ("Is that also true in women?", f"{STATINS_BARE} in women?"),
        ("Does this hold for diabetics?", f"{STATINS_BARE} for diabetics?"),
        ("And after five years?", f"{STATINS_BARE} after five years?"),
        ("in patients with diabetes", f"{STATINS_BARE} in patients with diabetes?"),
        ("Are they safe?", f"{STATINS_TOPIC}: are they safe?"),
        ("Side effects?", f"{STATINS_TOPIC}: side effects?"),
        ("What is the dose?", f"{STATINS_TOPIC}: what is the dose?"),
        ("Why?", f"{STATINS_TOPIC}: why?"),
        ("Tell me more", f"{STATINS_TOPIC}: what is known?"),
        ("Are you sure?", STATINS),
        ("Do they prevent stroke?", "Do preoperative statins prevent stroke?"),
    ],
)
def test_a_message_that_leans_on_the_topic_is_completed(message: str, question: str) -> None:
    read = understand(message, after(STATINS))

    assert read.question == question
    assert read.is_completed


@pytest.mark.parametrize(
    ("topic", "phrase"),
    [
        (
            "Is it justified to screen risk groups for coeliac disease?",
            "Justified to screen risk groups for coeliac disease",
        ),
        (
            "Which clusters were found among seniors who had not been vaccinated against influenza?",
            "Clusters found among seniors who had not been vaccinated against influenza",
        ),
        (
            "Does a longer wait before appendectomy lead to more complications?",
            "A longer wait before appendectomy, to more complications",
        ),
    ],
)
def test_a_topic_is_named_without_its_auxiliaries_and_keeps_its_negations(topic: str, phrase: str) -> None:
    assert understand("Why?", after(topic)).question == f"{phrase}: why?"


def test_a_limit_takes_the_place_of_one_of_its_kind() -> None:
    assert understand("And in adults?", after(ASTHMA)).question == ASTHMA.replace("children", "adults")
    third = understand("And in infants?", after(ASTHMA, "And in adults?"))
    assert third.question == ASTHMA.replace("children", "infants")


def test_a_limit_that_names_more_than_people_is_kept() -> None:
    stroke = "Is recovery after a stroke better in people who were already taking a statin?"

    assert understand("And in women?", after(stroke)).question == f"{stroke.removesuffix('?')}, in women?"


@pytest.mark.parametrize(
    "message",
    [
        "What about aspirin?",
        "Aspirin?",
        "And vitamin D?",
        "Does aspirin help?",
        "Is surgery better?",
        "Medication?",
        "Is medication better?",
        "Does it also lower mortality?",  # the statins are many, so "it" is something else
        "Does ablation keep more patients free of it?",
        "And for stroke?",
        "Und bei Frauen?",
        "thanks",
        "yes",
        "?",
    ],
)
def test_what_can_be_read_in_several_ways_is_asked_back(message: str) -> None:
    earlier = after(STATINS)
    read = understand(message, earlier)

    assert read.question == ""
    assert f"“{message}”" in asking_back(message, read, earlier)


def test_consent_to_what_was_asked_back_is_that_question() -> None:
    offered = understand("And for stroke?", after(STATINS)).suggestion
    assert offered == f"{STATINS_BARE} for stroke?"

    agreed = understand("Yes, please.", after(STATINS, "And for stroke?"))

    assert agreed.question == offered
    assert understand("Yes", after(STATINS, "And for stroke?", "Are they safe?")).question == ""


@pytest.mark.parametrize("message", ["And in women?", "What are the side effects?", "Is it safe?", "hello", "x", "?"])
def test_a_first_message_without_a_topic_is_asked_back(message: str) -> None:
    assert understand(message, []).question == ""


@pytest.mark.parametrize("message", ["Is pregnancy safe in older women?", "Aspirin?", "Does smoking harm children?"])
def test_a_first_message_with_a_topic_is_a_question(message: str) -> None:
    assert understand(message, []).question == message


def test_a_long_paste_is_a_topic_by_its_last_question() -> None:
    pasted = f"{'Some text of a guideline. ' * 60}{STATINS} Thank you."

    assert understand("And in women?", after(pasted)).question == f"{STATINS_BARE} in women?"


@pytest.mark.parametrize(
    ("rewritten", "believed"),
    [
        ("Does aspirin reduce atrial fibrillation after coronary artery bypass grafting?", True),
        ("Does aspirin prevent atrial fibrillation?", True),
        ("Is depression more frequent in rural populations?", False),
        ("Aspirin was given to 300 people in a randomised crossover study in Norway.", False),
        (STATINS, False),
        ("", False),
        ("aspirin " * 100, False),
    ],
)
def test_a_rewriting_is_believed_where_its_words_are_of_the_conversation(rewritten: str, believed: bool) -> None:
    assert is_faithful(rewritten, "What about aspirin?", after(STATINS)) == believed


def test_a_text_that_was_pasted_is_a_message_of_its_own() -> None:
    pasted = f"Is this right? {'It lowers the risk, and they live longer with it. ' * 50}".strip()
    read = understand(pasted, after(STATINS))
    assert (read.question, read.is_completed) == (pasted, False)
