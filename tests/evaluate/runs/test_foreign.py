"""Files of other systems that do not belong together are told apart, not scored as zeros."""

import json
from pathlib import Path

import pytest

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.retrieval import evaluate_run
from ragqa.evaluate.runs.foreign import score_bioasq, score_trec
from ragqa.evaluate.runs.running import running_score
from ragqa.evaluate.tasks.registry import load_tasks


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def qrels(tmp_path: Path) -> Path:
    return write(tmp_path / "qrels", "q1 0 d1 1\nq2 0 d2 1\n")


def test_a_run_without_a_common_query_is_an_error(qrels: Path, tmp_path: Path) -> None:
    run = write(tmp_path / "run", "t1 Q0 d1 1 2.0 x\n")

    with pytest.raises(UsageError, match=r"none of the 2 judged queries.*q1.*t1"):
        score_trec(qrels, run)


def test_qrels_and_run_swapped_are_told(qrels: Path, tmp_path: Path) -> None:
    run = write(tmp_path / "run", "q1 Q0 d1 1 2.0 x\n")

    with pytest.raises(SourceError, match="swapped"):
        score_trec(run, qrels)


def test_grades_that_are_all_zero_are_told() -> None:
    scores = evaluate_run({"q1": {"d1": 0}, "q2": {"d1": 0}}, {"q1": ["d1"], "q2": ["d1"]}, ("nDCG@10",))

    assert any("no document is judged relevant" in note for note in scores.notes)


def bioasq(path: Path, *, ideal: object) -> Path:
    question = {"id": "1", "type": "yesno", "body": "Is it?", "exact_answer": "yes", "ideal_answer": ideal}
    documents = {"documents": ["http://www.ncbi.nlm.nih.gov/pubmed/1"], "snippets": []}
    return write(path, json.dumps({"questions": [{**question, **documents}]}))


def test_gold_and_submission_swapped_are_told(tmp_path: Path) -> None:
    gold = bioasq(tmp_path / "gold.json", ideal=["Yes, it is so."])
    submission = bioasq(tmp_path / "submission.json", ideal="Yes, so.")

    assert score_bioasq(gold, submission).metrics["yesno_accuracy"] == 1.0
    with pytest.raises(UsageError, match="swap --gold and --submission"):
        score_bioasq(submission, gold)


def test_a_submission_without_ideal_answers_has_a_rouge_of_zero_and_a_note(tmp_path: Path) -> None:
    gold = bioasq(tmp_path / "gold.json", ideal=["Yes, it is so."])

    found = score_bioasq(gold, bioasq(tmp_path / "submission.json", ideal=""))

    assert found.metrics["rouge_2_f1"] == 0.0
    assert any("1 of 1 questions have no ideal answer" in note for note in found.notes)


def test_the_running_score_has_its_measures_name(small_beir: Path) -> None:
    ranked = running_score(load_tasks("beir", small_beir)[0])
    sample = running_score(load_tasks("sample")[0])

    assert ranked is not None
    assert sample is not None
    assert (ranked.name, sample.name) == ("MRR@10", "MRR@10")
