"""What each key has left, in a table that all processes of a server map into their memory."""

import contextlib
import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_N_ROWS = 4_096
"""Keys that are remembered; where more come, the one goes whose last request is longest ago."""


class Ledger:
    """A row for each key: ``credit`` requests at the time ``since``, and how many each process has under way.

    Parameters
    ----------
    path
        The file that the processes share; None where there is one process alone.
    place, n_places
        Which of how many processes this one is. What a process before it had under way at its place is forgotten.
    """

    def __init__(self, path: Path | None = None, place: int = 0, n_places: int = 1) -> None:
        row = np.dtype(
            [("name", "S16"), ("credit", "<f8"), ("since", "<f8"), ("under_way", "<i4", (n_places,))], align=True
        )
        n_bytes = row.itemsize * _N_ROWS
        self._file = -1 if path is None else os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if path is not None:
            os.ftruncate(self._file, n_bytes)
        self._table: np.ndarray[Any, Any] = np.frombuffer(mmap.mmap(self._file, n_bytes), dtype=row)
        self._place = place
        self._rows: dict[str, int] = {}
        with self._locked():
            self._table["under_way"][:, place] = 0

    @contextlib.contextmanager
    def account(self, name: str, credit: int, now: float) -> Iterator["Account"]:
        """The account of a key, for this process alone as long as the block runs; a new one has ``credit``."""
        with self._locked():
            yield Account(self._table[self._row(name, credit, now)], self._place)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if self._file < 0:
            yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _row(self, name: str, credit: int, now: float) -> int:
        """The row of a key: where it was last, where another process has put it, or a new one."""
        mark = hashlib.sha256(name.encode()).hexdigest()[:16].encode()
        row = self._rows.get(name)
        if row is not None and self._table["name"][row] == mark:
            return row
        found = np.flatnonzero(self._table["name"] == mark)
        row = int(found[0]) if found.size else self._free()
        if not found.size:
            self._table[row] = (mark, credit, now, 0)
        self._rows[name] = row
        return row

    def _free(self) -> int:
        empty = np.flatnonzero(self._table["name"] == b"")
        if empty.size:
            return int(empty[0])
        in_use = self._table["under_way"].sum(axis=1) > 0
        return int(np.where(in_use, np.inf, self._table["since"]).argmin())


class Account:
    """One row of the ledger."""

    def __init__(self, row: Any, place: int) -> None:
        self._row = row
        self._place = place

    @property
    def n_under_way(self) -> int:
        """Requests under way in all processes."""
        return int(self._row["under_way"].sum())

    def earn(self, per_minute: int, now: float) -> float:
        """Add what was earned since it was looked at, at most what a minute gives; what it has then."""
        earned = (now - self._row["since"]) * per_minute / 60
        self._row["credit"] = min(per_minute, self._row["credit"] + earned)
        self._row["since"] = now
        return float(self._row["credit"])

    def begin(self) -> None:
        """Take the credit of one request, which is under way now."""
        self._row["credit"] -= 1
        self._row["under_way"][self._place] += 1

    def end(self) -> None:
        """A request has ended."""
        self._row["under_way"][self._place] -= 1
