"""The audit trail: for every request for data who asked, what state of which index was read, and which documents."""

import logging
import os
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ragqa.errors import UsageError
from ragqa.serve.settings import Audit

_log = logging.getLogger(__name__)
_TO_THE_LOG = "log"
_FACTS = ("key", "client", "method", "route", "status", "ms")


@dataclass(slots=True)
class Read:
    """What a request read from one index: the state of it, and the documents that the client was told of."""

    index: str
    state: str
    documents: list[str]
    question: str = ""

    def tells(self, document_ids: Iterable[str]) -> None:
        """The client is told of these documents."""
        self.documents = list(dict.fromkeys([*self.documents, *document_ids]))


reads: ContextVar[list[Read]] = ContextVar("reads")
"""What the request that is being worked on has read; not set outside of one."""


def begin(index: str, state: str, question: str = "") -> Read:
    """Begin to read from an index on behalf of the request that is being worked on."""
    read = Read(index, state, [], question)
    held = reads.get(None)
    if held is not None:
        held.append(read)
    return read


class Trail:
    """Writes one JSON line a request to a file or to the log, or nothing.

    The file is opened for each line, so that it may be moved away at any time. A line that cannot be written is told
    in the log, with what it says: it is not lost.

    Raises
    ------
    UsageError
        The file cannot be written.
    """

    def __init__(self, settings: Audit) -> None:
        self._settings = settings
        if settings.to not in {"", _TO_THE_LOG}:
            try:
                self._append(b"")
            except OSError as error:
                text = f"cannot write the audit file {settings.to}: {error.strerror}; name another: --set audit.to=PATH"
                raise UsageError(text) from error

    def request(self, request_id: str, facts: dict[str, Any], read: list[Read]) -> None:
        """Write the line of a request that has ended; ``facts`` are those of its line in the log."""
        if not self._settings.to:
            return
        line = {key: facts[key] for key in _FACTS if key in facts} | {"reads": [self._shown(one) for one in read]}
        if self._settings.to == _TO_THE_LOG:
            _log.info("audit", extra={"facts": line})
            return
        stamped = {"time": _utc(), "request_id": request_id, **line}
        try:
            self._append(msgspec.json.encode(stamped) + b"\n")
        except OSError as error:
            _log.error("the audit file cannot be written: %s", error.strerror, extra={"facts": line})

    def _shown(self, read: Read) -> dict[str, Any]:
        shown: dict[str, Any] = {"index": read.index, "state": read.state, "documents": read.documents}
        if self._settings.questions and read.question:
            shown["question"] = read.question
        return shown

    def _append(self, line: bytes) -> None:
        descriptor = os.open(Path(self._settings.to), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line)  # in one piece, whichever process writes beside this one
        finally:
            os.close(descriptor)


def _utc() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
