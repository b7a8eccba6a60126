"""The wheel carries what it needs: ragqa answers from an empty folder, away from the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_an_installed_wheel_answers_in_an_empty_folder(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "RAGQA_HOME"}

    result = subprocess.run(
        [sys.executable, "-m", "ragqa", "ask", "Does vitamin C protect against regional pain syndrome?", "--json"],
        cwd=empty,
        env={**environment, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["sources"][0]["document_id"] == "17606778"
    assert sorted(path.name for path in empty.iterdir()) == ["corpora", "indexes"]

    report = subprocess.run(
        [sys.executable, "-c", "from ragqa.evaluate.report.reproduction import claims; print(len(claims()))"],
        cwd=empty,
        env={**environment, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(report.stdout) >= 5
    templates = {path.name for path in (tmp_path / "site" / "ragqa" / "evaluate" / "report" / "templates").iterdir()}
    assert templates == {"report.html", "questions.html", "reproduction.html"}
