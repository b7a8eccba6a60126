import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ragqa.errors import BackendError
from ragqa.scratch import held_folder, hold, kept_folder


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folders land."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"ragqa-{os.getuid()}"


def folders(root: Path) -> set[str]:
    return {path.name for path in root.glob("*/*") if path.is_dir()}


def fill(folder: Path) -> None:
    (folder / "model").write_text("whole")


def whole(folder: Path) -> bool:
    return (folder / "model").read_text() == "whole"


_HOLD = """
import os, sys, time
from ragqa.scratch import held_folder, kept_folder

def fill(folder):
    (folder / "model").write_text("whole")

with held_folder("servers"):
    held = kept_folder("encoders", f"of-{os.getpid()}", fill, lambda folder: True)
    print("ready", flush=True)
    time.sleep(600)
"""


def _killed(folder: Path) -> None:
    """Have a process that holds a folder of each kind killed."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-c", _HOLD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()


def test_processes_that_are_killed_leave_no_more_than_the_last_of_them(root: Path, tmp_path: Path) -> None:
    for _ in range(3):
        _killed(tmp_path)

    assert len(folders(root)) == 2
    with held_folder("servers") as folder:
        kept, held = kept_folder("encoders", "mine", fill, whole)
        assert folders(root) == {folder.name, "mine"}
        held.release()
    assert folders(root) == {"mine"}
    assert whole(kept)
    assert len([path for path in root.glob("*/*") if path.name != ".lock"]) == 2


def test_what_another_process_holds_is_left_alone(root: Path) -> None:
    kept, held = kept_folder("encoders", "theirs", fill, whole)
    with held_folder("servers") as first:
        also = hold(first)
        with held_folder("servers") as second:
            kept_folder("encoders", "mine", fill, whole)[1].release()
            assert folders(root) == {first.name, second.name, "theirs", "mine"}
    assert first.is_dir()
    also.release()
    held.release()
    with held_folder("servers"):
        assert not first.exists()
    kept_folder("encoders", "next", fill, whole)
    assert not kept.exists()


def test_a_kept_folder_is_made_once_and_again_only_where_it_is_damaged() -> None:
    filled = []

    def counted(folder: Path) -> None:
        filled.append(folder)
        fill(folder)

    for _ in range(2):
        folder, _ = kept_folder("encoders", "same", counted, whole)
    assert len(filled) == 1
    (folder / "model").write_text("who")
    kept_folder("encoders", "same", counted, whole)

    assert len(filled) == 2
    assert whole(folder)


def test_what_was_being_filled_when_its_process_ended_is_no_whole_folder(root: Path) -> None:
    def interrupted(folder: Path) -> None:
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_folder("encoders", "mine", interrupted, whole)
    assert "mine" not in folders(root)

    folder, _ = kept_folder("encoders", "mine", fill, whole)
    assert folders(root) == {"mine"}
    assert whole(folder)


@pytest.mark.parametrize("put_there", ["a link", "a folder that all write to"])
def test_a_folder_that_others_could_write_to_is_refused(root: Path, tmp_path: Path, put_there: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if put_there == "a link":
        root.symlink_to(elsewhere)
    else:
        root.mkdir()
        root.chmod(0o777)

    with pytest.raises(BackendError, match="only this user can write to; remove it"), held_folder("servers"):
        pass


def test_other_users_cannot_read_it(root: Path) -> None:
    with held_folder("servers") as folder:
        assert stat.S_IMODE(root.stat().st_mode) == 0o700
        assert folder.is_dir()
