"""Components that several pipelines share: what one of them has had found or scored is not computed for another."""

import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from ragqa.types import Document, Filter, Ranked

_NO_FILTER = Filter()


@dataclass(slots=True)
class Savings:
    """How many results of each stage (one is a stage for a batch) were computed, how many shared instead, and the
    seconds that sharing saved.
    """

    computed: Counter[str] = field(default_factory=Counter)
    shared: Counter[str] = field(default_factory=Counter)
    seconds_saved: float = 0.0


class _Shared:
    """A component that remembers its results of the batch; closing it does nothing, whoever opened it does that."""

    def __init__(self, component: Any, savings: Savings) -> None:
        self._component = component
        self._savings = savings
        self._found: dict[Hashable, tuple[Any, float]] = {}
        self._lock = Lock()

    def forget(self) -> None:
        """Forget the results of the batch before."""
        self._found.clear()

    def close(self) -> None:
        """Nothing: others may still use it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._component, name)

    def _once(self, stage: str, key: Hashable, compute: Callable[[], Any]) -> tuple[Any, float, bool]:
        """The result, the milliseconds that it took when it was computed, and whether that was before."""
        found = self._found.get(key)
        if found is None:
            began = time.perf_counter()
            value = compute()
            spent = (time.perf_counter() - began) * 1000
            self._found[key] = value, spent
            with self._lock:
                self._savings.computed[stage] += 1
            return value, spent, False
        with self._lock:
            self._savings.shared[stage] += 1
            self._savings.seconds_saved += found[1] / 1000
        return *found, True


class SharedSearch(_Shared):
    """A searched component of an index; ``last_ms`` tells what its last search took when it was made, in ms."""

    last_ms: float | None = None

    def search(self, queries: Sequence[str], k: int, allowed: Any = _NO_FILTER) -> Ranked:
        """As the component's own ``search``."""
        ranked: Ranked
        key = (tuple(queries), k, allowed)
        ranked, self.last_ms, _ = self._once("search", key, lambda: self._component.search(queries, k, allowed))
        return ranked


class SharedReranker(_Shared):
    """A reranker of documents of one corpus; ``spared_ms`` tells the time, in ms, that remembered scores had taken."""

    spared_ms: float = 0.0

    def rerank(self, queries: Sequence[str], documents: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """As the reranker's own ``rerank``."""
        scores: list[np.ndarray]
        key = (tuple(queries), tuple(tuple(document.id for document in ranked) for ranked in documents))
        scores, took, remembered = self._once("scores", key, lambda: self._component.rerank(queries, documents))
        self.spared_ms += took if remembered else 0.0
        return scores
