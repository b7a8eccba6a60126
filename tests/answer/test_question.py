"""What questions ask for, by their wording."""

import pytest

from ragqa.answer.question import analyse, question_type
from ragqa.corpus.words import stem
from ragqa.types import Question

BY_TYPE = {
    "yesno": [
        "Is aspirin effective for primary prevention of stroke?",
        "Preoperative statins: do they prevent atrial fibrillation?",
        "Aripiprazole: a new risk factor for pathological gambling?",
        "Can elevated troponin predict mortality?",
        "Are infants with asthma or eczema more likely to have allergies?",
        "Is open or laparoscopic surgery safer than no surgery?",
    ],
    "factoid": [
        "Which gene is mutated in Rett syndrome?",
        "How many genes are imprinted in the human genome?",
        "With which drug are villages treated once a year?",
        "Which side effect of metoclopramide is rarer?",
        "When was vaxchora first licensed by the FDA?",
        "What is the brand name of baloxavir?",
    ],
    "list": [
        "List viral vectors used in gene therapy.",
        "Which genes are associated with long QT syndrome?",
        "What are the symptoms of Rett syndrome?",
        "Which drugs were compared in the ARISTOTLE trial?",
        "Which genes are known?",
    ],
    "summary": [
        "What is the mechanism of action of alpelisib?",
        "Describe Heyde syndrome.",
        "Symptoms of Rett syndrome?",
        "Treatment of acute gout?",
        "Side effects of metoclopramide in children?",
        "Metformin dose?",
        "Les statines préviennent-elles la démence ?",
        "Welche Symptome hat das Rett-Syndrom?",
        "¿Las estatinas previenen la demencia?",
        "How does metformin lower glucose?",
        "How effective is the influenza vaccine in elderly people?",
        "Is sumatriptan or rizatriptan more effective for migraine?",
        "Is laparoscopic or open appendectomy better?",
        "What is the function of GFRAL?",
    ],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in BY_TYPE.items() for text in texts])
def test_type_by_wording(kind: str, text: str) -> None:
    assert question_type(text) == kind


def test_a_given_type_is_kept() -> None:
    assert analyse(Question("Is aspirin safe?", type="summary")).type == "summary"


def test_what_is_asked_for() -> None:
    asked = analyse(Question("Which autoimmune disease is treated with rituximab?"))
    assert asked.focus[-1] == stem("disease")
