"""A run that is searched by a cluster is the run of one machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragqa.cli import run

pytestmark = pytest.mark.timeout(300)


def _lines(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for path in sorted(folder.rglob("*.jsonl")) for line in path.read_text().splitlines()]
    for line in lines:
        line.pop("timings_ms", None)
        line.get("answer", {}).pop("timings_ms", None)
    return lines


def test_a_run_on_a_cluster_has_the_lines_and_figures_of_one_machine(
    ray_cluster: Any, sample_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = []
    for out, more in (("here", []), ("cluster", ["--ray", ray_cluster.address])):
        command = ["eval", "run", "sample", "--limit", "2", "--out", str(tmp_path / out), "--json", *more]
        assert run(command) == 0
        measured.append(json.loads(capsys.readouterr().out)["metrics"])

    assert measured[0] == measured[1]
    here = _lines(tmp_path / "here")
    assert len(here) >= 2
    assert here == _lines(tmp_path / "cluster")
