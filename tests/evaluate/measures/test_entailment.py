"""Entailment models by name, and what a run says of the one that judged it."""

import json

import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.measures.entailment import LexicalOverlap, entailment_model
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run

PREMISE = "We randomised 200 patients. Statins reduced the risk of stroke (RR 0.75, 95% CI 0.6 to 0.9)."


def test_overlap_cannot_tell_a_sentence_from_its_opposite():
    pairs = [(PREMISE, "Statins reduced the risk of stroke."), (PREMISE, "Statins increased the risk of stroke.")]

    assert entailment_model().entails(pairs) == [True, True]


def test_the_reader_can():
    model = entailment_model("reader")

    judged = model.entails(
        [
            (PREMISE, "Statins reduced the risk of stroke."),
            (PREMISE, "Statins increased the risk of stroke."),
            ("Honey bees dance to tell each other where flowers are.", "Statins reduced the risk of stroke."),
            ("", "Statins reduced the risk of stroke."),
        ]
    )

    assert judged == [True, False, False, False]
    assert model.name.startswith("reader@")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'reader'"):
        entailment_model("readr")


def test_a_finished_run_is_judged_anew_without_asking_again(sample_home, tmp_path):
    request = Request("sample", index="sample", out=tmp_path / "run", limit=6)
    run(request)
    lines = (tmp_path / "run" / "questions.jsonl").read_bytes()

    again = run(Request("sample", index="sample", out=tmp_path / "run", limit=6, entailment="reader"))[0]

    assert again.n_before == 6
    assert (tmp_path / "run" / "questions.jsonl").read_bytes() == lines
    name = entailment_model("reader").name
    assert f"alce_recall[{name}]" in again.metrics.metrics
    assert f"alce_recall[{LexicalOverlap().name}]" not in again.metrics.metrics
    assert f"alce_recall[{name}]" in load_run(tmp_path / "run").metrics.metrics
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["scoring"] == {"entailment": "reader"}
