"""The opened indexes of a server: which state of each is in force, and which older ones are still in use."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Self

import ragqa
from ragqa.errors import RagqaError, UsageError, nearest
from ragqa.serve.cluster import openers_of
from ragqa.serve.served import Served
from ragqa.serve.settings import Limits, ServeSettings
from ragqa.serve.shown import IndexInfo, IndexState
from ragqa.serve.workers import Workers

_log = logging.getLogger(__name__)


class UnknownNameError(UsageError):
    """An index or a document that is not there (HTTP 404)."""


class Indexes:
    """The opened indexes and the threads that work on them. Make them with :meth:`open`; close them."""

    def __init__(
        self, served: dict[str, Served], limits: Limits, connection: contextlib.ExitStack | None = None
    ) -> None:
        """``connection`` is closed after the indexes: that to the cluster which searches them."""
        self._connection = connection or contextlib.ExitStack()
        self._served = served
        self._retired: list[Served] = []
        self._lock = threading.Lock()
        self.limits = limits
        self.workers = Workers(limits.n_threads(), limits.waiting)

    @classmethod
    def open(cls, settings: ServeSettings) -> Self:
        """Open every index that the settings name, and ask each one question so that the first user need not wait.

        Raises
        ------
        RagqaError
            As :func:`ragqa.open`.
        """
        served: dict[str, Served] = {}
        limits = settings.resolved_limits()
        connection = contextlib.ExitStack()
        try:
            openers = connection.enter_context(openers_of(settings.cluster, limits))
            for name in dict.fromkeys(settings.indexes):
                served[name] = Served.of(ragqa.open(name, settings.overrides, openers), limits)
        except BaseException:
            for opened in served.values():
                opened.engine.close()
            connection.close()
            raise
        return cls(served, limits, connection)

    @property
    def names(self) -> list[str]:
        """The names of the indexes, the default first."""
        return list(self._served)

    @property
    def degraded(self) -> list[str]:
        """Names of the indexes whose generator is given up at the moment."""
        return [
            name for name, served in self._served.items() if served.generator is not None and served.generator.degraded
        ]

    def refresh(self) -> None:
        """Serve the state that is in force of every index, and close those that no request uses any more.

        Requests that have begun end with the state that they began with. Call it from one thread.

        An update that cannot be opened is told in the log: the state before it is served on, and the other indexes are
        followed all the same.
        """
        self._close_unused()
        for name, served in list(self._served.items()):
            try:
                self._follow(name, served)
            except (RagqaError, OSError) as error:
                facts = {"index": name}
                text = "the update cannot be served yet, the state before it still is: %s"
                _log.warning(text, error, extra={"facts": facts})
        self._close_unused()

    def _follow(self, name: str, served: Served) -> None:
        """Serve what is in force of an index in place of what is served."""
        engine = served.engine.follow()
        if engine is served.engine:
            return
        newer = Served.of(engine, self.limits)
        with self._lock:
            self._served[name] = newer
            self._retired.append(served)
        _log.info("an update is served", extra={"facts": {"index": name, "state": engine.index.manifest_hash}})

    def states(self) -> dict[str, IndexState]:
        """Which state of each index is served, and whether a newer one exists."""
        return {
            name: IndexState(served.engine.index.manifest_hash, served.manifest.created, served.is_outdated)
            for name, served in self._served.items()
        }

    def _close_unused(self) -> None:
        under_way = self.workers.under_way()
        for served in [one for one in self._retired if not one.n_uses]:
            if served.last_jobs is None:
                served.last_jobs = under_way
            if not served.last_jobs & under_way:
                self._retired.remove(served)
                served.engine.close()

    def generates(self, index: str) -> bool:
        """Whether the answers from a served index are written by a generator."""
        return self._served[index].generator is not None

    def check_index(self, name: str) -> None:
        """Raise :class:`UnknownNameError` unless an index of that name is served."""
        if name not in self._served:
            raise UnknownNameError(f"no index {name[:100]!r} is served here; {nearest(name[:100], self._served)}")

    def indexes(self) -> list[IndexInfo]:
        """The served indexes."""
        return [served.info(default=place == 0) for place, served in enumerate(self._served.values())]

    @contextlib.contextmanager
    def use(self, index: str | None) -> Iterator[Served]:
        """The state of an index that is in force, which stays open for as long as the block runs."""
        name = self.names[0] if index is None else index
        self.check_index(name)
        with self._lock:
            served = self._served[name]
            served.n_uses += 1
        try:
            yield served
        finally:
            with self._lock:
                served.n_uses -= 1

    def close(self) -> None:
        """Let running work finish and close every index."""
        self.workers.close()
        for served in [*self._served.values(), *self._retired]:
            served.engine.close()
        self._connection.close()
