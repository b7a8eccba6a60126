"""BioASQ measures: every quirk of the official program has a test of its own here.

The official program's own output on three batches is reproduced in tests/real/test_real_metrics.py.
"""

import json
import math

import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.measures.bioasq.documents import score_documents
from ragqa.evaluate.measures.bioasq.exact import score_exact_answers
from ragqa.evaluate.measures.bioasq.question import URL, BioasqQuestion, BioasqSnippet
from ragqa.evaluate.measures.bioasq.snippets import score_snippets
from ragqa.evaluate.measures.measure import figures


def documents(*pmids, question_id="q", prefix=URL):
    return {question_id: BioasqQuestion(question_id, documents=tuple(f"{prefix}{pmid}" for pmid in pmids))}


def snippets(*places, question_id="q", section="abstract"):
    made = tuple(BioasqSnippet(f"{URL}{pmid}", section, section, begin, end) for pmid, begin, end in places)
    return {question_id: BioasqQuestion(question_id, snippets=made)}


def exact(kind, answer, question_id="q"):
    return {question_id: BioasqQuestion(question_id, type=kind, exact_answer=answer)}


class TestDocuments:
    def test_average_precision_is_divided_by_ten_at_most(self):
        scores = figures(score_documents(documents(*range(1, 21)), documents(*range(1, 11))))
        assert scores["document_map"] == 1.0
        assert scores["document_recall"] == 0.5

    def test_the_program_does_not_cut_at_ten_and_gives_two_for_twenty_right(self):
        scores = score_documents(documents(*range(1, 21)), documents(*range(1, 21)))
        assert figures(scores)["official_document_map"] == pytest.approx(2.0)
        assert figures(scores)["document_map"] == 1.0
        assert scores.counts["n_documents_cut"] == 1

    def test_https_scores_zero_in_the_program_only(self):
        scores = score_documents(documents(1), documents(1, prefix="https://pubmed.ncbi.nlm.nih.gov/"))
        assert figures(scores)["official_document_f1"] == 0.0
        assert figures(scores)["document_f1"] == 1.0
        assert scores.counts["n_documents_normalised"] == 1

    def test_duplicates_are_dropped(self):
        scores = score_documents(documents(1, 2), documents(1, 1, 2))
        assert figures(scores)["document_precision"] == figures(scores)["official_document_precision"] == 1.0
        assert scores.counts["n_documents_duplicated"] == 1

    def test_a_missing_question_is_padded_first_and_skipped_by_the_program(self):
        gold = documents(1) | documents(2, question_id="q2")
        scores = score_documents(gold, documents(1))
        assert figures(scores)["document_map"] == 0.5
        assert figures(scores)["official_document_map"] == 1.0
        assert scores.counts["n_missing"] == 1

    def test_questions_without_gold_are_left_out_and_counted(self):
        gold = documents(1) | documents(question_id="q2")
        scores = score_documents(gold, documents(1) | documents(5, question_id="q2"))
        assert figures(scores)["document_map"] == figures(scores)["official_document_map"] == 1.0
        assert scores.counts["n_without_gold"] == 1

    def test_an_empty_answer_scores_zero_and_gmap_keeps_its_epsilon(self):
        scores = figures(
            score_documents(documents(1) | documents(2, question_id="q2"), documents() | documents(2, question_id="q2"))
        )
        assert scores["document_f1"] == scores["document_map"] == 0.5
        assert scores["document_gmap"] == pytest.approx(math.sqrt(1e-5 * (1 + 1e-5)))

    def test_a_submission_of_another_batch_is_refused(self):
        with pytest.raises(UsageError, match="none of the 1 gold questions"):
            score_documents(documents(1), documents(1, question_id="other"))


class TestSnippets:
    def test_lengths_include_both_ends(self):
        scores = figures(score_snippets(snippets((1, 0, 9)), snippets((1, 5, 14))))
        assert scores["snippet_precision"] == scores["snippet_recall"] == scores["snippet_f1"] == 0.5

    def test_overlapping_snippets_are_merged_on_both_sides(self):
        scores = figures(score_snippets(snippets((1, 0, 9), (1, 5, 19)), snippets((1, 10, 19), (1, 0, 14))))
        assert scores["snippet_precision"] == scores["snippet_recall"] == 1.0

    def test_merging_reaches_across_a_bridge(self):
        scores = figures(score_snippets(snippets((1, 0, 29)), snippets((1, 0, 9), (1, 20, 29), (1, 5, 24))))
        assert scores["snippet_f1"] == 1.0

    def test_only_equal_sections_and_documents_overlap(self):
        gold = snippets((1, 0, 9))
        assert figures(score_snippets(gold, snippets((1, 0, 9), section="title")))["snippet_f1"] == 0.0
        assert figures(score_snippets(gold, snippets((2, 0, 9))))["snippet_f1"] == 0.0

    @pytest.mark.parametrize("section", ["0", "sections.0", "article.abstract"])
    def test_section_names_are_cut_at_the_first_point_and_zero_is_the_abstract(self, section):
        scores = figures(score_snippets(snippets((1, 0, 9)), snippets((1, 0, 9), section=section)))
        assert scores["snippet_f1"] == scores["official_snippet_f1"] == 1.0

    def test_the_programs_map_takes_any_snippet_of_a_gold_document_and_can_exceed_one(self):
        gold = snippets((1, 0, 99))
        elsewhere = snippets((1, 0, 99), (1, 200, 209))
        scores = figures(score_snippets(gold, elsewhere))
        assert scores["official_snippet_map"] == pytest.approx(1.0 + 100 / 110)
        assert "snippet_map" not in scores

    def test_empty_gold_does_not_become_nan(self):
        scores = score_snippets(snippets((1, 0, 9)) | snippets(question_id="q2"), snippets((1, 0, 9)))
        assert figures(scores)["snippet_f1"] == 1.0
        assert scores.counts["n_without_gold"] == 1

    def test_missing_questions_and_long_lists(self):
        gold = snippets((1, 0, 9)) | snippets((1, 0, 9), question_id="q2")
        long = snippets(*[(9, 20 * i, 20 * i + 9) for i in range(10)], (1, 0, 9))
        scores = score_snippets(gold, long)
        assert figures(scores)["snippet_recall"] == 0.0
        assert figures(scores)["official_snippet_recall"] == 1.0
        assert (scores.counts["n_missing"], scores.counts["n_snippets_cut"]) == (1, 1)


class TestYesNo:
    def test_macro_f1_over_both_labels(self):
        gold = exact("yesno", "yes", "a") | exact("yesno", "yes", "b") | exact("yesno", "no", "c")
        answers = exact("yesno", "yes", "a") | exact("yesno", "no", "b") | exact("yesno", "no", "c")
        scores = figures(score_exact_answers(gold, answers))
        assert scores["yesno_accuracy"] == pytest.approx(2 / 3)
        assert scores["yesno_macro_f1"] == pytest.approx(2 / 3)

    def test_i_do_not_know_is_a_no_for_the_program_only(self):
        scores = score_exact_answers(exact("yesno", "no"), exact("yesno", "I do not know"))
        assert figures(scores)["official_yesno_accuracy"] == 1.0
        assert figures(scores)["yesno_accuracy"] == 0.0
        assert scores.counts["n_unparsed"] == 1

    def test_gold_is_read_without_regard_to_case(self):
        assert figures(score_exact_answers(exact("yesno", "Yes"), exact("yesno", "yes")))["yesno_accuracy"] == 1.0

    def test_missing_is_wrong_here_and_skipped_there(self):
        gold = exact("yesno", "yes", "a") | exact("yesno", "yes", "b") | exact("yesno", "yes", "c")
        scores = score_exact_answers(gold, exact("yesno", "yes", "a") | exact("yesno", None, "c"))
        assert figures(scores)["yesno_accuracy"] == pytest.approx(1 / 3)
        assert figures(scores)["official_yesno_accuracy"] == 0.5
        assert (scores.counts["n_missing"], scores.counts["n_unanswered"]) == (1, 1)


class TestFactoid:
    GOLD = exact("factoid", (("XIa", "factor XIa"),))

    def score(self, *entries):
        return figures(score_exact_answers(self.GOLD, exact("factoid", entries)))

    def test_any_synonym_after_lower_casing(self):
        scores = self.score(("protein",), ("FACTOR XIA",))
        assert (scores["factoid_strict"], scores["factoid_lenient"], scores["factoid_mrr"]) == (0.0, 1.0, 0.5)

    def test_nothing_is_trimmed(self):
        assert self.score((" XIa",))["factoid_lenient"] == 0.0

    def test_only_the_first_string_of_an_entry_counts(self):
        assert self.score(("protein", "XIa"))["factoid_lenient"] == 0.0

    def test_five_entries_count_here_and_all_in_the_program(self):
        scores = self.score(*[(f"wrong {i}",) for i in range(5)], ("XIa",))
        assert scores["factoid_mrr"] == 0.0
        assert scores["official_factoid_mrr"] == pytest.approx(1 / 6)


class TestList:
    GOLD = exact("list", (("B-cell maturation antigen", "BCMA"), ("CD3",)))

    def score(self, *entries):
        scores = figures(score_exact_answers(self.GOLD, exact("list", entries)))
        return scores["list_precision"], scores["list_recall"], scores["list_f1"]

    def test_each_gold_item_counts_once(self):
        assert self.score(("bcma",), ("cd3",)) == (1.0, 1.0, 1.0)

    def test_a_repeated_synonym_is_wrong(self):
        assert self.score(("BCMA",), ("B-cell maturation antigen",)) == (0.5, 0.5, 0.5)

    def test_an_empty_list_scores_zero(self):
        assert self.score() == (0.0, 0.0, 0.0)

    def test_gold_items_that_share_a_synonym_are_both_found_by_it(self):
        gold = exact("list", (("a", "x"), ("b", "x")))
        scores = figures(score_exact_answers(gold, exact("list", (("x",),))))
        assert (scores["list_precision"], scores["list_recall"]) == (1.0, 1.0)


def test_a_type_without_gold_is_told_not_silently_absent():
    scores = score_exact_answers(exact("yesno", "yes"), exact("yesno", "yes"))
    assert len(scores.notes) == 2
    assert "no list question" in scores.notes[1]
    assert (scores.counts["n_yesno"], scores.counts["n_list"]) == (1, 0)


def test_typed_questions_without_gold_answers_are_counted():
    scores = score_exact_answers(exact("yesno", "yes") | exact("list", None, "q2"), exact("yesno", "yes"))
    assert scores.counts["n_without_gold"] == 1
    json.dumps(scores.counts)
