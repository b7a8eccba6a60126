"""What a command tells whose cluster loses its head."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ragqa.ray.cluster import load_ray

pytestmark = pytest.mark.timeout(300)

_WAITS = """
import os, sys
from ragqa.ray.cluster import connected, load_ray

def work():
    return 1

with connected(sys.argv[1]):
    print("connected", flush=True)
    sys.stdin.readline()
    ray = load_ray()
    {call}
"""


@pytest.fixture
def own_cluster() -> Iterator[Any]:
    """A cluster whose head may be killed."""
    load_ray()
    from ray.cluster_utils import Cluster
    from ray.experimental import internal_kv

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        yield cluster
    finally:
        cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        # What tests import later, such as Ray Serve, would report to that head, and Ray then end this process.
        internal_kv._internal_kv_reset()


@pytest.mark.parametrize("call", ["ray.get(ray.remote(work).remote())", "ray.nodes()"])
def test_a_call_that_waits_for_a_head_that_is_gone_ends_in_our_words(own_cluster: Any, call: str) -> None:
    command = [sys.executable, "-c", _WAITS.format(call=call), own_cluster.address]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        own_cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        _, told = process.communicate("go\n")

    assert process.returncode == 1
    assert told.splitlines()[-1].startswith(f"ragqa: the head of the Ray cluster at {own_cluster.address} is gone;")
    assert "run the same command again" in told
    assert "Traceback" not in told
