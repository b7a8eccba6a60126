import errno
import fcntl
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ragqa import manifest
from ragqa.errors import ProductError
from ragqa.manifest import Manifest


def test_a_manifest_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = Manifest("index", "x", {"bm25": {"k1": 0.9}}, counts={"documents": 3}, **manifest.here_and_now())

    manifest.write_json(tmp_path / "manifest.json", written)

    assert manifest.read_json(tmp_path / "manifest.json", Manifest, "build it") == written


@pytest.mark.parametrize("content", [b"", b"{", b'{"kind": 3}', b"\xff\xfe"])
def test_a_damaged_manifest_is_named_with_the_next_step(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)

    with pytest.raises(ProductError, match=r"damaged .*; build it again"):
        manifest.read_json(tmp_path / "manifest.json", Manifest, "build it again")


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert manifest.content_hash({"a": 1, "b": [2]}) == manifest.content_hash({"b": [2], "a": 1})
    assert manifest.content_hash({"a": 1}) != manifest.content_hash({"a": 2})


def test_changed_and_missing_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("same", "deep/changed", "gone"):
        (tmp_path / name).write_text(name)
    files = manifest.hash_files(tmp_path)
    (tmp_path / "deep/changed").write_text("other")
    (tmp_path / "gone").unlink()

    assert manifest.verify_files(tmp_path, files) == ["deep/changed", "gone"]


def test_a_write_that_fails_leaves_the_old_file_and_no_leftovers(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")
    program = (
        "import resource, signal, pathlib, ragqa.manifest as m\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"m.write_atomically(pathlib.Path({str(path)!r}), b'x' * 5000)\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ
    )

    assert result.returncode != 0
    assert "OSError" in result.stderr
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@pytest.fixture
def nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks as NFS gives them: one that excludes others only on a file that is open for writing (flock(2))."""
    real = fcntl.flock

    def flock(file: Any, operation: int) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        if operation & fcntl.LOCK_EX and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.usefixtures("nfs")
def test_what_is_held_is_not_removed_on_nfs_and_what_is_not_held_is(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("{}")
    held = manifest.Hold(path)

    assert not manifest.remove_unheld(path)
    assert path.exists()
    held.release()
    assert manifest.remove_unheld(path)
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        manifest.Hold(path)


def test_a_removal_of_another_name_of_the_file_is_waited_for(tmp_path: Path) -> None:
    path, twin = tmp_path / "segment.json", tmp_path / "twin.json"
    path.write_text("{}")
    os.link(path, twin)
    with twin.open("r+b") as removing:
        fcntl.flock(removing, fcntl.LOCK_EX)
        over = threading.Timer(0.3, fcntl.flock, (removing, fcntl.LOCK_UN))
        over.start()

        assert manifest.Hold(path).is_on(path)
        over.join()


def test_a_hold_is_of_the_file_that_it_was_taken_on(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")
    held = manifest.Hold(path)
    assert held.is_on(path)

    manifest.write_atomically(path, b"new")
    assert not held.is_on(path)
    path.unlink()
    assert not held.is_on(path)


def test_threads_that_write_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        done = [threads.submit(manifest.write_json, tmp_path / "one.json", {"n": [n] * 100}) for n in range(200)]

    assert [one.exception() for one in done] == [None] * 200
    assert len(set(manifest.read_json(tmp_path / "one.json", dict[str, list[int]], "")["n"])) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]
