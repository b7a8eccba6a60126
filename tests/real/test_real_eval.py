"""Runs on real data: published figures come back, and other programs score exports alike."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ragqa.evaluate.runs.export import export_run
from ragqa.evaluate.runs.foreign import score_bioasq
from ragqa.evaluate.runs.lines import read_lines
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run


def test_scifact_with_bm25_gives_the_published_figure_here_and_in_ir_measures_own_command(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "beir" / "scifact"
    result = run(Request("beir", data=folder, recipe="bm25-anserini"))[0]
    exported = export_run(result.path, "trec", tmp_path / "scifact.trec").path
    rows = [line.split("\t") for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]]
    qrels = tmp_path / "scifact.qrels"
    qrels.write_text("".join(f"{query} 0 {document} {grade}\n" for query, document, grade in rows))
    command = [Path(sys.executable).with_name("ir_measures"), qrels, exported, "nDCG@10", "--places", "9"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert result.metrics.metrics["nDCG@10"] == pytest.approx(0.6789, abs=0.0005)
    assert float(printed[1]) == pytest.approx(result.metrics.metrics["nDCG@10"], abs=1e-8)


@pytest.mark.parametrize("batch", ["10B1", "9B3", "8B5"])
def test_a_submission_made_elsewhere_gets_the_official_figures(real_data: Path, batch: str) -> None:
    folder = real_data / "bioasq" / "official-measures"
    expected = json.loads((folder / f"{batch}.expected.json").read_text())

    found = score_bioasq(folder / f"{batch}.gold.json", folder / f"{batch}.system.json").metrics

    assert found["official_document_map"] == pytest.approx(expected["phaseA"]["MAP documents"], abs=1e-9)
    assert found["official_document_gmap"] == pytest.approx(expected["phaseA"]["GMAP documents"], abs=1e-9)


def test_pubmedqa_says_plainly_what_its_reader_was_trained_on(real_data: Path) -> None:
    data = real_data / "pubmedqa" / "ori_pqal.json"

    result = run(Request("pubmedqa", data=data, limit=10, setting="reasoning-required"))[0]

    assert "NOT a held-out result" in result.metrics.notes[0]
    assert result.metrics.counts["n_questions"] == 10
    assert all(line.hits.document_ids == [] and line.query == "" for line in read_lines(result.path))


def test_bioasq_phase_b_reads_the_gold_snippets_and_exports_a_submission(real_data: Path, tmp_path: Path) -> None:
    gold = real_data / "bioasq" / "golden" / "10B1_golden.json"

    result = run(Request("bioasq", data=gold, setting="B", limit=8))[0]
    exported = export_run(result.path, "bioasq", tmp_path / "submission.json").path

    assert result.metrics.counts["n_failed"] == 0
    assert 0 < result.metrics.metrics["rouge_2_f1"] < 1
    questions = json.loads(exported.read_text())["questions"]
    assert len(questions) == 8
    for line in read_lines(result.path):
        texts = {(section.document_id, section.section): section.text for section in line.cited}
        spans = [span for statement in line.answer.statements for span in statement.spans] if line.answer else []
        assert all(texts[span.document_id, span.section][span.begin : span.end] == span.quote for span in spans)
