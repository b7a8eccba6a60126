"""Runs of few questions, in which the primary measure or all gold may be absent, go all the way."""

import json

import pytest

from ragqa.errors import RagqaError, UsageError
from ragqa.evaluate.compare.pairs import compare_runs
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.runs.export import export_run
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run

OPTIONS = {"A": "statins", "B": "aspirin", "C": "insulin", "D": "heparin"}


@pytest.fixture
def gold(tmp_path):
    """One MIRAGE set, and BioASQ batches of one type of question each."""
    question = {"question": "Which drug lowers cholesterol?", "options": OPTIONS, "answer": "A"}
    (tmp_path / "mirage.json").write_text(json.dumps({"medqa": {f"{n:04}": question for n in range(3)}}))
    exact = {"factoid": [["statins"]], "list": [["statins"], ["aspirin"]], "summary": None, "yesno": "yes"}
    for kind, answer in exact.items():
        row = {
            "id": "q",
            "type": kind,
            "body": "Do statins help?",
            "documents": ["http://www.ncbi.nlm.nih.gov/pubmed/1"],
            "ideal_answer": ["They do."],
        }
        rows = [{**row, "id": f"q{n}", **({"exact_answer": answer} if answer else {})} for n in range(2)]
        (tmp_path / f"{kind}.json").write_text(json.dumps({"questions": rows}))
    return tmp_path


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize(
    "asked",
    [
        ("sample", None, None),
        ("mirage", "mirage.json", None),
        *(("bioasq", f"{kind}.json", setting) for kind in ("factoid", "summary", "yesno") for setting in ("A+", "A")),
    ],
)
def test_every_task_goes_through_run_report_compare_and_export(sample_home, gold, asked, limit):
    task, file, setting = asked
    data = gold / file if file else None
    request = Request(task, data=data, setting=setting, index="sample", limit=limit)
    runs = [
        run(Request(**{**_fields(request), "out": gold / name, "overrides": changes}))[0].path
        for name, changes in (("one", ()), ("two", ("retrieve.depth=2",)))
    ]

    page, text = write_report(runs, gold / "page")
    assert page.read_text().count("<table>") >= 1
    assert "question" in text.read_text()
    loaded = [load_run(path) for path in runs]
    if loaded[0].metrics.metrics:
        assert compare_runs(loaded).measures[0] in loaded[0].metrics.metrics
    else:
        with pytest.raises(UsageError, match="no question has the gold"):
            compare_runs(loaded)
    for form in ("trec", "bioasq", "pubmedqa", "mirage"):
        try:
            export_run(runs[0], form)
        except RagqaError as error:
            assert task in str(error)


def _fields(request):
    return {name: getattr(request, name) for name in request.__slots__}
