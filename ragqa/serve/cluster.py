"""Where the indexes of a server are searched: in its process, or by the nodes of a Ray cluster."""

from contextlib import AbstractContextManager

from ragqa.index.open import OpenIndex
from ragqa.ray.gather import Spread
from ragqa.ray.search import on_cluster
from ragqa.serve.settings import Cluster


def searched_on(settings: Cluster) -> AbstractContextManager[OpenIndex | None]:
    """What opens indexes on the cluster of the settings, as long as the block runs; None where there is none.

    Raises as :func:`ragqa.ray.cluster.connected`.
    """
    return on_cluster(settings.ray, Spread(settings.shards, settings.replicas, settings.shard_seconds))
