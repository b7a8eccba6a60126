"""The sentence splitter: a table of cases that fool simpler ones, and the promises about offsets for any text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragqa.corpus.sentences import split_sentences


def sentences_of(text: str) -> list[str]:
    return [text[begin:end] for begin, end in split_sentences(text)]


# "|" marks each place where a sentence ends.
CASES = [
    "One sentence only.",
    "No full stop at the end",
    "It worked.| It did not.",
    "Statins, e.g. simvastatin, were given.| Others, i.e. controls, were not.",
    "Drug A vs. placebo was compared.| Drug B vs. Drug C was not.",
    "As Smith et al. showed, it works.| Jones et al. (2010) did not agree.",
    "This confirms Smith et al.| The results differ.",
    "See Fig. 2 and Figs. 3A and 3B.| Table 1 has more.",
    "It fell (p < 0.05).| It rose (P=.03).| Nothing else did (P = .7).",
    "It rose by 2.4% to 10.5.| Five patients died.",
    "E. coli and S. aureus were found.| K. pneumoniae was not.",
    "Both S. Typhimurium and S. Enteritidis grew.| None died.",
    "Dr. Smith saw approx. 20 patients.| Prof. Jones saw No. 5.",
    "Nos. 3 and 4 were excluded.| There were no.| We stopped.",
    "It is common in the U.S. and the U.K. today.| It was approved in the U.S.| The label changed.",
    "Reagents came from Sigma Inc. (St. Louis, MO).| All were pure.",
    "J. A. Smith wrote it.| We read it.",
    "They took vitamin D.| Vitamin C was given too.",
    "Serum was tested for hepatitis B.| Anti-HBs was found.",
    "The dose was 5 mg.| Higher doses failed after 10 min.| All recovered.",
    "Doses were 5 mg/kg i.v. and 10 mg/kg p.o. daily.| The rest got none.",
    "Apoptosis rose.| p53 was induced.| mRNA fell.| α-Synuclein did not change.| beta-blockers helped.",
    "METHODS: We treated mice.| RESULTS: All lived.| CONCLUSIONS: It works.",
    "We ran a trial.|The results were good.|Patients lived (80%).|We stopped.",
    'He said "it works."| She agreed.| They call it "safe".| It is not.',
    "It works (see below).| (Another study disagrees.)| More is needed.",
    "It works (as shown. And again. See Smith) in mice.| Men differ.",
    "This was reported [12].| It was confirmed. [13,14]| It is known.| It was refuted.3,4| It stands.",
    "Why does it work?| Nobody knows!| Perhaps... it does not.| Or it does…| We shall see.",
    "Registered at ClinicalTrials.gov (NCT00000001).| Data are at www.example.org today.",
    "Streptomyces sp. strain X and Candida spp. DNA were found.| Others were not.",
    "The aims were: 1. To treat.| 2. To cure.| We did both.",
    "Mean age was 45.| 20 patients were men.| In all, 12 (60%) lived.| 8 died.",
    "It was published in Jan. 2005 by J. Biol. Chem. and others.| We read it.",
    "Levels fell to 0. 05 and 2. 4% in all.| None rose.",
    "Vaccination is safe。|它是安全的。|真的吗？|是的",
    "First paragraph without a stop\n\n|Second paragraph\nwith a soft line break.| End.",
    "The loss was large.| (ABSTRACT TRUNCATED AT 250 WORDS)",
    "Asthma is common.| , Objectives, To assess inhalers.| , Main results, Six trials were found.",
    "The phase I, II and III.| Group 1.| The end.",
    "Treatment with no. 5 suture vs no suture was studied.| Results were equal.",
]


@pytest.mark.parametrize("marked", CASES)
def test_tricky_texts(marked: str) -> None:
    text = marked.replace("|", "")
    assert sentences_of(text) == [piece.strip() for piece in marked.split("|")]


@pytest.mark.parametrize("text", ["", " ", "\n\t \n", "\u3000"])
def test_nothing_but_space_has_no_sentence(text: str) -> None:
    assert split_sentences(text) == []


prose = st.lists(
    st.sampled_from(
        ["The", "mice", "E.", "coli", "e.g.", "0.05", "(", ")", "[", "]", ".", "?", "...", "\n\n", " ", " ", "U.S.",
         "”", '"', "1.", "β", "e\u0301", "\ud800", "…", "。", "A", "12", ",", ".The", "vs."]
    )
).map("".join)  # fmt: skip


@given(st.one_of(st.text(st.characters(exclude_categories=())), prose))
@example("a.\ud800B. C")
def test_offsets_cover_everything_but_space_in_order(text: str) -> None:
    position = 0
    for begin, end in split_sentences(text):
        assert position <= begin < end <= len(text)
        assert not text[position:begin].strip()
        assert text[begin:end] == text[begin:end].strip()
        position = end
    assert not text[position:].strip()


def test_long_text_without_any_stop_is_one_sentence() -> None:
    text = "word (" * 50_000
    assert sentences_of(text) == [text.strip()]


@pytest.mark.parametrize("text", ["." * 400_000, "Contents " + ". " * 200_000, "A. " * 200_000])
def test_a_long_run_of_stops_is_gone_through_once(text: str) -> None:
    # Were each stop looked at from each one before it, this would take minutes.
    assert "".join(text[begin:end] for begin, end in split_sentences(text)).replace(" ", "") == text.replace(" ", "")
