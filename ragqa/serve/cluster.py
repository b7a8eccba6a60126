"""Where a server searches, reranks and reads: in its process, or by the nodes of a Ray cluster."""

import contextlib
from collections.abc import Iterator

from ragqa.engine import Openers
from ragqa.engine.pools import opened_pools
from ragqa.errors import UsageError
from ragqa.ray.cluster import connected
from ragqa.ray.gather import Spread
from ragqa.ray.pool import PoolSize
from ragqa.ray.search import opener
from ragqa.serve.settings import Cluster, Limits


@contextlib.contextmanager
def openers_of(settings: Cluster, limits: Limits) -> Iterator[Openers]:
    """What opens indexes, rerankers and readers where the settings say, as long as the block runs.

    Raises
    ------
    UsageError
        Rerankers or readers are wanted without a cluster.
    BackendError
        As :func:`ragqa.ray.cluster.connected` and :class:`ragqa.ray.pool.Pool`.
    """
    if not settings.ray:
        if settings.n_ahead:
            raise UsageError(
                f"cluster.rerankers is {settings.rerankers} and cluster.readers {settings.readers}, but no cluster is "
                "named: add --ray HOST:PORT, or leave both at 0"
            )
        yield Openers()
        return
    spread = Spread(settings.shards, settings.replicas, settings.shard_seconds)
    waiting, answer_s = max(1, limits.waiting), limits.request_seconds
    rerankers = PoolSize(settings.rerankers, settings.cpus_each, settings.reranker_gpus, waiting, answer_s)
    readers = PoolSize(settings.readers, settings.cpus_each, 0.0, waiting, answer_s)
    with connected(settings.ray) as nodes, opened_pools(rerankers, readers) as pools:
        yield Openers(opener(nodes, spread), pools.open_reranker, pools.open_reader)
