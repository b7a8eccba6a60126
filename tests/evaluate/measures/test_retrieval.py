"""Retrieval measures: the same figures as pytrec_eval's own, and every query in the denominator."""

import math

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import figure, figures, named, per_question
from ragqa.evaluate.measures.retrieval import evaluate_run

DOCUMENTS = [f"d{i}" for i in range(12)]
QUERIES = [f"q{i}" for i in range(6)]
QRELS = st.dictionaries(
    st.sampled_from(QUERIES), st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1), min_size=1
)
# Few distinct scores: ties are the rule, and many queries and documents are unjudged or missing.
RUNS = st.dictionaries(
    st.sampled_from([*QUERIES, "q_unjudged"]),
    st.dictionaries(st.sampled_from([*DOCUMENTS, "unjudged"]), st.sampled_from([0.1, 0.2, 0.3, 2.5, -1.0])),
)
NAMES = {
    "nDCG@10": "ndcg_cut_10", "nDCG@3": "ndcg_cut_3", "R@100": "recall_100", "R@5": "recall_5", "AP": "map",
    "P@5": "P_5", "Success@1": "success_1", "Success@5": "success_5", "RR": "recip_rank", "MAP": "map",
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(QRELS, RUNS)
def test_every_query_scores_what_pytrec_eval_gives_and_zero_where_it_is_silent(qrels, run):
    expected = pytrec_eval.RelevanceEvaluator(qrels, set(NAMES.values())).evaluate({q: r for q, r in run.items() if r})

    scores = evaluate_run(qrels, run, list(NAMES))

    for ours, theirs in NAMES.items():
        values = per_question(named(scores, ours))
        assert list(values) == list(qrels)
        for query in qrels:
            assert values[query] == pytest.approx(expected.get(query, {}).get(theirs, 0.0), abs=1e-9)
        assert figures(scores)[ours] == pytest.approx(sum(values.values()) / len(qrels), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.permutations(DOCUMENTS), st.sets(st.sampled_from(DOCUMENTS), min_size=1), st.integers(1, 12))
def test_the_order_of_a_ranked_list_stands_and_mrr_is_cut(ranking, relevant, cutoff):
    qrels = {"q": dict.fromkeys(relevant, 1)}
    first = min(ranking.index(document) for document in relevant) + 1

    scores = evaluate_run(qrels, {"q": ranking}, [f"MRR@{cutoff}", f"P@{cutoff}"])

    assert figures(scores)[f"MRR@{cutoff}"] == (1 / first if first <= cutoff else 0.0)
    assert figures(scores)[f"P@{cutoff}"] == pytest.approx(len(relevant & set(ranking[:cutoff])) / cutoff)


def test_equal_scores_are_ordered_by_document_id_downwards_as_trec_eval_does():
    scores = evaluate_run({"q": {"b": 1}}, {"q": {"a": 1.0, "b": 1.0}}, ["RR"])
    assert figure(named(scores, "RR")) == 1.0


def test_gain_is_linear():
    scores = evaluate_run({"q": {"good": 3, "fair": 1}}, {"q": ["fair", "good"]}, ["nDCG@10"])
    assert figures(scores)["nDCG@10"] == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


def test_missing_queries_and_judgements_are_counted():
    qrels = {"q1": {"d1": 1}, "q2": {"d2": 1}, "q3": {"d3": 0}, "q4": {"d4": -1, "d5": 2}}

    scores = evaluate_run(qrels, {"q1": ["d1"], "q2": [], "q9": ["d1"]}, ["AP"], corpus_ids={"d1", "d2"})

    assert figures(scores) == {"AP": 0.25}
    assert scores.counts == {
        "n_questions": 4, "n_missing": 3, "n_without_relevant": 1, "n_not_judged": 1, "n_judged_not_in_corpus": 1,
    }  # fmt: skip
    assert "1 of 3 relevant documents are not in the corpus and cannot be found" in scores.notes


def test_an_empty_run_scores_zero_everywhere():
    assert figures(evaluate_run({"q": {"d": 1}}, {})) == {"nDCG@10": 0, "R@100": 0, "MRR@10": 0, "AP@100": 0}


def test_a_document_with_the_querys_id_is_dropped_where_the_task_says_so():
    qrels, run = {"q": {"d": 1}}, {"q": ["q", "d"]}
    assert figures(evaluate_run(qrels, run, ["P@1"])) == {"P@1": 0.0}
    assert figures(evaluate_run(qrels, run, ["P@1"], drop_query_id=True)) == {"P@1": 1.0}


def test_relevant_documents_that_are_dropped_with_their_querys_id_are_counted_and_told():
    scores = evaluate_run({"1": {"1": 1, "2": 1}, "3": {"2": 1}}, {"1": ["1", "2"]}, ["P@1"], drop_query_id=True)
    assert scores.counts["n_relevant_with_own_id"] == 1
    assert any("have the id of their query" in note for note in scores.notes)


@pytest.mark.parametrize("name", ["ndgc@10", "MRR@0", "P@0", "AP@x", "recall", "", "ERR@10"])
def test_an_unknown_measure_is_refused_with_the_nearest(name):
    with pytest.raises(UsageError, match=r"nDCG@10"):
        evaluate_run({"q": {"d": 1}}, {}, [name])


@pytest.mark.parametrize(
    ("run", "message"),
    [({"q": ["d", "d"]}, "more than once"), ({"q": {"d": math.nan}}, "not a finite number")],
)
def test_a_run_that_cannot_be_ranked_is_refused(run, message):
    with pytest.raises(UsageError, match=message):
        evaluate_run({"q": {"d": 1}}, run)


def test_no_judgements_is_an_error():
    with pytest.raises(UsageError, match="qrels are empty"):
        evaluate_run({}, {"q": ["d"]})


def test_an_unknown_name_among_scores_names_the_nearest():
    with pytest.raises(UsageError, match=r"did you mean 'MRR@10'"):
        named(evaluate_run({"q": {"d": 1}}, {}), "RR@10")


def test_the_syntax_of_ir_measures_is_understood_in_full():
    qrels = {"q": {"a": 1, "b": 2, "c": 0}, "r": {"x": 1}}
    run = {"q": ["unjudged", "a", "b"], "r": ["x"]}
    names = ["RR(rel=2)@10", "RR(rel=2)@2", "Judged@10", "RBP(p=0.5)", "RBP(p=0.5,rel=2)", "nDCG(judged_only=True)@10"]

    found = figures(evaluate_run(qrels, run, names))

    assert found["RR(rel=2)@10"] == pytest.approx((1 / 3 + 0) / 2)
    assert found["RR(rel=2)@2"] == 0
    assert found["Judged@10"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["RBP(p=0.5)"] == pytest.approx((0.25 + 0.125 + 0.5) / 2)
    assert found["RBP(p=0.5,rel=2)"] == pytest.approx(0.125 / 2)
    judged_only = (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
    assert found["nDCG(judged_only=True)@10"] == pytest.approx((judged_only + 1) / 2)
