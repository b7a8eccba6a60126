"""Folders on this machine's own disk that processes share while they live, and that no process has to clean up.

Whoever uses one holds it by a lock that ends with the process, however that ends. What nobody holds is removed by the
next who comes, so that processes that are killed leave little behind.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ragqa.errors import BackendError
from ragqa.manifest import LOCK_FILE, Hold, remove_unheld

_MARK = ".held"
_UNFINISHED = "unfinished"


@contextlib.contextmanager
def held_folder(kind: str) -> Iterator[Path]:
    """A new folder, removed at the end of the block.

    Processes that use it beyond the life of this one take hold of it by :func:`hold`.

    Raises
    ------
    BackendError
        The folder for temporary files cannot be used.
    """
    root = _root(kind)
    folder = root / secrets.token_hex(8)
    with _alone(root):
        _remove_unheld(root)
        _mark(folder).touch()
        held = hold(folder)
        folder.mkdir()
    try:
        yield folder
    finally:
        held.release()
        with contextlib.suppress(FileNotFoundError), _alone(root):
            _remove_unheld(root)


def kept_folder(kind: str, name: str, fill: Callable[[Path], None], whole: Callable[[Path], bool]) -> tuple[Path, Hold]:
    """The folder called ``name``, made by ``fill`` unless it is there and ``whole``; it lasts as long as it is held.

    It stays afterwards, too, until another ``name`` of this kind is asked for: at most one that nobody holds is left.

    Parameters
    ----------
    kind
        What the folders are for: a word.
    name
        What tells the content from others, such as its hash.
    fill
        Writes the files into the empty folder that it is given.
    whole
        Whether a folder has all of them still.

    Raises
    ------
    BackendError
        The folder for temporary files cannot be used.
    """
    root = _root(kind)
    with _alone(root):
        folder, unfinished = root / name, root / _UNFINISHED
        if not (folder.is_dir() and whole(folder)):
            for old in (folder, unfinished):
                shutil.rmtree(old, ignore_errors=True)
            unfinished.mkdir()
            fill(unfinished)
            unfinished.rename(folder)
        _mark(folder).touch()
        held = hold(folder)
        _remove_unheld(root)
    return folder, held


def hold(folder: Path) -> Hold:
    """Keep a folder of this module from being removed; OSError where it is gone."""
    return Hold(_mark(folder))


def _mark(folder: Path) -> Path:
    """The file that stands for a folder in locks."""
    return folder.with_name(folder.name + _MARK)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Wait until no other process makes or removes folders."""
    with (root / LOCK_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_unheld(root: Path) -> None:
    for folder in [path for path in root.iterdir() if path.is_dir()]:
        mark = _mark(folder)
        if not mark.exists() or remove_unheld(mark):
            shutil.rmtree(folder, ignore_errors=True)


def _root(kind: str) -> Path:
    """The folder of a kind, which only this user can write to: others could put files there where all write."""
    folder = Path(tempfile.gettempdir()) / f"ragqa-{os.getuid()}"
    try:
        for path in (folder, folder / kind):
            path.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise BackendError(
            f"cannot make a folder {folder} ({error.strerror}); let TMPDIR name a folder that can be written to"
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise BackendError(
            f"{folder} is not a folder that only this user can write to; remove it, or let TMPDIR name another place"
        )
    return folder / kind
