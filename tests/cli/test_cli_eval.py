"""``ragqa eval …`` as a user types it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragqa.cli import run


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    """The one JSON document on stdout."""
    return json.loads(capsys.readouterr().out)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.strip().splitlines()[-1]


def test_run_prints_one_json_document_with_the_metrics(small_beir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "run", "beir", "--data", str(small_beir), "--recipe", "bm25-anserini", "--json"]) == 0

    result = printed(capsys)
    assert result["metrics"].keys() >= {"nDCG@10", "R@100", "MRR@10"}
    assert result["intervals"]["nDCG@10"][0] <= result["metrics"]["nDCG@10"] <= result["intervals"]["nDCG@10"][1]
    assert result["counts"]["n_questions"] == 20
    assert {"n_missing", "n_failed", "n_unparsed"} <= result["counts"].keys()
    assert Path(result["path"], "questions.jsonl").is_file()


def test_run_prints_a_table_and_where_the_run_lies(small_beir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "run", "beir", "--data", str(small_beir), "--recipe", "bm25-anserini"]) == 0
    capsys.readouterr()
    assert run(["eval", "run", "beir", "--data", str(small_beir), "--recipe", "bm25-anserini"]) == 0

    out = capsys.readouterr().out
    assert out.splitlines()[0] == "measure\tvalue\t95% interval"
    assert "20 of 20 questions were finished and not redone" in out
    assert "eval/runs/beir-small-test-bm25-anserini" in out


def test_score_compare_export_and_report_work_on_finished_runs(
    small_beir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["eval", "run", "beir", "--data", str(small_beir), "--recipe", "bm25-anserini", "--json"]
    assert run(start) == 0
    first = printed(capsys)
    assert run([*start, "--set", "retrieve.depth=1"]) == 0
    second = printed(capsys)

    assert run(["eval", "export", first["run"], "--format", "trec", "--out", str(tmp_path / "a.trec"), "--json"]) == 0
    assert printed(capsys)["path"] == str(tmp_path / "a.trec")
    qrels = str(small_beir / "qrels" / "test.tsv")
    assert run(["eval", "score", "trec", "--qrels", qrels, "--run", str(tmp_path / "a.trec"), "--json"]) == 0
    assert printed(capsys)["metrics"] == pytest.approx(first["metrics"])
    assert run(["eval", "compare", first["run"], second["run"], "--json"]) == 0
    assert printed(capsys)["pairs"][0]["comparison"]["measure"] == "nDCG@10"
    assert run(["eval", "compare", first["run"], second["run"], "--changed", "2"]) == 0
    assert "paired randomisation" in capsys.readouterr().out
    assert run(["eval", "report", first["run"], second["run"], "--out", str(tmp_path / "report"), "--json"]) == 0
    assert Path(printed(capsys)["html"]).is_file()


def test_score_bioasq_counts_a_missing_question_as_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = [
        {"id": n, "type": "yesno", "body": "Is it?", "exact_answer": "yes", "ideal_answer": ["It is so."]} for n in "ab"
    ]
    given = [{"id": "a", "type": "yesno", "exact_answer": "yes", "ideal_answer": "It is so."}]
    (tmp_path / "gold.json").write_text(json.dumps({"questions": gold}))
    (tmp_path / "system.json").write_text(json.dumps({"questions": given}))
    files = ["--gold", str(tmp_path / "gold.json"), "--submission", str(tmp_path / "system.json")]

    assert run(["eval", "score", "bioasq", *files, "--json"]) == 0

    scored = printed(capsys)
    assert scored["metrics"]["yesno_accuracy"] == 0.5
    assert scored["metrics"]["rouge_2_f1"] == 0.5
    assert scored["counts"]["n_missing"] == 1
    assert any("not scored" in note and "document_map" in note for note in scored["notes"])


def test_ablate_prints_the_table_with_its_tests(
    small_beir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text('base = "bm25-anserini"\n[axes.k1.low.bm25]\nk1 = 0.4\n[axes.k1.high.bm25]\nk1 = 2.0\n')

    assert run(["eval", "ablate", str(grid), "--task", "beir", "--data", str(small_beir)]) == 0
    out = capsys.readouterr().out
    assert "Holm" in out
    assert "shared instead" in out
    assert run(["eval", "ablate", str(grid), "--task", "beir", "--data", str(small_beir), "--json"]) == 0
    assert [row["name"] for row in printed(capsys)["rows"]] == ["low", "high"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval", "run", "bier"], "did you mean 'beir'"),
        (["eval", "run", "beir"], "--data"),
        (["eval", "run", "beir", "--data", "DATA", "--split", "tset"], "did you mean 'test'"),
        (["eval", "run", "beir", "--data", "DATA", "--recipe", "bm25-anserinis"], "did you mean 'bm25-anserini'"),
        (["eval", "run", "beir", "--data", "DATA", "--index", "a", "--recipe", "b"], "not both"),
        (["eval", "run", "beir", "--data", "DATA", "--batch", "0"], "at least 1"),
        (["eval", "run", "pubmedqa", "--data", "DATA", "--setting", "reasoning"], "reasoning-required"),
        (["eval", "ablate", "retreivers"], "did you mean 'retrievers'"),
        (["eval", "compare", "a", "b"], "there is no run 'a'"),
        (["eval", "report", "nothing"], "there is no run 'nothing'"),
        (["eval", "score", "trec", "--qrels", "DATA/qrels/test.tsv", "--run", "nothing"], "cannot read nothing"),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: list[str], message: str, small_beir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run([argument.replace("DATA", str(small_beir)) for argument in arguments])

    assert code in (1, 2)
    assert message in one_line(capsys)
