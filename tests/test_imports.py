"""Imports run one way (the contract in pyproject.toml), and the light parts stay light."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_imports_run_downwards_only() -> None:
    result = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_command_line_starts_without_heavy_packages() -> None:
    program = "import sys, ragqa.cli; print(*sys.modules)"

    modules = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )

    assert modules.isdisjoint(
        {"numpy", "torch", "transformers", "faiss", "onnxruntime", "pyarrow", "lxml", "jnius", "ray"}
    )


def test_the_first_of_several_processes_of_a_server_stays_small() -> None:
    program = "import sys, ragqa.serve.run; print(*sys.modules)"

    modules = set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )

    assert modules.isdisjoint({"fastapi", "mcp", "uvicorn", "pydantic", "faiss", "onnxruntime", "pyarrow", "jnius"})
