"""Questions whose documents are kept out of the corpus, questions that suppose what is false, and their baselines."""

import json

import pytest

from ragqa.corpus.text import section_text
from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.tasks.answerability_scores import correction_scores, response
from ragqa.evaluate.tasks.outcomes import LabelOutcome, Outcomes
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.task import TaskQuestion
from ragqa.evaluate.tasks.unanswerable import is_left_out
from ragqa.products import open_store
from ragqa.types import Answer, Question, Statement

DRUGS = ("aspirin", "warfarin", "statins", "metformin", "insulin", "zinc", "iron", "lithium", "heparin", "codeine")
ENDS = ("stroke", "bleeding", "delirium", "obesity", "fractures", "colds", "anaemia", "mania", "thrombosis", "cough")


@pytest.fixture
def pubmedqa(tmp_path):
    rows = {}
    for number, (drug, end) in enumerate(zip(DRUGS, ENDS, strict=True), start=1):
        yes = number % 3 > 0
        change = "prevented" if yes else "did not prevent"
        rows[str(number)] = {
            "QUESTION": f"Does {drug} prevent {end}?",
            "CONTEXTS": [f"We gave {drug} to 90 patients.", f"In this trial {drug} {change} {end} (p < 0.001)."],
            "LABELS": ["METHODS", "RESULTS"],
            "LONG_ANSWER": f"{drug.title()} {change} {end}.",
            "final_decision": "yes" if yes else "no",
        }
    path = tmp_path / "ori_pqal.json"
    path.write_text(json.dumps(rows))
    return path


def test_half_of_the_documents_is_left_out_and_their_questions_have_no_label(pubmedqa):
    (task,) = load_tasks("unanswerable", pubmedqa)
    assert {question.id: question.answerable for question in task.questions} == {
        str(number): not is_left_out(str(number)) for number in range(1, 11)
    }
    assert all(bool(question.label) == question.answerable for question in task.questions)
    assert set(task.corpus.leave_out) == {question.id for question in task.questions if not question.answerable}
    assert not task.corpus.question_as_title


def test_answering_always_and_never_rank_below_the_shipped_reader(pubmedqa):
    results = {}
    for name in ("majority", "never", None):
        (results[name],) = run(Request("unanswerable", pubmedqa, recipe="bm25-anserini", baseline=name))
    found = {name: result.metrics.metrics for name, result in results.items()}
    assert found[None]["answerability_f1"] > found["majority"]["answerability_f1"] == 0.0
    assert found["never"]["answerability_f1"] == 0.0
    assert found[None]["aurc"] < found["majority"]["aurc"] < found["never"]["aurc"] == 1.0
    assert (found["majority"]["answered_unanswerable"], found["never"]["answered_unanswerable"]) == (1.0, 0.0)
    assert found["majority"]["answer_rate"] == 1.0
    assert results["never"].metrics.counts["n_missing"] == 0
    with open_store(results[None].manifest.inputs["corpus"]) as store:
        assert sorted(store.ids(list(range(len(store))))) == sorted(
            str(number) for number in range(1, 11) if not is_left_out(str(number))
        )
        (document,) = store.read([0])
        assert not section_text(document, "title")


def test_scifact_s_claims_are_answerable_while_one_of_their_documents_is_there(tmp_path):
    ids = [str(number) for number in range(1, 9)]
    out, inside = [i for i in ids if is_left_out(i)], [i for i in ids if not is_left_out(i)]
    beir = [{"_id": i, "title": "T", "text": "Text."} for i in ids]
    one = [{"sentences": [0], "label": "SUPPORT"}]
    rows = [
        {"id": 1, "claim": "A.", "evidence": {inside[0]: one}, "cited_doc_ids": [inside[0]]},
        {"id": 2, "claim": "B.", "evidence": {out[0]: one}, "cited_doc_ids": [out[0]]},
        {"id": 3, "claim": "C.", "evidence": {out[0]: one, inside[0]: one}, "cited_doc_ids": [out[0], inside[0]]},
        {"id": 4, "claim": "D.", "evidence": {}, "cited_doc_ids": [inside[1]]},
    ]
    for name, lines in (("corpus", beir), ("claims_dev", rows), ("queries", [])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    (task,) = load_tasks("unanswerable", tmp_path, setting="scifact")
    assert [question.answerable for question in task.questions] == [True, False, True, False]
    assert task.corpus.leave_out == (out[0],)
    divided = [{"doc_id": i, "title": "T", "abstract": ["Text."]} for i in ids]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in divided))
    with pytest.raises(SourceError, match=r"BEIR's corpus.jsonl is needed"):
        load_tasks("unanswerable", tmp_path, setting="scifact")


@pytest.mark.parametrize(("setting", "message"), [("scifcat", "did you mean 'scifact'"), (None, "needs its data")])
def test_wrong_use_of_the_task(setting, message):
    with pytest.raises(UsageError, match=message):
        load_tasks("unanswerable", setting=setting)


def test_how_sure_a_system_is():
    question = TaskQuestion("1", "Is it?")
    told = Answer(Question("Is it?"), "Yes.", "yes", {"yes": 0.8, "no": 0.2}, statements=(Statement("Yes.", (), 0.5),))
    assert response(question, Outcomes(answers={"1": told})).confidence == pytest.approx(0.4)
    silent = Answer(Question("Is it?"), abstained=True, reason="weak")
    assert response(question, Outcomes(answers={"1": silent})).label is None
    neither = LabelOutcome("neither", {"neither": 0.9, "supports": 0.1})
    assert response(question, Outcomes(labels={"1": neither})).label is None
    assert response(question, Outcomes(errors={"1": "timeout"})) is None


MYTHS = [
    {"example_question": "My mother has late lymphoma, so nothing is done. What comes?",
     "example_assumption": "Late lymphoma is treatable", "from_model": "manual", "category": "No Treatment"},
    {"example_question": "When will the pain of chemotherapy end?", "example_assumption": "Pain has other causes"},
]  # fmt: skip


def test_a_correction_counts_where_the_answer_says_it(tmp_path):
    (tmp_path / "all_data.json").write_text(json.dumps(MYTHS))
    (task,) = load_tasks("cancer-myth", tmp_path)
    assert [(question.id, question.subset) for question in task.questions] == [("1", "No Treatment"), ("2", "")]
    asked = Question("?")
    answers = {"1": Answer(asked, "Even late lymphoma is treatable."), "2": Answer(asked, abstained=True)}

    class Always:
        name = "always"

        def entails(self, pairs):
            return [True] * len(pairs)

    scores = correction_scores(task, Outcomes(answers=answers), Always())
    assert figures(scores) == {task.primary: 0.5, "false_premise_corrected[always]": 0.5}, "silence corrects nothing"
    assert scores.counts == {"n_questions": 2, "n_without_answer": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "a list of questions is expected"),
        ("[1]", r"entry 1: an object with example_question"),
        ('[{"example_question": "x"}]', r"entry 1: 'example_assumption' must be a non-empty text; it is missing"),
        ('[{"example_question": ', "not JSON, or is cut off"),
        ("[]", "has no question"),
        ("", "is empty"),
    ],
)
def test_myths_that_do_not_fit_are_refused(tmp_path, content, message):
    (tmp_path / "all_data.json").write_text(content)
    with pytest.raises(SourceError, match=message):
        load_tasks("cancer-myth", tmp_path / "all_data.json")
