"""Judgements on disk: a first line that says what was judged, by whom and of which lines, then a line for each.

A process that dies leaves whole lines and at most one torn one; opening the file again cuts that off and goes on. A
file whose first line says something else is of other lines or another judge, and is begun anew.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Generic, Self, TypeVar

import msgspec

from ragqa.errors import BackendError, ProductError
from ragqa.evaluate.runs.lock import locked
from ragqa.manifest import write_atomically

_log = logging.getLogger(__name__)
H = TypeVar("H")
L = TypeVar("L")
T = TypeVar("T")
_GIVE_UP = 10


class Records(Generic[H, L]):
    """A file of judgements that is being worked on. One process at a time may hold it; use it as a context manager.

    ``there`` are the judgements that it held when it was opened, to which :meth:`append` adds.
    """

    def __init__(self, path: Path, file: BinaryIO, lock: BinaryIO, there: list[L]) -> None:
        self.path = path
        self.there = there
        self._file = file
        self._lock = lock
        self._encoder = msgspec.json.Encoder()

    @classmethod
    def open(cls, path: Path, head: H, kind: type[L], keep: Callable[[L], bool] = lambda _: True) -> Self:
        """Begin the file, or go on with it.

        Parameters
        ----------
        head
            What the first line says.
        kind
            The type of a judgement.
        keep
            Which of those that are there stay; the others are to be made again.

        Raises
        ------
        UsageError
            Another process is at it, or the folder cannot be written to.
        ProductError
            A line is damaged.
        """
        lock = locked(path, path.with_name(f".{path.name}.lock"), "judging into", "judge in a copy of the folder")
        try:
            there = [one for one in _kept(path, head, kind) if keep(one)]
            encoded = [msgspec.json.encode(one) + b"\n" for one in (head, *there)]
            write_atomically(path, b"".join(encoded))
            file = path.open("ab", buffering=0)
        except BaseException:
            lock.close()
            raise
        return cls(path, file, lock, there)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, judgement: L) -> None:
        """Add a judgement; it is with the operating system when this returns."""
        self._file.write(self._encoder.encode(judgement) + b"\n")
        self.there.append(judgement)

    def close(self) -> None:
        """Make the judgements durable, and let other processes at them."""
        os.fsync(self._file.fileno())
        self._file.close()
        self._lock.close()


class Held(Generic[L]):
    """Writes judgements, and holds those back that the judge could not be asked for; too many of them end the judging.

    Nothing is gained by failing all the others where an endpoint is gone. What is held is written at the end, so that
    it is counted. ``n_before`` judgements were made by the judge before.
    """

    def __init__(self, records: Records[Any, L], judge: str, noun: str, n_before: int) -> None:
        self._records, self._judge, self._noun, self._n_before = records, judge, noun, n_before
        self._held: list[L] = []
        self._n_done, self._last = 0, ""

    def take(self, judgement: L, failure: str = "", *, asked: bool = True) -> None:
        """Write a judgement, or hold it back for its ``failure``; ``asked`` tells whether the judge made it.

        Raises
        ------
        BackendError
            Ten are held, and more than were made.
        """
        if not failure:
            self._records.append(judgement)
            self._n_done += asked
            return
        self._held.append(judgement)
        self._last = failure
        if len(self._held) >= _GIVE_UP and len(self._held) > self._n_done:
            self._give_up()

    def finish(self) -> None:
        """Write what is held.

        Raises
        ------
        BackendError
            The judge has not made a single judgement, now or before.
        """
        if self._held and not self._n_done and not self._n_before:
            self._give_up()
        for judgement in self._held:
            self._records.append(judgement)

    def _give_up(self) -> None:
        raise BackendError(
            f"{self._judge} could not be asked about {len(self._held)} {self._noun}, the last: {self._last}; mend that "
            "and run the same command again: they are judged then, what is finished is kept"
        )


def read_records(path: Path, head: type[H], kind: type[L]) -> tuple[H, list[L]]:
    """What a file of judgements says of itself, and the judgements; a torn last line is passed over.

    Raises
    ------
    ProductError
        It cannot be read, or a line is damaged.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise ProductError(f"cannot read {path}: {error.strerror}; delete it, and judge again") from error
    whole = [line for line in lines if line.endswith(b"\n")] or [b""]
    told = _decoded(path, 1, whole[0], head)
    return told, [_decoded(path, number, line, kind) for number, line in enumerate(whole[1:], start=2)]


def _decoded(path: Path, number: int, line: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProductError(f"{path}, line {number}: damaged ({error}); delete it, and judge again") from error


def _kept(path: Path, head: H, kind: type[L]) -> list[L]:
    if not path.is_file() or not path.stat().st_size:
        return []
    told, found = read_records(path, type(head), kind)
    if told == head:
        if found:
            _log.info("%s: %d judgements are there and kept", path, len(found))
        return found
    _log.warning("%s was judged of other lines or otherwise; it is begun anew", path)
    return []
