"""The official BioASQ program's own output on three batches, to 1e-9."""

import json

import pytest

from ragqa.evaluate.measures.bioasq.documents import score_documents
from ragqa.evaluate.measures.bioasq.exact import score_exact_answers
from ragqa.evaluate.measures.bioasq.snippets import score_snippets
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.tasks.formats.bioasq import read_bioasq

SHORT = {"MPrec": "precision", "MRec": "recall", "MF1": "f1", "MAP": "map", "GMAP": "gmap"}
PHASE_B = {
    "YesNo Acc": "yesno_accuracy", "YesNo macroF1": "yesno_macro_f1", "YesNo F1 yes": "yesno_f1_yes",
    "YesNo F1 no": "yesno_f1_no", "Factoid Strict Acc": "factoid_strict", "Factoid Lenient Acc": "factoid_lenient",
    "Factoid MRR": "factoid_mrr", "List Prec": "list_precision", "List Rec": "list_recall", "List F1": "list_f1",
}  # fmt: skip


@pytest.mark.parametrize("batch", ["8B5", "9B3", "10B1"])
def test_official_bioasq_figures(real_data, batch):
    folder = real_data / "bioasq" / "official-measures"
    expected = json.loads((folder / f"{batch}.expected.json").read_text())
    gold = read_bioasq(folder / f"{batch}.gold.json")
    submission = read_bioasq(folder / f"{batch}.system.json", submission=True)

    phase_a = {**figures(score_documents(gold, submission)), **figures(score_snippets(gold, submission))}
    phase_b = figures(score_exact_answers(gold, submission))

    assert len(expected["phaseA"]) == len(expected["phaseB"]) == 10
    for name, value in expected["phaseA"].items():
        short, what = name.split()
        ours = f"{what.removesuffix('s')}_{SHORT[short]}"
        assert phase_a[f"official_{ours}"] == pytest.approx(value, abs=1e-9)
        if ours in phase_a:  # Nothing is missing or too long in these submissions, so both figures agree.
            assert phase_a[ours] == pytest.approx(value, abs=1e-9)
    for name, value in expected["phaseB"].items():
        assert phase_b[f"official_{PHASE_B[name]}"] == pytest.approx(value, abs=1e-9)
        assert phase_b[PHASE_B[name]] == pytest.approx(value, abs=1e-9)
