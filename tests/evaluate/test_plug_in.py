"""A package that is installed beside ragqa brings a task with measures, a scorer and an entailment model of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_MODULE = """
from dataclasses import replace

from ragqa.evaluate.measures.measure import Declaration, Scores, mean_measure
from ragqa.evaluate.tasks import sample
from ragqa.evaluate.tasks.scorers import Scorer

MEASURES = (Declaration("n_words_said", high=None), Declaration("untold", high=None))


def load(data, split, setting):
    task = sample.load(data, split, setting)[0]
    return (replace(task, name="brevity", scorers=("brevity", "citations"), primary="n_words_said", measures=()),)


def _score(task, outcomes, model):
    said = {q.id: float(len(outcomes.answers[q.id].text.split())) for q in task.questions}
    return Scores({"n_words_said": mean_measure("n_words_said", said)})


SCORER = Scorer(_score)


class Never:
    name = "never@1"

    def entails(self, pairs):
        return [False] * len(pairs)
"""
_POINTS = """
[ragqa.tasks]
brevity = brevity_task:load
[ragqa.measures]
brevity = brevity_task:MEASURES
[ragqa.scorers]
brevity = brevity_task:SCORER
[ragqa.entailment]
never = brevity_task:Never
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    info = tmp_path / "plug" / "brevity_task-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "brevity_task.py").write_text(_MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brevity-task\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_POINTS)
    return info.parent


def ragqa(installed: Path, home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(installed), str(Path(__file__).parents[2])])
    return subprocess.run(
        [sys.executable, "-m", "ragqa", *arguments],
        env={**os.environ, "PYTHONPATH": path, "RAGQA_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_task_measure_scorer_and_entailment_model_of_another_package(installed, built_sample, tmp_path):
    out = str(tmp_path / "run")
    command = ("eval", "run", "brevity", "--index", "sample", "--limit", "4", "--out", out, "--entailment", "never")
    done = ragqa(installed, built_sample, *command)
    assert done.returncode == 0, done.stderr

    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())["metrics"]
    assert metrics["n_words_said"] > 0
    assert metrics["alce_recall[never@1]"] == 0.0
    shown = ragqa(installed, built_sample, "eval", "compare", out, out, "--json")
    assert shown.returncode == 0, shown.stderr
    assert "n_words_said" in shown.stdout


def test_a_package_that_does_not_load_is_named(installed, built_sample):
    (installed / "brevity_task.py").write_text("")

    done = ragqa(installed, built_sample, "eval", "run", "sample", "--index", "sample", "--entailment", "never")

    assert done.returncode != 0
    assert "brevity_task" in done.stderr
    assert "Traceback" not in done.stderr
