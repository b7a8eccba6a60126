"""How much each key may ask: requests a minute, and requests at once."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator

from ragqa.serve.keys import Known
from ragqa.serve.ledger import Ledger


class OverdrawnError(Exception):
    """A key asks for more than it may; worth another try after ``retry_after_seconds``."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(f"{message}; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Allowances:
    """Counts the requests of each key in a ledger. ``clock`` tells seconds, the same to all processes."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._clock = clock

    @contextlib.contextmanager
    def request(self, known: Known) -> Iterator[None]:
        """One request of a key, under way as long as the block runs.

        Raises
        ------
        OverdrawnError
            So many are under way already, or were begun within the minute.
        """
        name, key = known.name, known.key
        with self._ledger.account(name, key.per_minute, self._clock()) as account:
            credit = account.earn(key.per_minute, self._clock())
            if account.n_under_way >= key.at_once:
                text = f"the key {name!r} may have {key.at_once} requests under way at once, and has them"
                raise OverdrawnError(text, 1)
            if credit < 1:
                wait = math.ceil((1 - credit) * 60 / key.per_minute)
                raise OverdrawnError(f"the key {name!r} may ask {key.per_minute} times a minute", wait)
            account.begin()
        try:
            yield
        finally:
            with self._ledger.account(name, key.per_minute, self._clock()) as account:
                account.end()
