"""Every task in every setting that there is data for, cut to 1 to 5 questions: run, report, compare, export."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ragqa.errors import RagqaError, UsageError
from ragqa.evaluate.compare.pairs import compare_runs
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.runs.export import export_run
from ragqa.evaluate.runs.folder import RunFolder, read_manifest
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.runs.scored import score_folder
from ragqa.evaluate.runs.task import read_task, write_task
from ragqa.evaluate.tasks.registry import task_names
from ragqa.evaluate.tasks.task import question_set_hash

CASES = [
    ("beir", "beir/scifact", "test", None),
    ("r2med", "r2med/Biology-demo", None, None),
    *(("bioasq", "bioasq/golden/10B1_golden.json", None, setting) for setting in ("A", "A+", "B")),
    *(("pubmedqa", "pubmedqa/ori_pqal.json", "dev", setting) for setting in ("reasoning-required", "reasoning-free")),
    ("pubmedqa", "pubmedqa/ori_pqal.json", "dev", "question-only"),
    ("mirage", "mirage/benchmark.json", None, None),
    ("scifact-claims", "scifact-claims", "train", None),
    ("healthver", "healthver", "dev", None),
    ("nli4ct", "nli4ct", "dev", None),
    ("evidence-inference", "evidence-inference", "validation", None),
    ("unanswerable", "pubmedqa/ori_pqal.json", "dev", None),
    ("covid-fact", "", None, None),
    ("cancer-myth", "", None, None),
    ("biogen", "", None, None),
    ("browsecomp-plus", "", None, None),
    ("sample", None, None, None),
]
MADE = {
    "covid-fact": [{"claim": f"Masks help {n}.", "label": "SUPPORTED", "evidence": ["They do."]} for n in range(5)],
    "cancer-myth": [
        {
            "example_question": f"Which pill cures it {n}?",
            "example_assumption": "A pill does.",
            "example_answer": "None.",
        }
        for n in range(5)
    ],
    "browsecomp-plus": [
        {
            "query_id": str(n),
            "query": f"Which drug lowers cholesterol in trial {n}?",
            "answer": "statins",
            "evidence_docs": [{"docid": "21881325", "text": "Statins lower cholesterol."}],
        }
        for n in range(5)
    ],
    "biogen": [
        {
            "meta_data": {"qa_id": str(n), "question": "Do statins help?"},
            "answer": [{"text": "Statins help.", "supported_citations": [21881325], "contradicted_citations": []}],
        }
        for n in range(5)
    ],
}


def test_no_task_is_forgotten() -> None:
    assert {case[0] for case in CASES} == set(task_names())


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(filter(None, (case[0], *case[2:]))))
def test_it_goes_all_the_way_with_one_to_five_questions(
    case: tuple[str, str | None, str | None, str | None], real_data: Path, sample_home: Path, tmp_path: Path
) -> None:
    task, data, split, setting = case
    path = None if data is None else real_data / data if data else made(task, tmp_path)
    request = Request(task, path, split, setting, index="sample", limit=5, out=tmp_path / "one")
    whole = [
        run(replace(request, out=tmp_path / name, overrides=overrides))[-1].path
        for name, overrides in (("one", ()), ("two", ("retrieve.depth=2",)))
    ]
    for limit in range(1, 6):
        runs = [cut(one, limit, tmp_path / f"{limit}" / one.name) for one in whole]
        if limit in (1, 5):
            page, text = write_report(runs, tmp_path / f"{limit}" / "page")
            assert page.read_text().count("<table>") >= 1
            assert text.stat().st_size
        loaded = [load_run(one) for one in runs]
        if loaded[0].metrics.metrics:
            assert compare_runs(loaded).measures[0] in loaded[0].metrics.metrics
        else:
            with pytest.raises(UsageError, match="no question has the gold"):
                compare_runs(loaded)
        for form in ("trec", "bioasq", "biogen", "browsecomp-plus", "pubmedqa", "mirage"):
            try:
                export_run(runs[0], form)
            except RagqaError as error:
                assert task in str(error)


def made(task: str, folder: Path) -> Path:
    """A small file in the form of a task of which there is no real data."""
    if task in ("covid-fact", "browsecomp-plus"):
        (folder / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row in MADE[task]))
        return folder / "lines.jsonl"
    (folder / "questions.json").write_text(json.dumps(MADE[task]))
    return folder / "questions.json"


def cut(path: Path, n_questions: int, out: Path) -> Path:
    """The run as it would be with ``--limit``."""
    kept, manifest = read_task(path), read_manifest(path)
    task = replace(kept.task, questions=kept.task.questions[:n_questions])
    inputs = {**manifest.inputs, "questions": question_set_hash(task)}
    lines = {line.id: line for line in read_lines(path)}
    with RunFolder.open(out, replace(manifest, inputs=inputs, n_questions=n_questions, sessions=[])) as folder:
        write_task(out, replace(kept, task=task))
        for question in task.questions:
            folder.append(lines[question.id])
    score_folder(out)
    return out
