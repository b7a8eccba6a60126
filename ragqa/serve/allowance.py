"""How much each key may ask: requests a minute, and requests at once."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ragqa.serve.keys import Known


class OverdrawnError(Exception):
    """A key asks for more than it may; worth another try after ``retry_after_seconds``."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(f"{message}; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class _Account:
    """What a key has left: ``credit`` requests at the time ``since``, and how many are under way."""

    credit: float
    since: float
    n_under_way: int = 0


class Allowances:
    """Counts the requests of each key. ``clock`` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    @contextlib.contextmanager
    def request(self, known: Known) -> Iterator[None]:
        """One request of a key, under way as long as the block runs.

        Raises
        ------
        OverdrawnError
            So many are under way already, or were begun within the minute.
        """
        account = self._account(known)
        if account.n_under_way >= known.key.at_once:
            text = f"the key {known.name!r} may have {known.key.at_once} requests under way at once, and has them"
            raise OverdrawnError(text, 1)
        if account.credit < 1:
            wait = math.ceil((1 - account.credit) * 60 / known.key.per_minute)
            raise OverdrawnError(f"the key {known.name!r} may ask {known.key.per_minute} times a minute", wait)
        account.credit -= 1
        account.n_under_way += 1
        try:
            yield
        finally:
            account.n_under_way -= 1

    def _account(self, known: Known) -> _Account:
        """The account of a key, with what it has earned since it was looked at."""
        now = self._clock()
        account = self._accounts.setdefault(known.name, _Account(known.key.per_minute, now))
        earned = (now - account.since) * known.key.per_minute / 60
        account.credit = min(known.key.per_minute, account.credit + earned)
        account.since = now
        return account
