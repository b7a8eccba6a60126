"""Three ways of prompting compared by the shipped ablation, through the real vLLM. A random model scores by chance."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ragqa.cli import cli


def test_three_ways_of_prompting_are_compared_and_score_by_chance(
    vllm: Any, built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "own-home"
    shutil.copytree(built_sample, home)
    monkeypatch.setenv("RAGQA_HOME", str(home))
    endpoint = [part for text in vllm.overrides(max_tokens=60)[2:] for part in ("--set", text)]

    result = CliRunner().invoke(
        cli, ["eval", "ablate", "prompting", "--task", "sample", "--json", "--out", str(tmp_path / "run"), *endpoint]
    )

    assert result.exit_code == 0, result.output
    table = (tmp_path / "run" / "report.md").read_text()
    assert all(f"| {way} |" in table for way in ("zero-shot", "chain of thought", "self-consistency"))
    assert "a model that knows nothing scores by chance" in table
    lines = [path.read_text().splitlines() for path in sorted(tmp_path.glob("run/cells/*/questions.jsonl"))]
    assert len(lines) == 3
    for cell in lines:
        answers = [json.loads(line) for line in cell]
        assert len(answers) == 40
        assert not any(answer.get("error") for answer in answers)
    for path in tmp_path.glob("run/cells/*/manifest.json"):
        assert json.loads(path.read_text())["prompts"]
