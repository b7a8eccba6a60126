"""Runs: what they write, how they go on after a crash, and what they refuse."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragqa.errors import BackendError, ProductError, UsageError
from ragqa.evaluate.measures.retrieval import evaluate_run
from ragqa.evaluate.runs.folder import read_manifest
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import Result, run
from ragqa.evaluate.tasks.formats.trec import read_qrels


def bm25(folder: Path, **changes: object) -> Request:
    """A run of BM25 alone on a BEIR folder, a few questions a batch."""
    return Request(**{"task": "beir", "data": folder, "recipe": "bm25-anserini", "batch": 6, **changes})  # type: ignore[arg-type]


@pytest.fixture
def finished(small_beir: Path) -> Result:
    return run(bm25(small_beir))[0]


def test_a_run_scores_what_its_lines_say(finished: Result, small_beir: Path) -> None:
    lines = {line.id: line for line in read_lines(finished.path)}
    judged = read_qrels(small_beir / "qrels" / "test.tsv")
    found = evaluate_run(judged, {question: line.hits.document_ids for question, line in lines.items()})

    assert len(lines) == 20
    assert lines["q3"].hits.document_ids[0] == "d3"
    assert lines["q3"].hits.stages["bm25"][0] == lines["q3"].hits.scores[0]
    assert finished.metrics.metrics == {name: pytest.approx(m.values.mean()) for name, m in found.measures.items()}
    assert finished.metrics.counts["n_questions"] == 20
    assert {"n_missing", "n_failed", "n_unparsed"} <= finished.metrics.counts.keys()


def test_the_manifest_tells_what_the_run_was_made_with(finished: Result) -> None:
    manifest = read_manifest(finished.path)

    assert manifest.recipe["bm25"]["k1"] == 0.9
    assert manifest.task == {"name": "beir", "data": "small", "split": "test", "setting": ""}
    assert manifest.inputs.keys() == {"questions", "corpus", "corpus_state", "index", "index_name"}
    assert manifest.seeds["bootstrap"]
    assert manifest.packages["ragqa"]
    assert manifest.wall_seconds["bm25"] > 0
    assert [session.n_done for session in manifest.sessions] == [20]


def test_a_second_run_redoes_nothing_and_writes_the_same_bytes(finished: Result, small_beir: Path) -> None:
    before = (finished.path / "metrics.json").read_bytes()

    again = run(bm25(small_beir))[0]

    assert again.n_before == 20
    assert (again.path / "metrics.json").read_bytes() == before


def test_a_fresh_run_writes_the_same_metrics(finished: Result, small_beir: Path, tmp_path: Path) -> None:
    fresh = run(bm25(small_beir, out=tmp_path / "fresh"))[0]

    assert (fresh.path / "metrics.json").read_bytes() == (finished.path / "metrics.json").read_bytes()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.floats(0, 1))
def test_a_run_cut_at_any_byte_ends_with_the_same_metrics(
    finished: Result, small_beir: Path, tmp_path: Path, kept: float
) -> None:
    folder = tmp_path / "cut"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(finished.path, folder)
    lines = (folder / "questions.jsonl").read_bytes()
    cut = lines[: int(kept * len(lines))]
    (folder / "questions.jsonl").write_bytes(cut)
    (folder / "metrics.json").unlink()

    again = run(bm25(small_beir, out=folder))[0]

    assert again.n_before == cut.count(b"\n")
    assert (folder / "metrics.json").read_bytes() == (finished.path / "metrics.json").read_bytes()
    assert sorted(line.id for line in read_lines(folder)) == sorted(f"q{n}" for n in range(20))


def test_a_torn_last_line_is_cut_off_and_told(
    finished: Result, small_beir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = finished.path / "questions.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:-1]) + whole[-1][:40])

    again = run(bm25(small_beir))[0]

    assert "torn line of 40 bytes" in caplog.text
    assert again.n_before == 19


def test_kill_9_and_the_same_command_again(finished: Result, small_beir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    options = ["--data", str(small_beir), "--recipe", "bm25-anserini", "--batch", "1", "--out", str(folder)]
    command = [sys.executable, "-m", "ragqa", "eval", "run", "beir", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
    lines = folder / "questions.jsonl"
    while process.poll() is None and not (lines.exists() and lines.stat().st_size):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_kept = lines.read_bytes().count(b"\n")

    again = run(bm25(small_beir, out=folder, batch=1))[0]

    assert again.n_before == n_kept > 0
    # The times before the kill are kept: those that no session had saved are read off the lines.
    sessions = read_manifest(folder).sessions
    assert sum(session.n_done for session in sessions) == 20
    assert all(session.stages["bm25"] > 0 for session in sessions)
    assert (folder / "metrics.json").read_bytes() == (finished.path / "metrics.json").read_bytes()


def test_a_changed_recipe_is_refused_with_what_changed(finished: Result, small_beir: Path) -> None:
    with pytest.raises(UsageError, match=r"recipe\.bm25\.k1 was 0\.9, now 1\.2.*--out"):
        run(bm25(small_beir, overrides=("bm25.k1=1.2",), out=finished.path))


def test_a_changed_question_set_is_refused(finished: Result, small_beir: Path) -> None:
    queries = small_beir / "queries.jsonl"
    queries.write_text(queries.read_text().replace("Which statin", "What statin"))

    with pytest.raises(UsageError, match=r"inputs\.questions was"):
        run(bm25(small_beir))


def test_a_changed_corpus_is_refused(finished: Result, small_beir: Path) -> None:
    corpus = small_beir / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace("therapy", "treatment"))

    with pytest.raises(UsageError, match=r"inputs\.corpus"):
        run(bm25(small_beir))


def test_a_damaged_line_in_the_middle_is_refused_by_its_number(finished: Result, small_beir: Path) -> None:
    path = finished.path / "questions.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "{broken\n", *lines[2:]]))

    with pytest.raises(ProductError, match="line 2: damaged"):
        run(bm25(small_beir))


def test_a_folder_that_holds_something_else_is_left_alone(small_beir: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("dear to me")

    with pytest.raises(UsageError, match=r"thesis\.tex"):
        run(bm25(small_beir, out=tmp_path / "mine"))


def test_a_question_that_fails_is_recorded_counted_and_asked_again_on_request(small_beir: Path) -> None:
    queries = small_beir / "queries.jsonl"
    rows = [json.loads(line) for line in queries.read_text().splitlines()]
    rows[4]["text"] = "x" * 100_001
    queries.write_text("".join(json.dumps(row) + "\n" for row in rows))

    result = run(bm25(small_beir))[0]

    failed = [line for line in read_lines(result.path) if line.error]
    assert [line.id for line in failed] == ["q4"]
    assert "100,001 characters" in failed[0].error
    assert result.metrics.counts["n_failed"] == 1
    assert result.metrics.counts["retrieval.n_questions"] == 20
    assert any("1 questions ended in an error" in note for note in result.metrics.notes)
    assert run(bm25(small_beir))[0].n_before == 20
    assert run(bm25(small_beir, retry_failed=True))[0].n_before == 19


def test_an_endpoint_that_is_away_ends_the_run_and_fails_no_question(sample_home: Path, tmp_path: Path) -> None:
    away = ("answer.reader=chat", "answer.chat.base_url=http://127.0.0.1:9/v1", "answer.chat.retry_s=0")

    with pytest.raises(BackendError, match="asked again"):
        run(Request("sample", index="sample", overrides=away, out=tmp_path / "away"))

    # What needs no generator (an abstention for lack of articles) may be finished.
    assert not [line for line in read_lines(tmp_path / "away") if line.error]


@pytest.mark.parametrize(("data_set", "dropped"), [("arguana", True), ("small", False)])
def test_a_document_with_the_id_of_the_query_is_dropped_where_queries_are_documents(
    small_beir: Path, data_set: str, dropped: bool
) -> None:
    for name in ("queries.jsonl", "qrels/test.tsv"):
        path = small_beir / name
        path.write_text(path.read_text().replace('"q7"', '"d7"').replace("q7\t", "d7\t"))
    folder = small_beir.rename(small_beir.with_name(data_set))

    result = run(bm25(folder, n_hits=3))[0]

    hits = next(line.hits for line in read_lines(result.path) if line.id == "d7")
    assert ("d7" not in hits.document_ids) == dropped
    assert len(hits.document_ids) == len(hits.scores) == len(hits.stages["bm25"]) == 3
    assert hits.scores == sorted(hits.scores, reverse=True)


def test_two_processes_do_not_work_on_one_run(finished: Result, small_beir: Path) -> None:
    from ragqa.evaluate.runs.folder import RunFolder

    with RunFolder.open(finished.path, finished.manifest), pytest.raises(UsageError, match="another process"):
        run(bm25(small_beir))


def test_judged_documents_outside_the_corpus_are_counted_and_told(small_beir: Path) -> None:
    with (small_beir / "qrels" / "test.tsv").open("a") as file:
        file.write("q0\tnowhere\t1\n")

    result = run(bm25(small_beir))[0]

    assert result.metrics.counts["retrieval.n_judged_not_in_corpus"] == 1
    assert any("not in the corpus" in note for note in result.metrics.notes)


def test_the_same_data_under_another_path_is_not_imported_again(
    finished: Result, small_beir: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere" / "small"
    shutil.copytree(small_beir, moved)

    again = run(bm25(moved))[0]

    assert again.n_before == 20


def test_a_task_without_corpus_asks_for_one() -> None:
    with pytest.raises(UsageError, match="--corpus"):
        run(Request("bioasq", data=_bioasq_file()))


def _bioasq_file() -> Path:
    path = Path(os.environ["RAGQA_HOME"]) / "gold.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    question = {"id": "1", "type": "yesno", "body": "Is it?", "exact_answer": "yes", "ideal_answer": ["It is."]}
    path.write_text(json.dumps({"questions": [{**question, "documents": ["http://www.ncbi.nlm.nih.gov/pubmed/1"]}]}))
    return path


def test_r2med_has_a_run_for_each_set_and_the_mean(small_beir: Path, tmp_path: Path) -> None:
    for name in ("Biology", "PMC-Clinical"):
        folder = tmp_path / "r2med" / name
        folder.mkdir(parents=True)
        for line_file, target, keys in (("corpus", "corpus", ("_id", "text")), ("queries", "query", ("_id", "text"))):
            rows = [json.loads(line) for line in (small_beir / f"{line_file}.jsonl").read_text().splitlines()]
            written = [{"id": row[keys[0]], "text": f"{row[keys[1]]} {name}"} for row in rows]
            (folder / f"{target}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in written))
        judged = read_qrels(small_beir / "qrels" / "test.tsv")
        rows = [{"q_id": q, "p_id": d, "score": grade} for q, grades in judged.items() for d, grade in grades.items()]
        (folder / "qrels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    *sets, mean = run(bm25(tmp_path / "r2med", task="r2med"))

    figures = [result.metrics.metrics["nDCG@10"] for result in sets]
    assert mean.metrics.metrics["mean_nDCG@10"] == pytest.approx(sum(figures) / 2)
    assert mean.metrics.counts["n_sets"] == 2
    assert any("missing" in note for note in mean.metrics.notes)
