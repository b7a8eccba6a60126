import os
import subprocess
import sys
from pathlib import Path

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
