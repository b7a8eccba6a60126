"""Asking all shards of an index at once: the first replica that answers counts, and who is late is left out."""

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from ragqa.errors import BackendError
from ragqa.ray.cluster import Node, load_ray
from ragqa.ray.shard import Shard
from ragqa.ray.shards import ShardSpec

_log = logging.getLogger(__name__)
_OPEN_S = 600.0
_CONCURRENT = 8
"""Questions that one replica works on at once."""

_HEDGE_LEAST_S, _HEDGE_TIMES, _REMEMBERED = 0.02, 3.0, 50


@dataclass(frozen=True, slots=True)
class Spread:
    """How an index is spread over a cluster.

    Attributes
    ----------
    shards
        Into how many shards it is cut; 0: one for each node.
    replicas
        Processes for each shard, on different nodes as far as there are as many.
    budget_s
        A shard that has not answered within so many seconds is left out of an answer.
    """

    shards: int = 0
    replicas: int = 1
    budget_s: float = 5.0


@dataclass(slots=True)
class _Group:
    """The replicas of a shard: who is asked first, and how long answers took of late."""

    spec: ShardSpec
    actors: list[Any]
    first: int = 0
    took_s: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def hedge_s(self) -> float:
        """After how long a second replica is asked: a few times what is usual."""
        took = sorted(self.took_s)
        return max(_HEDGE_LEAST_S, _HEDGE_TIMES * took[len(took) // 2]) if took else 1.0


class Gathering:
    """The shards of an index as actors of the cluster that this process is connected to. Threads may share it."""

    def __init__(self, specs: Sequence[ShardSpec], nodes: Sequence[Node], spread: Spread) -> None:
        """Start the actors, each at its node; :meth:`wait` waits until they have opened their segments."""
        ray = load_ray()
        self._ray = ray
        self._lock = Lock()
        self.budget_s = spread.budget_s
        affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        remote = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=0, max_concurrency=_CONCURRENT)(Shard)
        self._groups = []
        for number, spec in enumerate(specs):
            actors = []
            for replica in range(spread.replicas):
                node = nodes[(number + replica * max(1, len(nodes) // spread.replicas)) % len(nodes)]
                # Where the node is lost, another one takes the shard.
                actors.append(remote.options(scheduling_strategy=affinity(node_id=node.id, soft=True)).remote(spec))
            self._groups.append(_Group(spec, actors))

    @property
    def specs(self) -> tuple[ShardSpec, ...]:
        """The shards, in the order of rows."""
        return tuple(group.spec for group in self._groups)

    def wait(self) -> list[Any]:
        """The totals of each shard, as soon as all replicas are open; errors are those of opening an index."""
        found = []
        for group in self._groups:
            for place, reference in enumerate([actor.totals.remote() for actor in group.actors]):
                answer = self._opened(reference, group.spec)
                if place == 0:
                    found.append(answer)
        return found

    def ask(self, method: str, arguments: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """What shards answer; those that are lost or late are missing.

        Parameters
        ----------
        method
            Of :class:`ragqa.ray.shard.Shard`.
        arguments
            Number of a shard → what it is called with.

        Raises
        ------
        RagqaError
            As the method.
        """
        return _Round(self._ray, self._groups, method, arguments, self.budget_s, self._lock).run()

    def close(self) -> None:
        """End the actors."""
        for group in self._groups:
            for actor in group.actors:
                self._ray.kill(actor)

    def _opened(self, reference: Any, spec: ShardSpec) -> Any:
        try:
            return self._ray.get(reference, timeout=_OPEN_S)
        except self._ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, Exception) else error) from None
        except self._ray.exceptions.RayError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise BackendError(
                f"the shard of the rows {spec.first_row:,} to {spec.end_row:,} did not open on the cluster "
                f"({lines[-1] if lines else type(error).__name__}); look at: ray status"
            ) from error


class _Round:
    """One call of a method of several shards."""

    def __init__(  # noqa: PLR0917
        self,
        ray: Any,
        groups: Sequence[_Group],
        method: str,
        arguments: Mapping[int, tuple[Any, ...]],
        budget_s: float,
        lock: Lock,
    ) -> None:
        self._ray = ray
        self._groups = groups
        self._method = method
        self._arguments = arguments
        self._began = time.perf_counter()
        self._ends = self._began + budget_s
        self._lock = lock
        self._asked: dict[int, list[int]] = {}
        self._pending: dict[Any, tuple[int, int]] = {}

    def run(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for number in self._arguments:
            self._send(number, self._groups[number].first)
        while self._pending:
            now = time.perf_counter()
            if now >= self._ends:
                _log.warning("%d shards did not answer in time", len(self._arguments) - len(found))
                break
            done, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=self._until(now, found) - now)
            for reference in done:
                self._take(reference, found)
            if not done:
                self._hedge(time.perf_counter(), found)
        return found

    def _send(self, number: int, replica: int) -> None:
        group = self._groups[number]
        self._asked.setdefault(number, []).append(replica)
        reference = getattr(group.actors[replica], self._method).remote(*self._arguments[number])
        self._pending[reference] = (number, replica)

    def _take(self, reference: Any, found: dict[int, Any]) -> None:
        number, replica = self._pending.pop(reference)
        group = self._groups[number]
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, Exception) else error) from None
        except self._ray.exceptions.RayError as error:
            _log.warning("replica %d of shard %d is lost: %s", replica, number, type(error).__name__)
            if number not in found:
                self._ask_another(number)
            return
        if number in found:
            return
        found[number] = answer
        with self._lock:
            group.first = replica
            group.took_s.append(time.perf_counter() - self._began)
        self._pending = {ref: who for ref, who in self._pending.items() if who[0] != number}

    def _ask_another(self, number: int) -> None:
        group = self._groups[number]
        rest = [place for place in range(len(group.actors)) if place not in self._asked[number]]
        if rest:
            self._send(number, rest[0])

    def _hedge(self, now: float, found: dict[int, Any]) -> None:
        for number in self._waiting(found):
            if now - self._began >= len(self._asked[number]) * self._groups[number].hedge_s():
                self._ask_another(number)

    def _until(self, now: float, found: dict[int, Any]) -> float:
        """When to look again: as the next shard deserves a second question, or the budget ends."""
        times = [
            self._began + len(self._asked[number]) * self._groups[number].hedge_s() for number in self._waiting(found)
        ]
        return max(now, min([self._ends, *times]))

    def _waiting(self, found: dict[int, Any]) -> list[int]:
        """Shards without an answer that have a replica which was not asked yet."""
        return [
            number
            for number, asked in self._asked.items()
            if number not in found and len(asked) < len(self._groups[number].actors)
        ]
