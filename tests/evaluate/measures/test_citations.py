"""Citations: existence, exactness, and ALCE's definitions with a model whose judgements are known."""

import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.measures.citations import (
    CitedSentence,
    cited_sentences,
    score_alce,
    score_citations,
)
from ragqa.evaluate.measures.entailment import LexicalOverlap
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.stats.intervals import n_averaged
from ragqa.types import Span, Statement

TEXTS = {("1", "abstract"): "Statins reduce atrial fibrillation.", ("2", "title"): "A trial of statins"}


def section_text(document_id, section):
    return TEXTS.get((document_id, section))


class Contains:
    """Entails where every word of the hypothesis is in the premise: its judgements can be read off."""

    name = "contains"

    def entails(self, pairs):
        return [set(hypothesis.split()) <= set(premise.split()) for premise, hypothesis in pairs]


def alce(*sentences, model=None):
    return score_alce({"q": [CitedSentence(text, passages) for text, passages in sentences]}, model or Contains())


def both(scores):
    return figures(scores)["alce_recall[contains]"], figures(scores)["alce_precision[contains]"]


def test_existence_and_exactness_are_shares_of_all_spans():
    statements = [
        Statement("s", (Span("1", "abstract", 0, 7, "Statins"), Span("1", "abstract", 0, 7, "statins")), 1.0),
        Statement("s", (Span("9", "abstract", 0, 7, "Statins"), Span("2", "title", 2, 7, "trial")), 1.0),
        Statement("s", (), 0.0),
    ]
    scores = score_citations({"q": statements, "abstained": None}, section_text)
    assert figures(scores) == {
        "citation_existence": 0.75, "span_exactness": 0.5, "statements_cited": pytest.approx(2 / 3),
    }  # fmt: skip
    assert scores.counts == {"n_questions": 2, "n_abstained": 1, "n_statements": 3, "n_spans": 4}


def test_negative_offsets_are_not_exact():
    scores = score_citations({"q": [Statement("s", (Span("1", "abstract", -1, 3, ""),), 1.0)]}, section_text)
    assert figures(scores)["span_exactness"] == 0.0


class TestAlce:
    def test_joint_entailment_gives_recall_and_needed_citations_are_precise(self):
        assert both(alce(("a b", ("a", "b")))) == (1.0, 1.0)

    def test_a_citation_that_adds_nothing_is_not_precise(self):
        assert both(alce(("a b", ("a b", "c")))) == (1.0, 0.5)

    def test_two_that_each_suffice_are_both_precise(self):
        assert both(alce(("a", ("a", "a b")))) == (1.0, 1.0)

    def test_without_entailment_no_citation_is_precise(self):
        assert both(alce(("a b", ("a", "c")), ("a", ("a",)))) == (0.5, 1 / 3)

    def test_no_citation_and_a_dangling_one_have_no_recall(self):
        scores = alce(("a", ()), ("a", ("a", None)))
        assert both(scores) == (0.0, 0.0)
        assert scores.counts["n_dangling"] == 1

    def test_only_three_citations_count(self):
        assert both(alce(("a", ("b", "c", "d", "a")))) == (0.0, 0.0)

    def test_a_dangling_citation_leaves_the_precision_alone(self):
        assert both(alce(("a", ("a",)), ("a", ("a", "b", "c", None)))) == (0.5, 1.0)

    def test_abstentions_count_but_where_the_name_says_answered(self):
        answers = {"q": [CitedSentence("a", ("a",))], "abstained": None, "empty": []}
        scores = score_alce(answers, Contains())
        assert both(scores) == (1 / 3, 1 / 3)
        assert figures(scores)["alce_recall_answered[contains]"] == 1.0
        assert n_averaged(scores.measures["alce_precision_answered[contains]"]) == 1
        assert (scores.counts["n_questions"], scores.counts["n_abstained"]) == (3, 2)
        with pytest.raises(UsageError, match="abstentions"):
            score_alce({"q": None}, Contains())


def test_the_offline_scorer_is_named_in_the_figure_and_knows_no_negation():
    model = LexicalOverlap()
    scores = alce(("Statins do not reduce atrial fibrillation", (TEXTS["1", "abstract"],)), model=model)
    assert figures(scores)["alce_recall[lexical-overlap@0.7]"] == 1.0
    assert model.entails([("Aspirin helps.", "Statins reduce atrial fibrillation"), ("x", "")]) == [False, False]


def test_statements_cite_each_section_once():
    spans = (
        Span("1", "abstract", 0, 7, "Statins"),
        Span("1", "abstract", 8, 14, "reduce"),
        Span("9", "title", 0, 1, "x"),
    )
    assert cited_sentences([Statement("s", spans, 1.0)], section_text) == [
        CitedSentence("s", (TEXTS["1", "abstract"], None))
    ]
