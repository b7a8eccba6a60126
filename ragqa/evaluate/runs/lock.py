"""One process at a time may write to a file or folder."""

import fcntl
from pathlib import Path
from typing import BinaryIO

from ragqa.errors import UsageError


def locked(path: Path, lock: Path, work: str, elsewhere: str) -> BinaryIO:
    """Take the lock of what is written to; it is free again when it is closed, or the process ends, however that ends.

    Parameters
    ----------
    path
        What is written to, as errors name it.
    lock
        The file that stands for it, made with its folder where it is not there.
    work
        What another process would be at: ``working on``.
    elsewhere
        What else can be done, as errors say it.

    Raises
    ------
    UsageError
        Another process holds it, or its folder cannot be written to.
    """
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("ab")
    except OSError as error:
        raise UsageError(f"{path} cannot be written to ({error.strerror}); {elsewhere}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise UsageError(f"another process is {work} {path}; wait for it, or {elsewhere}") from error
    return file
