"""ROUGE as ROUGE-1.5.5 computes it with BioASQ's options, by hand-counted cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.measures.rouge import rouge_2, rouge_su4, score_ideal_answers, skip_bigrams, words_of

WORDS = st.lists(st.sampled_from(["gene", "the", "kinase", "encodes", "a"]), max_size=12).map(" ".join)


def test_lins_example_of_skip_bigrams():
    """Lin (2004): "police killed the gunman" has six skip bigrams; three are in "police kill the gunman"."""
    pairs = [gram for gram in skip_bigrams(["police", "killed", "the", "gunman"]) if len(gram) == 2]
    assert len(pairs) == 6
    # Matched: the unigrams police and the (the last word has none), and police-the, police-gunman, the-gunman.
    assert rouge_su4("police kill the gunman", ["police killed the gunman"]) == (5 / 9, 5 / 9)


def test_at_most_four_words_are_skipped():
    grams = skip_bigrams(["a", "b", "c", "d", "e", "f", "g"])
    assert grams["a", "f"] == 1
    assert ("a", "g") not in grams


def test_matches_are_clipped():
    assert rouge_2("the the the", ["the the gene"]) == (0.5, 0.5)


def test_several_references_are_added_up():
    # 2 of 2 bigrams match the first reference, none of the 3 of the second.
    precision, recall = rouge_2("a b c", ["a b c", "x y z w"])
    assert precision == 2 / 4
    assert recall == 2 / 5


def test_words_are_ascii_letters_and_digits_without_stemming():
    assert words_of("TNF-α levels, p<0.05") == ["tnf", "levels", "p", "0", "05"]


@given(WORDS, WORDS)
def test_rouge_2_of_one_reference_agrees_with_the_rouge_score_package(answer, reference):
    theirs = rouge_scorer.RougeScorer(["rouge2"], use_stemmer=False).score(reference, answer)["rouge2"]
    assert rouge_2(answer, [reference]) == pytest.approx((theirs.precision, theirs.recall))


@given(WORDS)
def test_a_text_matches_itself_fully(text):
    expected = 1.0 if len(text.split()) > 1 else 0.0
    assert rouge_2(text, [text]) == rouge_su4(text, [text]) == (expected, expected)


def test_long_answers_are_cut_and_missing_ones_count_as_zero():
    gold = {"q1": ["alpha beta"], "q2": ["alpha beta"], "q3": [""]}
    scores = score_ideal_answers(gold, {"q1": "filler " * 200 + "alpha beta"})
    assert figures(scores) == {"rouge_2_recall": 0, "rouge_2_f1": 0, "rouge_su4_recall": 0, "rouge_su4_f1": 0}
    assert scores.counts == {"n_questions": 2, "n_missing": 1, "n_cut": 1, "n_without_gold": 1}


def test_no_references_at_all_is_an_error():
    with pytest.raises(UsageError, match="none of the 1 questions"):
        score_ideal_answers({"q": []}, {"q": "text"})
