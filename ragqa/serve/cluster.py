"""Where the indexes of a server are searched: in its process, or by the nodes of a Ray cluster."""

from contextlib import AbstractContextManager

from ragqa.errors import UsageError
from ragqa.index.open import OpenIndex
from ragqa.ray.gather import Spread
from ragqa.ray.search import on_cluster
from ragqa.serve.settings import Cluster, ServeSettings


def searched_on(settings: Cluster) -> AbstractContextManager[OpenIndex | None]:
    """What opens indexes on the cluster of the settings, as long as the block runs; None where there is none.

    Raises as :func:`ragqa.ray.cluster.connected`.
    """
    return on_cluster(settings.ray, Spread(settings.shards, settings.replicas, settings.shard_seconds))


def check_processes(settings: ServeSettings) -> None:
    """Refuse several processes before a cluster: each would have shards of its own.

    Raises
    ------
    UsageError
        There are several.
    """
    if settings.cluster.ray and settings.workers > 1:
        raise UsageError(
            f"workers is {settings.workers} and the indexes are searched on the cluster {settings.cluster.ray}: only "
            "one process can serve from a cluster; leave one of the two out"
        )
