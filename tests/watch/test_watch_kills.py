"""Runs that ask are killed, and each change is told once; ``eval/checks/watch_kills.py`` kills a hundred."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "eval" / "checks" / "watch_kills.py"


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("watch_kills", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "watch_kills", module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_killed_runs_tell_each_change_once(check: ModuleType, tmp_path: Path) -> None:
    tally = check.killed(tmp_path, 5, random.Random(5))

    assert tally.kills == 5
    assert tally.errata == tally.told_once == 2 * len(check.TOPICS) * tally.days
    assert (tally.lost, tally.twice, tally.wrong) == (0, 0, 0)
    assert tally.sent + tally.uncertain == 2 * tally.told_once
