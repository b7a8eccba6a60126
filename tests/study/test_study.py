"""What the rules read in a study, and that they leave blank what its text does not say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.study.arms import arms
from ragqa.study.design import design
from ragqa.study.direction import direction
from ragqa.study.read import study_of
from ragqa.types import Document, MeshHeading, PublicationType, Section, Span

TRIAL = Document(
    "1",
    (
        Section("title", "Topical diclofenac in subjects with acute ankle sprain: a randomized, double-blind trial"),
        Section("abstract.0", "Ankle sprains reduce quality of life.", "BACKGROUND", "BACKGROUND"),
        Section(
            "abstract.1",
            "In all, 205 subjects with acute sprain were randomized in a 1:1 ratio to diclofenac gel (n=102) or "
            "placebo (n=103) for 7 days. The primary efficacy outcome was pain on movement at 72 hours.",
            "METHODS",
            "METHODS",
        ),
        Section("abstract.2", "Diclofenac gel reduced pain. It was well tolerated.", "CONCLUSION", "CONCLUSIONS"),
    ),
)


def document(title: str = "", *texts: str, labels: tuple[str, ...] = (), types: tuple[str, ...] = ()) -> Document:
    headings = labels or ("",) * len(texts)
    sections = [
        Section(f"abstract.{i}", text, label) for i, (text, label) in enumerate(zip(texts, headings, strict=True))
    ]
    kinds = tuple(PublicationType(name) for name in types)
    return Document("1", (Section("title", title), *sections), publication_types=kinds)


def test_a_plainly_told_trial_fills_every_column() -> None:
    study = study_of(TRIAL)

    assert study.design == "randomised controlled trial"
    assert study.participants == 205
    assert study.population == "subjects with acute ankle sprain"
    assert (study.intervention, study.comparator) == ("diclofenac gel", "placebo")
    assert study.outcome == "pain on movement at 72 hours"
    assert study.direction == "decreased"
    assert study.quote is not None
    assert study.quote.quote == "Diclofenac gel reduced pain."


def test_the_quote_is_what_the_answer_cites() -> None:
    text = TRIAL.sections[3].text
    begin = text.index("It was")
    cited = Span("1", "abstract.2", begin, len(text), text[begin:])
    of_another = Span("2", "abstract.2", 0, 4, "None")

    study = study_of(TRIAL, [of_another, cited])

    assert study.quote == cited
    assert study.direction == ""


def test_headings_tell_who_was_studied_what_was_done_and_what_was_measured() -> None:
    told = arms(
        document(
            "A trial",
            "Forty adults with asthma. They were seen weekly.",
            "Breathing exercises for six weeks.",
            "Peak flow at six weeks. Symptoms were secondary.",
            labels=("PARTICIPANTS:", "INTERVENTION", "MAIN OUTCOME MEASURES"),
        )
    )

    assert told.population == "Forty adults with asthma"
    assert told.intervention == "Breathing exercises for six weeks"
    assert told.outcome == "Peak flow at six weeks"
    assert told.comparator == ""


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("Frovatriptan versus zolmitriptan for migraine", "", ("Frovatriptan", "zolmitriptan")),
        ("Trial", "Children were randomised to usual care or a website.", ("website", "usual care")),
        ("Efficacy of etanercept in arthritis: a placebo-controlled trial", "", ("etanercept", "placebo")),
        ("Trial", "They were randomised to receive 10 or 80 mg of it or chemotherapy.", ("", "")),
        ("Trial", "Men were randomly assigned to drug A (n=3) or drug B (n=3) or placebo.", ("", "")),
        ("Trial", "Women were randomly allocated to the intervention group or a control group.", ("", "")),
        ("Does prewarming the device fit better compared to keeping it cold", "", ("", "")),
    ],
)
def test_what_was_compared(title: str, text: str, expected: tuple[str, str]) -> None:
    told = arms(document(title, text))

    assert (told.intervention, told.comparator) == expected


@pytest.mark.parametrize(
    "text",
    [
        "We saw 34 patients with nausea, vomiting or pain.",  # only the first of a list
        "Nothing is said of anyone.",
        "We studied 27 muscle biopsies with care.",
    ],
)
def test_a_population_that_is_not_told_whole_is_blank(text: str) -> None:
    assert arms(document("A study", text)).population == ""


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Blood pressure was not significantly different between the groups.", "no difference"),
        ("Neither drug was associated with significant changes in heart rate.", "no difference"),
        ("Sarcopenia is associated with reductions in size.", "decreased"),
        ("Mortality was higher with the drug.", "increased"),
        ("The programme improved knowledge.", "improved"),
        ("The drug reduced pain but increased nausea.", ""),
        ("The drug can improve relief, reduce stress, and speed recovery.", ""),
        ("The drug may reduce mortality.", ""),
        ("Whether it reduces mortality is unknown.", ""),
        ("Patients with reduced kidney function were included.", ""),
        ("It induced apoptosis through the reduction of STAT3.", ""),
        ("The drug was well tolerated.", ""),
    ],
)
def test_directions(sentence: str, expected: str) -> None:
    assert direction(sentence) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (document("Statins", types=("Meta-Analysis", "Review")), "meta-analysis"),
        (document("Statins: a retrospective cohort study"), "retrospective study"),
        (document("Statins", "Patients were randomly assigned to two groups."), "randomised controlled trial"),
        (document("Recent trials", "A multicenter randomized controlled trial has shown that it works."), ""),
        (document("Experiences of patients participating in a randomised controlled trial"), ""),
        (document("Repeated injections in a sheep model", "They were randomly assigned."), "animal study"),
        (document("Bone in a dish"), ""),
        (
            document("A drug: study protocol for a randomised controlled trial"),
            "randomised controlled trial (protocol)",
        ),
    ],
)
def test_designs(told: Document, expected: str) -> None:
    assert design(told) == expected


def test_mesh_tells_a_design_where_the_text_does_not() -> None:
    told = Document("1", (Section("title", "Fish and cancer"),), mesh=(MeshHeading("Case-Control Studies"),))

    assert design(told) == "case-control study"


@pytest.mark.parametrize(
    "text",
    [
        "Patients received it (12 participants) or nothing (12 participants).",  # of each group
        "Each study group requires 182 patients.",
        "Patients were allocated into two groups (60 patients each).",
    ],
)
def test_the_number_of_one_group_is_not_told_as_that_of_all(text: str) -> None:
    assert study_of(document("A trial", text)).participants is None


def test_a_protocol_has_neither_a_number_nor_a_direction() -> None:
    study = study_of(
        document("A drug: study protocol for a randomised trial", "We enrol 64 patients. It reduced pain.")
    )

    assert (study.participants, study.direction) == (None, "")


@given(st.text(max_size=300), st.text(max_size=300))
def test_what_is_told_stands_in_the_text(title: str, text: str) -> None:
    given_document = document(title, text)
    study = study_of(given_document)

    for part in (study.population, study.intervention, study.outcome):
        assert part in title or part in text
    if study.quote is not None:
        assert text[study.quote.begin : study.quote.end] == study.quote.quote
