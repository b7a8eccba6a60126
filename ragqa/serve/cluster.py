"""Where the indexes of a server are searched: in its process, or by the nodes of a Ray cluster."""

import contextlib

from ragqa.errors import UsageError
from ragqa.index.open import OpenIndex
from ragqa.serve.settings import Cluster, ServeSettings


def opener_of(settings: Cluster, connection: contextlib.ExitStack) -> OpenIndex | None:
    """What opens indexes on the cluster of the settings, to which ``connection`` holds on; None where there is none.

    Raises
    ------
    UsageError
        The address is none.
    BackendError
        Ray is missing, the cluster cannot be reached, or its nodes have another ragqa.
    """
    if not settings.ray:
        return None
    from ragqa.ray.cluster import connected
    from ragqa.ray.gather import Spread
    from ragqa.ray.search import opener

    nodes = connection.enter_context(connected(settings.ray))
    return opener(nodes, Spread(settings.shards, settings.replicas, settings.shard_seconds))


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
