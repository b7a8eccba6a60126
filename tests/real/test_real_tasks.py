"""The official files as they are, with their known sizes and defects."""

from collections import Counter

from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.measures.retrieval import evaluate_run
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.task import qrels


def test_beir_folders(real_data):
    for name, n_questions in (("scifact", 300), ("bioasq-passages", 2732)):
        (task,) = load_tasks("beir", real_data / "beir" / name)
        assert task.counts["n_questions"] == n_questions
        perfect = {query: sorted(judged, key=judged.get, reverse=True) for query, judged in qrels(task).items()}
        assert figures(evaluate_run(qrels(task), perfect, ["nDCG@10"])) == {"nDCG@10": 1.0}


def test_bioasq_gold_of_seven_years(real_data):
    (task,) = load_tasks("bioasq", real_data / "bioasq" / "golden", setting="A")
    assert task.counts["n_without_documents"] == 1
    assert task.counts["n_without_ideal"] == 1
    assert len({question.subset for question in task.questions}) == 31


def test_the_development_half_of_pubmedqa(real_data):
    (task,) = load_tasks("pubmedqa", real_data / "pubmedqa" / "ori_pqal.json")
    assert {label: task.counts[f"n_{label}"] for label in task.labels} == {"yes": 276, "no": 169, "maybe": 55}
    assert Counter(question.fold for question in task.questions) == dict.fromkeys(range(10), 50)


def test_r2meds_own_file_names(real_data):
    (task,) = load_tasks("r2med", real_data / "r2med" / "Biology-demo")
    assert task.counts["n_questions"] >= 1
    assert task.drop_query_id


def test_mirage(real_data):
    (task,) = load_tasks("mirage", real_data / "mirage" / "benchmark.json")
    assert task.counts["n_medmcqa"] == 4183
    assert any("532 questions here, 618" in note for note in task.notes)
