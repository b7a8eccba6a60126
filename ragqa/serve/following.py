"""Going on with the index that is in force: a thread looks for updates, opens them, and closes what they replace."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)


class Follower:
    """Calls ``refresh`` every ``seconds``, and at once when woken. What goes wrong is logged, and tried again."""

    def __init__(self, refresh: Callable[[], None], seconds: float) -> None:
        self._refresh = refresh
        self._seconds = seconds
        self._woken = threading.Event()
        self._ended = False

    def wake(self) -> None:
        """Look at once; may be called by a signal's handler."""
        self._woken.set()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Look for updates as long as the block runs."""
        thread = threading.Thread(target=self._run, name="follow", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended = True
            self.wake()
            thread.join()

    def _run(self) -> None:
        while True:
            self._woken.wait(self._seconds)
            if self._ended:
                return
            self._woken.clear()
            try:
                self._refresh()
            except Exception:  # noqa: BLE001 - a fault must not end the following for good
                _log.exception("updates could not be looked for; it is tried again")
