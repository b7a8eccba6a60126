"""A Ray cluster of several raylets on this machine."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ragqa.ray.cluster import load_ray

OBJECT_STORE_USER = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "secret"}
"""What nodes know of the object store of the tests."""


@pytest.fixture(autouse=True)
def _own_address(_isolated: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's nodes listen on the address of this machine, which other tests have no reason to connect to."""
    own, guarded = load_ray().util.get_node_ip_address(), socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] == own:
            super(socket.socket, self).connect(address)
        else:
            guarded(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session", autouse=True)
def _not_last_in_line() -> Iterator[None]:
    """Ray's workers have the lowest priority otherwise, and wait minutes for the cores that other tests use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        yield


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    """Two raylets of one processor each, for all tests; a test may add more, and removes them again."""
    ray = load_ray()
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        for name, value in OBJECT_STORE_USER.items():
            patch.setenv(name, value)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
    try:
        yield cluster
    finally:
        ray.shutdown()
        for node in [*cluster.worker_nodes, cluster.head_node]:
            cluster.remove_node(node, allow_graceful=False)
