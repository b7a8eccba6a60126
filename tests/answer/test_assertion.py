"""What questions and findings assert: direction and denial, read by rules over English wording."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.answer.assertion import asserted, assertions, contradictory, denies, holds
from ragqa.answer.opposite import opposed

TABLE = """
increase | Does aspirin increase bleeding?
increase | Do NSAIDs raise BP?
increase | Does increased salt intake raise blood pressure?
increase | Can statins cause diabetes?
increase | Does smoking accelerate cognitive decline?
increase | Is clozapine a risk factor for myocarditis?
increase | Are obese patients more likely to develop asthma?
increase | Is the risk of stroke higher with rofecoxib?
increase | Atypical antipsychotics induce weight gain.
increase | Hormone replacement was associated with an increased risk of breast cancer.
increase | Lower vitamin D is associated with higher risk of asthma.
increase | PDS increases telomere fragility in BRCA2-deficient cells.
increase | Treatment resulted in increased BAT activity.
increase | Mortality rose from 3% to 9%.
increase | Levels of TNF were elevated in cases.
increase | IL-6 upregulates hepcidin.
increase | Serum ferritin correlated positively with mortality.
increase | Does tamoxifen improve survival?
increase | Sildenafil effectively improved erectile function.
increase | Is cognitive behavioural therapy effective for sleep quality?
increase | Does the drug prevent the decline of bone density?
increase | Vitamin K2 attenuated the loss of bone mass.
increase | Exercise was superior to usual care for function.
increase | Does coffee worsen insomnia?
increase | Does rofecoxib cause more events than naproxen?
increase | Does propranolol improve the potential difference in gastropathy?
increase | Is paracetamol worse than ibuprofen for pain?
increase | Opioids aggravate constipation.
increase | Stimulation of Hrd1p promotes degradation.
increase | APOE4 predisposes to dementia.
increase | Do people who saw a video without drug risk information increase their stress on benefits?
decrease | Does beta carotene prevent lung cancer in smokers?
decrease | Do statins reduce the risk of stroke?
decrease | Does hormone replacement decrease the risk of breast cancer?
decrease | Rosuvastatin lowered LDL cholesterol.
decrease | Does vaccination protect against shingles?
decrease | Is breastfeeding protective against leukaemia?
decrease | Are there fewer deaths with bivalirudin?
decrease | Hospital stay was shorter with atorvastatin.
decrease | The rate fell in both groups.
decrease | Patients were less likely to relapse.
decrease | Microcin J25 inhibits transcription.
decrease | DUSP4 downregulation deactivates the Ras-ERK pathway.
decrease | Birth weight is negatively associated with breast cancer.
decrease | Coffee intake was inversely associated with mortality.
decrease | Does acupuncture improve pain?
decrease | Does acupuncture improve pain in women?
decrease | Does rofecoxib cause fewer events than naproxen?
decrease | Is amitriptyline effective for migraine?
decrease | Is sumatriptan effective in reducing headache?
decrease | Does zinc help against the common cold?
decrease | Probiotics alleviate symptoms of colitis.
decrease | Metformin prevented the increase in glucose.
decrease | Ketamine is better than placebo for depression.
decrease | HbA1c may underestimate past glycaemia.
decrease | The drug impairs memory.
decrease | Did dexamethasone shorten time on the ventilator?
decrease | Does stress accelerate the decline of function?
decrease | Is there a reduction in mortality with tight control?
decrease | Are ACE inhibitors inferior to ARBs for survival?
not increase | Aspirin does not increase bleeding.
not increase | Do statins not increase diabetes?
not increase | There was no increase in mortality.
not increase | Pioglitazone was not associated with an increased risk of cancer.
not increase | Is it false that statins increase mortality?
not increase | It is not true that vaccines cause autism.
not increase | It is a myth that sugar causes hyperactivity.
not increase | Treatment failed to improve survival.
not increase | Mortality was no higher with dopamine.
not increase | We found no evidence that mobile phones cause glioma.
not increase | Neither drug raised blood pressure.
not decrease | Vitamin E didn't reduce mortality.
not decrease | Rosuvastatin did not prevent atrial fibrillation.
not decrease | Is it untrue that aspirin prevents stroke?
not decrease | Is drug A no better than placebo for pain?
not decrease | The intervention was ineffective for insomnia.
not decrease | Folic acid never lowered stroke rates.
not decrease | The trial was unable to reduce relapses.
not decrease | There was a nonsignificant reduction in deaths.
increase | It is false that statins do not increase diabetes risk.
increase | Don't NSAIDs raise blood pressure?
increase | Isn't it true that steroids raise glucose?
difference | Does diet affect acne?
difference | Is there a difference between warfarin and apixaban?
difference | Do outcomes differ between sexes?
difference | Smoking influences drug metabolism.
difference | Is it false that survival was similar in both arms?
difference | Does caffeine have an effect on arrhythmia?
no difference | There was no significant difference between groups.
no difference | Survival did not differ.
no difference | Stenting and surgery had similar mortality.
no difference | Is apixaban as effective as warfarin?
no difference | Anticoagulation had no effect on survival.
no difference | Folic acid does not affect the progression of kidney disease.
no difference | Fine particulate air pollution is unrelated to anxiety.
no difference | Ticagrelor was noninferior to clopidogrel.
no difference | Heart rate remained unchanged.
no difference | The effect was independent of age.
no difference | They progress at the same rate as others.
no difference | Does treatment make no difference?
none | Is BRCA1 a tumour suppressor gene?
none | More than 40 patients were treated with warfarin.
none | Is Rett syndrome inherited?
none | Is trastuzumab approved in Europe?
not none | p53 is not a kinase.
not none | Is it false that Rett syndrome is X-linked?
not none | Smoking was not associated with Parkinson's disease.
"""
CASES = [tuple(part.strip() for part in line.split("|")) for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize(("wanted", "text"), CASES)
def test_direction_and_denial_of_a_wording(wanted: str, text: str) -> None:
    read = asserted(text)

    negated = wanted.startswith("not ")
    assert (read.direction, read.negated) == (wanted.removeprefix("not "), negated)
    for begin, end in read.cues:
        assert text[begin:end].strip() == text[begin:end] != ""


TURNABLE = [text for wanted, text in CASES if wanted.split()[-1] in {"increase", "decrease"} and opposed(text)]


def test_most_directions_can_be_turned_round() -> None:
    directional = [text for wanted, text in CASES if wanted.split()[-1] in {"increase", "decrease"}]
    assert len(TURNABLE) >= 0.9 * len(directional), [text for text in directional if text not in TURNABLE]


@pytest.mark.parametrize("text", TURNABLE)
def test_the_opposite_wording_has_the_opposite_direction(text: str) -> None:
    turned = opposed(text)

    assert turned is not None
    before, after = asserted(text), asserted(turned)
    assert {before.direction, after.direction} == {"increase", "decrease"}
    assert before.negated == after.negated


@pytest.mark.parametrize(
    ("text", "turned", "false"),
    [
        ("Does aspirin increase bleeding?", "Does aspirin decrease bleeding?",
         "Is it false that aspirin increases bleeding?"),
        ("Did A prevent falls?", "Did A cause falls?", "Is it false that A prevented falls?"),
        ("A protects against stroke.", "A predisposes to stroke.", "It is false that A protects against stroke."),
        ("There was an increase in X.", "There was a decrease in X.", "It is false that there was an increase in X."),
        ("DNA loss increases risk.", "DNA loss decreases risk.", "It is false that DNA loss increases risk."),
        ("Is it true that A improves sleep?", "Is it true that A worsens sleep?", "Is it false that A improves sleep?"),
        ("Is obesity a risk factor for asthma?", "Is obesity a protective factor for asthma?",
         "Is it false that obesity is a risk factor for asthma?"),
        ("Does A cause fewer events?", "Does A cause more events?", "Is it false that A causes fewer events?"),
        ("Is A more effective than B?", "Is A less effective than B?",
         "Is it false that A is more effective than B?"),
        ("Do statins not raise LDL?", "Do statins not lower LDL?", "Is it false that statins do not raise LDL?"),
    ],
)  # fmt: skip
def test_the_opposite_stays_english_and_what_is_called_false_asserts_the_contrary(
    text: str, turned: str, false: str
) -> None:
    assert opposed(text) == turned
    before, after = asserted(text), asserted(false)
    for found in ("increased", "decreased", "no difference"):
        assert holds(before, found) != holds(after, found)  # type: ignore[arg-type]


def test_each_clause_asserts_for_itself() -> None:
    read = assertions("Mortality fell, but bleeding increased; stay was similar.")
    assert [one.direction for one in read] == ["decrease", "increase", "no difference"]


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("A increases B.", "A reduced B.", True),
        ("A increases B.", "A did not affect B.", True),
        ("A does not increase B.", "A increased B.", True),
        ("A does not increase B.", "A reduced B.", False),
        ("A does not increase B.", "A had no effect on B.", False),
        ("A affects B.", "A increased B.", False),
        ("A affects B.", "B was unchanged.", True),
        ("A increases B.", "A was given to 40 patients.", False),
    ],
)
def test_what_cannot_both_be_true(first: str, second: str, wanted: bool) -> None:
    assert contradictory(asserted(first), asserted(second)) is wanted
    assert contradictory(asserted(second), asserted(first)) is wanted


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    read = asserted(text)
    assert all(0 <= begin < end <= len(text) for begin, end in read.cues)
    opposed(text), denies(text), assertions(text)


WORDS = "does not increase reduce the risk of a an more less Is A protective as effective to but"


@given(st.lists(st.sampled_from(WORDS.split()), max_size=12))
def test_any_order_of_its_own_words_can_be_read(words: list[str]) -> None:
    text = " ".join(words)
    turned = opposed(text)
    assert asserted(text).direction in {"increase", "decrease", "none", "difference", "no difference"}
    assert turned is None or turned != text


@pytest.mark.parametrize(
    "question",
    ["Does induction chemotherapy have a role in rectal cancer?", "Is there a place for prevention clinics?"],
)
def test_a_noun_that_says_of_which_kind_another_is_tells_no_direction(question: str) -> None:
    assert asserted(question).direction == "none"


def test_without_denies_the_words_right_behind_it() -> None:
    assert asserted("Does it cure pain without raising blood pressure?").negated
    assert asserted("Sedation without an increase in mortality").negated
