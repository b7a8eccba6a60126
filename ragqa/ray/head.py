"""Whether a cluster's head is there, and the end of a process that waits for one that is gone."""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

from ragqa.errors import BackendError

_CONNECT_S = 3.0
_LOOK_S = 5.0
_MOST_S = 40.0
"""How long the head may be away; after a minute Ray ends the process without a word on what to do."""


def answers(head: str) -> bool:
    """Whether somebody listens where the head does: at ``HOST:PORT``."""
    host, _, port = head.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True


def gone(head: str) -> BackendError:
    """The error that tells that a head is gone."""
    return BackendError(
        f"the head of the Ray cluster at {head} is gone; start it again with: ray start --head, and run the same "
        "command again: what is finished is kept"
    )


@contextlib.contextmanager
def ended_without(head: str) -> Iterator[None]:
    """End this process, and tell why, where the head has been away for long and the block does not end by itself.

    Many calls of Ray wait for the head and cannot be interrupted: to be told of a function or an actor, to start or to
    end. Ray itself ends the process in the end. What a build has finished is kept, whenever it ends.
    """
    over = threading.Event()

    def look() -> None:
        since = None
        while not over.wait(_LOOK_S):
            if answers(head):
                since = None
                continue
            since = since or time.monotonic()
            if time.monotonic() - since >= _MOST_S:
                sys.stderr.write(f"ragqa: {gone(head)}\n")
                sys.stderr.flush()
                os._exit(BackendError.exit_code)

    threading.Thread(target=look, name="head", daemon=True).start()
    try:
        yield
    finally:
        over.set()
