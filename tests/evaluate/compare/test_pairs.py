"""Comparing, ranking and exporting finished runs."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ragqa.errors import ProductError, UsageError
from ragqa.evaluate.compare.across import rank_across
from ragqa.evaluate.compare.pairs import compare_runs
from ragqa.evaluate.measures.measure import Scores, figure, mean_measure
from ragqa.evaluate.measures.retrieval import evaluate_run
from ragqa.evaluate.runs.export import export_run
from ragqa.evaluate.runs.foreign import score_trec
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.load import LoadedRun, load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.runs.task import read_task
from ragqa.evaluate.tasks.task import qrels


def run_of(folder: Path, *overrides: str) -> LoadedRun:
    return load_run(run(Request("beir", data=folder, recipe="bm25-anserini", overrides=overrides))[0].path)


@pytest.fixture
def two(small_beir: Path) -> list[LoadedRun]:
    """BM25 as it should be, and one whose term frequencies and lengths count for nothing."""
    return [run_of(small_beir), run_of(small_beir, "bm25.k1=0.0", "retrieve.depth=1")]


def test_two_runs_are_compared_with_test_interval_and_what_changed(two: list[LoadedRun]) -> None:
    compared = compare_runs(two, ["nDCG@10", "R@100"])

    assert [pair.comparison.measure for pair in compared.pairs] == ["nDCG@10", "R@100"]
    first = compared.pairs[0]
    assert first.comparison.wins + first.comparison.ties + first.comparison.losses == 20
    assert first.p_holm >= first.comparison.p_value
    assert set(first.comparison.changed) <= set(two[0].questions)
    assert "paired randomisation" in compared.caption
    assert "n = 20" in compared.caption
    assert "2 comparisons" in compared.caption


def test_runs_on_different_questions_are_refused(two: list[LoadedRun], small_beir: Path) -> None:
    fewer = load_run(run(Request("beir", data=small_beir, recipe="bm25-anserini", limit=10))[0].path)

    with pytest.raises(UsageError, match="10 questions are only in the first, 0 only in the second"):
        compare_runs([two[0], fewer])


def test_one_run_is_no_comparison(two: list[LoadedRun]) -> None:
    with pytest.raises(UsageError, match="at least two"):
        compare_runs(two[:1])


def test_an_unknown_run_or_measure_names_the_nearest(two: list[LoadedRun]) -> None:
    with pytest.raises(UsageError, match="did you mean 'beir-small-test-bm25-anserini'"):
        load_run("beir-small-test-bm25-anserin")
    with pytest.raises(UsageError, match=r"did you mean 'nDCG@10'"):
        compare_runs(two, ["NDCG@10"])


def test_an_unfinished_run_is_told(two: list[LoadedRun]) -> None:
    lines = (two[0].path / "questions.jsonl").read_bytes().splitlines(keepends=True)
    (two[0].path / "questions.jsonl").write_bytes(b"".join(lines[:-1]))

    with pytest.raises(ProductError, match="not finished"):
        load_run(two[0].path)


def test_systems_are_ranked_across_tasks(two: list[LoadedRun], small_beir: Path) -> None:
    other = [
        load_run(run(Request("beir", data=small_beir, recipe="bm25-anserini", overrides=o, limit=10))[0].path)
        for o in ((), ("bm25.k1=0.0", "retrieve.depth=1"))
    ]
    elsewhere = [
        dataclasses.replace(r, manifest=dataclasses.replace(r.manifest, task={**r.manifest.task, "data": "other"}))
        for r in other
    ]

    def halved(one: LoadedRun) -> LoadedRun:
        ids = one.scores.measures["nDCG@10"].question_ids
        values = dict(zip(ids, (one.scores.measures["nDCG@10"].values / 2).tolist(), strict=True))
        return dataclasses.replace(one, scores=Scores({"nDCG@10": mean_measure("nDCG@10", values)}))

    ranked = rank_across([two[0], halved(two[1]), elsewhere[0], halved(elsewhere[1])])

    assert sorted(ranked.mean_ranks.values()) == [1.0, 2.0]
    best = ranked.kemeny_order[0]
    assert ranked.rank_intervals[best][0] == 1.0
    assert ranked.kemeny_places[best][0] == 1
    assert next(iter(ranked.task_agreement.values())).tau == 1.0
    assert all(one.with_the_others.tau == 1.0 for one in ranked.benchmarks.values())
    assert set(ranked.borda) == {run.system for run in two}
    assert ranked.kemeny_order[0] == min(ranked.mean_ranks, key=lambda name: ranked.mean_ranks[name])


def test_an_exported_trec_run_scores_the_same_here_and_by_ir_measures_own_command(
    two: list[LoadedRun], small_beir: Path, tmp_path: Path
) -> None:
    exported = export_run(two[0].path, "trec", tmp_path / "bm25.trec").path
    qrels = small_beir / "qrels" / "test.tsv"
    trec_qrels = tmp_path / "test.qrels"
    rows = [line.split("\t") for line in qrels.read_text().splitlines()[1:]]
    trec_qrels.write_text("".join(f"{query} 0 {document} {grade}\n" for query, document, grade in rows))

    command = [Path(sys.executable).with_name("ir_measures"), trec_qrels, exported, "nDCG@10", "--places", "9"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert score_trec(qrels, exported).metrics == pytest.approx(two[0].metrics.metrics)
    assert float(printed[1]) == pytest.approx(two[0].metrics.metrics["nDCG@10"], abs=1e-8)


def test_a_retrieval_run_is_no_submission(two: list[LoadedRun]) -> None:
    with pytest.raises(UsageError, match="no BioASQ submission"):
        export_run(two[0].path, "bioasq")


def test_a_submission_has_the_keys_that_the_official_program_takes(sample_run: Path, tmp_path: Path) -> None:
    exported = export_run(sample_run, "bioasq", tmp_path / "submission.json")

    questions = json.loads(exported.path.read_text())["questions"]
    assert len(questions) == 40
    assert {"id", "type", "body", "ideal_answer"} <= questions[0].keys()
    assert {q["exact_answer"] for q in questions if q["type"] == "yesno" and "exact_answer" in q} <= {"yes", "no"}


@pytest.fixture
def sample_run(sample_home: Path, tmp_path: Path) -> Path:
    return run(Request("sample", index="sample", out=tmp_path / "sample-run"))[0].path


def test_a_measure_that_a_run_was_not_scored_by_is_computed_from_its_lines(two: list[LoadedRun], capsys) -> None:
    from ragqa.cli import run as ragqa

    names = [str(one.path) for one in two]
    for command in (["eval", "compare", *names, "--measure", "RBP(p=0.8)@10", "--json"], ["eval", "report", *names]):
        options = [] if command[1] == "compare" else ["--measure", "Judged@10", "--measure", "nDCG(judged_only=True)@5"]
        assert ragqa([*command, *options]) == 0
        out = capsys.readouterr().out
    page = Path(out.splitlines()[0].removeprefix("Written: ")).read_text()
    assert "nDCG(judged_only=True)@5" in page

    judged = qrels(read_task(two[0].path).task)
    hits = {line.id: line.hits.document_ids for line in read_lines(two[0].path)}
    expected = evaluate_run(judged, hits, ("RR(rel=2)@10",))
    found = load_run(two[0].path, ["RR(rel=2)@10"])
    assert found.metrics.metrics["RR(rel=2)@10"] == figure(expected.measures["RR(rel=2)@10"])


def test_a_measure_deeper_than_what_was_kept_or_unknown_is_refused(two: list[LoadedRun], capsys) -> None:
    from ragqa.cli import run as ragqa

    with pytest.raises(UsageError, match="--hits 500"):
        load_run(two[0].path, ["nDCG@500"])
    assert ragqa(["eval", "report", str(two[0].path), "--measure", "nDGC@10"]) != 0
    assert "nDGC@10" in capsys.readouterr().err
