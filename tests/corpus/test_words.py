"""Words that look alike and mean different things stay apart; forms of one word come together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.corpus.words import content_stems, singular, stem

NEAR_MISSES = [
    ("vitamin D", "vitamin K"), ("vitamin C", "vitamin E"), ("vitamin B12", "vitamin B6"),
    ("hepatitis B", "hepatitis C"), ("hepatitis A", "hepatitis E"), ("IL-6", "IL-8"),
    ("interleukin-1", "interleukin-2"),
    ("type 1 diabetes", "type 2 diabetes"), ("type I error", "type II error"), ("factor V", "factor VIII"),
    ("factor IX", "factor X"), ("grade 1 glioma", "grade 4 glioma"), ("stage II", "stage III"),
    ("phase 2 trial", "phase 3 trial"), ("influenza A", "influenza B"), ("protein C", "protein S"),
    ("haemophilia A", "haemophilia B"), ("CD4", "CD8"), ("CD-4", "CD-8"), ("HER2", "HER3"), ("PD-1", "PD-2"),
    ("BRCA1", "BRCA2"), ("HIV-1", "HIV-2"), ("GLP-1", "GLP-2"), ("COX-1", "COX-2"), ("TLR4", "TLR9"),
    ("HSV-1", "HSV-2"), ("harmful", "harmless"), ("useful", "useless"), ("painful", "painless"),
    ("careful", "careless"), ("harmfulness", "harmlessness"), ("needle", "needless"), ("helpful", "helpless"),
    ("hypertension", "hypotension"), ("hyperglycaemia", "hypoglycaemia"), ("agonist", "antagonist"),
    ("afferent", "efferent"), ("abduction", "adduction"), ("ileum", "ilium"), ("prostate", "prostatitis"),
    ("gastric", "gastritis"), ("bronchial", "bronchitis"), ("thrombin", "thrombosis"), ("neuron", "neuritis"),
    ("arterial", "arteritis"), ("nephritis", "nephrosis"), ("intramuscular", "intermuscular"),
    ("cyclosporin", "cycloserine"), ("chlorpromazine", "chlorpropamide"), ("hydroxyzine", "hydralazine"),
    ("prednisone", "prednisolone"), ("vinblastine", "vincristine"), ("dopamine", "dobutamine"),
]  # fmt: skip
SAME = [
    ("IL-6", "IL6"), ("type II diabetes", "type 2 diabetes"), ("factor 8", "factor VIII"), ("PD-1", "PD1"),
    ("Vitamins D", "vitamin D"), ("statins", "statin"), ("effective", "effectiveness"), ("infections", "infection"),
    ("treated", "treatment"), ("mutations", "mutated"), ("therapies", "therapy"), ("HIV‑1", "HIV-1"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), NEAR_MISSES)
def test_near_misses_stay_apart(one: str, other: str) -> None:
    assert set(content_stems(one)) != set(content_stems(other))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_thing_share_what_tells_it(one: str, other: str) -> None:
    assert set(content_stems(one)) & set(content_stems(other))
    named = {word for word in content_stems(one) if " " in word}
    assert named == {word for word in content_stems(other) if " " in word}


@pytest.mark.parametrize(
    "text", ["5 of 6 patients", "in 2 weeks", "aged 18-65 years", "a 3 cm mass", "group of 8", "95%"]
)
def test_plain_numbers_name_nothing(text: str) -> None:
    assert not [word for word in content_stems(text) if " " in word]


def test_there_are_fifty_near_misses() -> None:
    assert len(NEAR_MISSES) >= 50


@given(st.text(max_size=60))
def test_any_text_has_words(text: str) -> None:
    for word in content_stems(text):
        assert word
        assert stem(word.split(" ")[0]) != "" != singular(word)
