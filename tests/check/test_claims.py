"""Which sentences of a text are claims, how they are read, and why others are not checked."""

import itertools

import pytest

from ragqa.check.text.blocks import Block
from ragqa.check.text.claims import claims_of
from ragqa.corpus.text import one_line


def read(*texts):
    return [claim.read for claim in claims_of([Block(text) for text in texts])[0]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Does aspirin prevent stroke?", "question"),
        ("Side effects.", "fragment"),
        ("Talk to your doctor about the dose.", "opinion or advice"),
        ("Patients with diabetes should receive a statin.", "opinion or advice"),
        ("In our view statins are overused.", "opinion or advice"),
        ("This leaflet explains how statins work.", "about the text itself"),
        ("We searched PubMed for randomised trials of statins.", "about the text itself"),
        ("To evaluate whether aspirin prevents stroke.", "about the text itself"),
        (f"The table has {'many words, ' * 200}which lower the risk of stroke.", "too long"),
        ("Smith J, Doe A. Statins and stroke in men. BMJ. 2003;12:1-4.", "reference"),
    ],
)
def test_what_asserts_nothing_is_left_out_with_the_reason(text, reason):
    claims, left_out = claims_of([Block(text)])
    assert not claims
    assert [one.reason for one in left_out] == [reason]


@pytest.mark.parametrize(
    "item", ["Loss of appetite", "Slight increase in heart rate", "Nausea, vomiting and diarrhoea"]
)
def test_an_item_that_names_a_change_says_nothing(item):
    claims, left_out = claims_of([Block(item, "item")])
    assert (claims, [one.reason for one in left_out]) == ([], ["fragment"])


def test_an_item_that_tells_a_change_is_a_claim():
    claims, _ = claims_of([Block("Increases appetite in children", "item")])
    assert [claim.read for claim in claims] == ["Increases appetite in children."]


def test_whose_something_is_is_read_from_the_sentence_before():
    assert read("Morphine is the opioid of choice. Its most common side effect is constipation.")[1] == (
        "Morphine’s most common side effect is constipation."
    )
    assert read("Statins lower cholesterol. Their effect on mortality is small.")[1] == (
        "Statins’ effect on mortality is small."
    )


def test_headings_and_code_are_left_out():
    claims, left_out = claims_of([Block("Statins lower cholesterol", "heading"), Block("x = lower(y, z)", "code")])
    assert (claims, [one.reason for one in left_out]) == ([], ["heading", "fragment"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Smoking causes lung cancer.", ["Smoking causes lung cancer."]),
        (
            "Aspirin lowers the risk of stroke but raises the risk of bleeding (PMID: 157).",
            ["Aspirin lowers the risk of stroke.", "Aspirin raises the risk of bleeding."],
        ),
        (
            "Vitamin D did not reduce fractures, and raised the risk of falls.",
            ["Vitamin D did not reduce fractures.", "Vitamin D raised the risk of falls."],
        ),
        ("Statins are cheap and safe in the elderly.", ["Statins are cheap and safe in the elderly."]),
        (
            "Metformin lowers glucose; it does not raise weight.",
            ["Metformin lowers glucose.", "Metformin does not raise weight."],
        ),
    ],
)
def test_a_sentence_is_cut_where_each_half_can_be_wrong_alone(text, parts):
    assert read(text) == parts


@pytest.mark.parametrize(
    ("texts", "last"),
    [
        (
            ("Beta carotene is a vitamin precursor.", "It increases lung cancer."),
            "Beta carotene increases lung cancer.",
        ),
        (("Warfarin prevents stroke.", "This drug can cause bleeding."), "Warfarin can cause bleeding."),
        (("Warfarin prevents stroke.", "These patients had fewer strokes."), "These patients had fewer strokes."),
        (
            ("Metformin lowers glucose.", "It is true that dogs bark loudly."),
            "Metformin is true that dogs bark loudly.",
        ),
        (
            ("Atrial fibrillation (AF) is common.", "Statins reduce AF after surgery."),
            "Statins reduce atrial fibrillation after surgery.",
        ),
    ],
)
def test_pronouns_and_abbreviations_are_read_as_the_text_explains_them(texts, last):
    assert read(*texts)[-1].lower() == last.lower()


def test_marks_of_references_are_shown_and_not_read():
    text = "Statins lower LDL [1, 3-5] (Smith et al., 2019; Jones 2020)."
    (claim,) = claims_of([Block(text)])[0]
    assert claim.text == text
    assert claim.read == "Statins lower LDL."


def test_every_character_of_a_claim_stands_where_it_says(real_data):
    """On 300 real abstracts: spans are exact, in order, and cover no sentence twice."""
    import gzip
    import json

    with gzip.open(real_data / "bulk" / "abstracts.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [one_line(json.loads(line)["text"]) for line, _ in zip(file, range(300), strict=False)]
    blocks = [Block(text) for text in texts if text]
    claims, left_out = claims_of(blocks)
    assert len(claims) > len(blocks)
    for one in claims:
        assert blocks[one.block].text[one.begin : one.end] == one.text
    spans = sorted((one.block, one.begin, one.end) for one in [*claims, *left_out])
    assert all(a[0] < b[0] or a[2] <= b[1] for a, b in itertools.pairwise(spans))


def test_the_names_of_an_abstracts_parts_and_numbers_of_items_are_no_part_of_a_claim():
    told = read("Results: Statins lower LDL.", "2. Conclusion: Statins prevent stroke.", "3) Aspirin lowers fever.")
    assert told == ["Statins lower LDL.", "Statins prevent stroke.", "Aspirin lowers fever."]
    assert [one.reason for one in claims_of([Block("Methods: We searched PubMed for trials of statins.")])[1]] == [
        "about the text itself"
    ]


def test_items_are_left_out_with_the_sentence_that_leads_to_them():
    blocks = [
        Block("Do not take statins if you:"),
        Block("have severe liver disease", "item"),
        Block("Statins can harm the liver."),
        Block("Nausea and vomiting", "item"),
    ]
    claims, left_out = claims_of(blocks)
    assert [one.read for one in claims] == ["Statins can harm the liver."]
    assert [one.reason for one in left_out] == ["opinion or advice", "opinion or advice", "fragment"]


def test_a_cell_without_subject_is_read_with_the_cell_before_it():
    claims, left_out = claims_of([Block("Oestrogen", "cell"), Block("prevents bone loss", "cell")])
    assert [(one.text, one.read) for one in claims] == [("prevents bone loss", "Oestrogen prevents bone loss.")]
    assert [one.reason for one in left_out] == ["fragment"]


def test_an_abbreviation_is_read_without_what_explains_its_long_form():
    assert read("Melatonin, a pineal hormone (MLT), lowers blood pressure.", "MLT prevents headache.")[-1] == (
        "Melatonin prevents headache."
    )


@pytest.mark.parametrize(
    "text",
    [
        "If you forget a dose, take it as soon as you remember.",
        "Your doctor has prescribed statins because diet alone was not enough.",
        "Store the tablets below 25 °C.",
        "Fig. 1. Flow of patients through the trial.",
        "Let me know if you would like more details!",
        "However, I'm not a doctor.",
        "All rights reserved by Example Media.",
    ],
)
def test_what_is_said_to_the_reader_is_no_claim(text):
    assert not read(text)


def test_words_that_tie_a_sentence_to_the_one_before_are_not_read():
    told = read("In contrast, captopril increases blood flow.", "However, it also raises the pulse.")
    assert told == ["Captopril increases blood flow.", "Captopril also raises the pulse."]


def test_items_below_a_mere_name_are_checked():
    blocks = [Block("Very rare:"), Block("Lactic acidosis is fatal in half of cases", "item")]
    assert [one.text for one in claims_of(blocks)[0]] == ["Lactic acidosis is fatal in half of cases"]


def test_an_abbreviation_that_a_text_explains_in_two_ways_is_left_as_it_is():
    texts = ("Statins prevent atrial fibrillation (AF).", "In women amniotic fluid (AF) rose.", "Heparin lowers AF.")
    assert read(*texts)[-1] == "Heparin lowers AF."
    assert read(texts[0], texts[2])[-1] == "Heparin lowers atrial fibrillation."


def test_marks_behind_the_last_stop_are_no_sentence_that_is_left_out():
    claims, left_out = claims_of(
        [Block("Aspirin lowers the risk of stroke. It raises that of bleeding. [2] (Smith, 2019)")]
    )
    assert len(claims) == 2
    assert left_out == []
