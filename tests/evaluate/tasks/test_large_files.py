"""A wrong file of 1 GiB is refused in words, with little memory, by every loader and importer."""

import tracemalloc

import pytest

from ragqa.corpus.jsonl import read_jsonl
from ragqa.errors import RagqaError
from ragqa.evaluate.runs.imported import import_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.tasks.formats.read import MOST_BYTES
from ragqa.evaluate.tasks.registry import load_tasks

GIB = 1 << 30
FILES = {
    "bioasq": "gold.json",
    "pubmedqa": "ori_pqal.json",
    "mirage": "benchmark.json",
    "scifact-claims": "claims_dev.jsonl",
    "healthver": "healthver_dev.csv",
    "nli4ct": "dev.json",
    "covid-fact": "COVIDFACT_dataset.jsonl",
    "evidence-inference": "prompts-validation.jsonl",
    "biogen": "topics.json",
    "cancer-myth": "cancer_myth.json",
}


def large(path):
    """1 GiB without a line end, of which the disk holds nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(GIB)
    return path


def refusal(work):
    tracemalloc.start()
    try:
        with pytest.raises(RagqaError) as told:
            work()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * MOST_BYTES
    return str(told.value)


@pytest.mark.parametrize("task", FILES)
def test_a_task_s_file(task, tmp_path):
    path = large(tmp_path / FILES[task])
    told = refusal(lambda: load_tasks(task, path))
    assert path.name in told
    assert "1.0 GiB" in told or "line 1: longer than" in told


@pytest.mark.parametrize("name", ["queries.jsonl", "qrels/test.tsv"])
def test_a_collection_s_files(name, tmp_path):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text('{"_id": "1", "title": "", "text": "Zinc."}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "Zinc?"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\t1\t1\n")
    large(tmp_path / name)
    told = refusal(lambda: load_tasks("beir", tmp_path))
    assert name.rpartition("/")[2] in told


def test_a_corpus(tmp_path):
    path = large(tmp_path / "corpus.jsonl")
    told = refusal(lambda: list(read_jsonl(path, None)))
    assert "corpus.jsonl, line 1: longer than" in told


@pytest.mark.parametrize(("task", "form"), [("bioasq", "bioasq"), ("pubmedqa", "pubmedqa"), ("pubmedqa", "trec")])
def test_another_system_s_file(task, form, tmp_path, real_data):
    data = {"bioasq": "bioasq/golden/10B1_golden.json", "pubmedqa": "pubmedqa/ori_pqal.json"}[task]
    path, out = large(tmp_path / "theirs"), tmp_path / "run"
    told = refusal(lambda: import_run(path, Request(task, real_data / data, out=out), "theirs", form))
    assert str(path) in told
    assert not out.exists()
