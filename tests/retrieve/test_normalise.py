"""Questions in the words of an index: what is changed, and above all what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.corpus.abbreviations import explained
from ragqa.engine import Engine
from ragqa.index.lexicon import Lexicon
from ragqa.retrieve.normalise import normalise
from ragqa.types import Document, Section

TEXTS = """
Non-steroidal anti-inflammatory drugs (NSAIDs) raise blood pressure (BP) in hypertension.
Nonsteroidal anti-inflammatory drugs (NSAIDs) and blood pressure (BP): NSAIDs impair control of hypertension.
Atrial fibrillation (AF) and oral anticoagulants: warfarin prevents stroke in atrial fibrillation (AF).
Atrial fibrillation (AF) after surgery; apixaban or warfarin prevents stroke.
Chronic obstructive pulmonary disease (COPD) treated with tiotropium reduces exacerbations.
Exacerbations of chronic obstructive pulmonary disease (COPD) and tiotropium in smokers.
Proton pump inhibitors (PPIs) and fractures; a proton pump inhibitor (PPI) heals oesophageal ulcers.
Proton pump inhibitors (PPIs), a proton pump inhibitor (PPI) and esophageal reflux; esophageal ulcers.
Tumor growth, leukemia, anemia and edema in pediatric patients with diarrhea; estrogen; hemoglobin.
Esophageal cancer, tumor markers, leukemia, anemia, edema, pediatric diarrhea, estrogen, hemoglobin; fetal labor.
Tumour randomized fetal labor sulfate; nitrate adduction behavior hypertension metformin diabetes leukemia pneumonia.
Nitrate and adduction; sulfate; behavior; metformin, diabetes; hypertension; pneumonia; randomized tumor; apixaban.
Magnetic resonance (MR) imaging. Mitral regurgitation (MR) repair. DNA and statin, statins.
Mitral regurgitation (MR). Magnetic resonance (MR). DNA. Deoxyribonucleic acid (DNA) and a statin.
DNA repair with deoxyribonucleic acid (DNA) probes.
DNA damage. | DNA methylation. | DNA binding. | DNA loops. | DNA ends. | DNA breaks. | The DNA. | A DNA. | DNA one.
"""
LEXICON = Lexicon.of(
    Document(str(number), (Section("title", text),))
    for number, text in enumerate(part for line in TEXTS.strip().splitlines() for part in line.split("|"))
)

PAIRS = """
Do NSAIDs raise blood pressure? | Do NSAIDs raise BP?
Do NSAIDs raise blood pressure? | Do nsaids raise BP?
Is BP higher in hypertension? | Is blood pressure higher in hypertension?
Is BP higher in hypertension? | Is BP higher in hypertesion?
Is BP higher in hypertension? | Is BP higher in hypertensoin?
Is BP higher in hypertension? | Is BP higher in hyppertension?
Does warfarin prevent stroke in AF? | Does warfarin prevent stroke in atrial fibrillation?
Does warfarin prevent stroke in AF? | Does warfarrin prevent stroke in AF?
Does apixaban prevent stroke in AF? | Does apixiban prevent stroke in atrial fibrillation?
Does tiotropium help in COPD? | Does tiotropium help in chronic obstructive pulmonary disease?
Does tiotropium help in COPD? | Does tiotropium help in copd?
Does tiotropium help in COPD? | Does tiotroppium help in COPD?
Does tiotropium reduce exacerbations? | Does tiotropium reduce exacerbatons?
Do PPIs cause fractures? | Do proton pump inhibitors cause fractures?
Does a PPI cause fractures? | Does a proton pump inhibitor cause fractures?
Does tumour growth slow? | Does tumor growth slow?
Are tumours treated? | Are tumors treated?
Is leukaemia curable? | Is leukemia curable?
Is leukaemia curable? | Is leukemmia curable?
Is anaemia common? | Is anemia common?
Does oedema resolve? | Does edema resolve?
What helps paediatric patients? | What helps pediatric patients?
What stops diarrhoea? | What stops diarrhea?
Does oestrogen protect bones? | Does estrogen protect bones?
Is haemoglobin low? | Is hemoglobin low?
Is oesophageal cancer deadly? | Is esophageal cancer deadly?
Was it randomised? | Was it randomized?
Does sulphate help? | Does sulfate help?
Is foetal growth slow? | Is fetal growth slow?
Does it speed labour? | Does it speed labor?
Which behaviour is safe? | Which behavior is safe?
Does metformin help in diabetes? | Does metfromin help in diabetes?
Does metformin help in diabetes? | Does metformin help in diabettes?
Is pneumonia deadly? | Is penumonia deadly?
Is pneumonia deadly? | Is pneumonnia deadly?
Is warfarin safe? | Is warfarn safe?
"""


@pytest.mark.parametrize("pair", [line for line in PAIRS.strip().splitlines() if "penumonia" not in line])
def test_variants_of_a_question_are_read_alike(pair: str) -> None:
    one, other = (normalise(question.strip(), LEXICON) for question in pair.split("|"))
    assert one.text == other.text
    assert one.changes or other.changes


@pytest.mark.parametrize(
    "question",
    [
        "Does nitrite differ?",  # not nitrate
        "What limits abduction?",  # not adduction
        "Does hypotension matter?",  # not hypertension
        "Is MR useful?",  # magnetic resonance and mitral regurgitation
        "Is DNA repaired?",  # a word of its own, seldom explained
        "Do statins help?",
        "Does metformin-like ABCB1 matter?",
        "Does it help us all and are four for her?",
        "Is penumonia deadly?",  # the first three letters are taken as they are
    ],
)
def test_what_may_mean_another_thing_is_left_as_it_is(question: str) -> None:
    assert normalise(question, LEXICON).text == question


def test_changes_are_told_and_the_abbreviation_is_still_searched_for() -> None:
    read = normalise("Do NSAIDs raise BP?", LEXICON)
    assert dict(read.changes)["BP"] == "blood pressure"
    assert "anti-inflammatory drugs" in dict(read.changes)["NSAIDs"]
    assert read.searched == f"{read.text} NSAIDs BP"


def test_a_question_that_explains_its_abbreviation_is_not_changed() -> None:
    question = "Does blood pressure (BP) fall?"
    assert normalise(question, LEXICON).text == question


@given(st.text())
def test_any_question_and_any_text_can_be_read(text: str) -> None:
    once = normalise(text, LEXICON)
    assert bool(once.changes) == (once.text != text)
    assert all(len(long) > len(short) for short, long in explained(text).items())


def test_counts_of_segments_add_up() -> None:
    half = Lexicon.of([Document("1", (Section("title", "Blood pressure (BP) and tumor"),))])
    assert half.n_with("tumor") == 1 and half.abbreviations["BP"] == {"blood pressure": 1}
    assert normalise("Is BP high?", half).text == "Is BP high?"  # one article alone shows nothing


@pytest.mark.usefixtures("sample_home")
def test_the_engine_answers_a_misspelt_question_as_the_right_one_and_says_so() -> None:
    right = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
    wrong = right.replace("fibrillation", "fibrilation")
    with Engine.open("sample") as engine:
        one, other = engine.ask(right), engine.ask(wrong)
    assert other.question.text == wrong
    assert [hit.document_id for hit in other.hits] == [hit.document_id for hit in one.hits]
    assert (other.verdict, other.abstained, other.statements) == (one.verdict, one.abstained, one.statements)
    assert [notice.message for notice in other.notices if notice.kind == "normalised"] == [
        "The question was read with these words of the documents: fibrilation = fibrillation."
    ]
    with Engine.open("sample", ["retrieve.normalise=false"]) as engine:
        assert not any(notice.kind == "normalised" for notice in engine.ask(wrong).notices)
