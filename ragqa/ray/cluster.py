"""The way to a Ray cluster: reached within seconds or refused, its nodes compared with this machine."""

import contextlib
import faulthandler
import hashlib
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa import manifest
from ragqa.errors import BackendError, RagqaError, UsageError
from ragqa.ray.head import ended_without

_log = logging.getLogger(__name__)

LOCAL = "local"
"""The address that starts a cluster of this machine alone."""

_REACH_S = 5.0
_NODE_S = 60.0
_MUST_AGREE = ("numpy", "onnxruntime", "tokenizers", "pyserini")
_INSTALL = 'pip install "ragqa[ray]"'


@dataclass(frozen=True, slots=True)
class Installation:
    """What a node runs.

    Attributes
    ----------
    version, code
        ragqa's version, and the hash of its sources.
    packages
        Versions of those packages that can change a vector or a score.
    """

    version: str
    code: str
    packages: dict[str, str]


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster: its id, its address, and its resources as Ray counts them."""

    id: str
    address: str
    n_cpus: int
    n_gpus: int


def load_ray() -> Any:
    """The package ray, with its telemetry off.

    Raises
    ------
    BackendError
        It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Java, which runs Lucene in this process, meets signals that Ray would take for a crash.
    os.environ["RAY_DISABLE_FAILURE_SIGNAL_HANDLER"] = "1"
    # A thread of Ray Serve that outlasts a connection would join whichever cluster it finds.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    try:
        import ray
    except ImportError as error:
        raise BackendError(f"the package ray is missing; run: {_INSTALL}") from error
    return ray


@contextlib.contextmanager
def connected(address: str) -> Iterator[tuple[Node, ...]]:
    """Connect this process to a cluster, whose nodes must run what this machine runs; yields them.

    Parameters
    ----------
    address
        ``HOST:PORT`` of the cluster's head, as ``ray start`` prints it, or ``local``, which starts one on this machine
        and ends it afterwards. This machine must be one of the cluster's nodes.

    Raises
    ------
    UsageError
        The address is none.
    BackendError
        ray is missing, nobody answers at the address, or a node has another version of ragqa.
    """
    ray = load_ray()
    if ray.is_initialized():  # by whoever calls, who ends it too
        yield check_nodes()
        return
    _check_reachable(address)
    here: dict[str, Any] = (
        {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address == LOCAL else {}
    )  # fmt: skip
    had_handler = faulthandler.is_enabled()
    try:
        ray.init(address=address, namespace="ragqa", log_to_driver=False, logging_level=logging.ERROR, **here)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise BackendError(
            f"cannot join the Ray cluster at {address} ({first_line(error)}); this machine must be one of its nodes: "
            f"run here: ray start --address={address}; where it asks for a token (RAY_AUTH_MODE=token), this user "
            "needs the same one in ~/.ray/auth_token"
        ) from error
    if not had_handler:
        faulthandler.disable()  # Ray has turned it on, before Java's own
    _keep_off_stdout(ray)
    with ended_without(str(ray.get_runtime_context().gcs_address)):
        try:
            yield check_nodes()
        finally:
            ray.shutdown()


def check_nodes() -> tuple[Node, ...]:
    """The nodes that are alive, each of which runs the same ragqa as this process.

    Raises
    ------
    BackendError
        A node runs another version, or none.
    """
    ray = load_ray()
    nodes = alive_nodes()
    own = installation()
    asked = [(node, on_node(installation, node)) for node in nodes]
    for node, answer in asked:
        try:
            theirs: Installation = ray.get(answer, timeout=_NODE_S)
        except ray.exceptions.RayError as error:
            if node.id not in {alive.id for alive in alive_nodes()}:
                continue  # it was lost before Ray noticed
            raise BackendError(
                f"the node {node.address} ({node.id[:12]}) cannot run ragqa ({first_line(error)}); install ragqa "
                f'{own.version} there: pip install "ragqa[ray]=={own.version}"'
            ) from error
        if theirs != own:
            raise BackendError(
                f"the node {node.address} ({node.id[:12]}) has {difference(theirs, own)}; all nodes must have the "
                f'same: pip install --upgrade --constraint constraints.txt "ragqa[ray]=={own.version}"'
            )
    return alive_nodes()


def on_node(function: Callable[..., Any], node: Node, *arguments: Any) -> Any:
    """Run a function on one node; what comes back is Ray's reference to the result."""
    ray = load_ray()
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id=node.id, soft=False)
    return ray.remote(num_cpus=0)(function).options(scheduling_strategy=strategy).remote(*arguments)


def this_node() -> str:
    """The node that this process runs on, as errors name it."""
    ray = load_ray()
    return f"the node {ray.util.get_node_ip_address()} ({ray.get_runtime_context().get_node_id()[:12]})"


@contextlib.contextmanager
def errors_of_node() -> Iterator[None]:
    """Let errors of what is done on a node name it, a full disk among them."""
    try:
        yield
    except RagqaError as error:
        raise type(error)(f"{this_node()}: {error}") from error
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        raise BackendError(
            f"{this_node()}: {error.strerror or error}{place}; mend that there, and run the same command again: what "
            "is finished is kept"
        ) from error


def installation() -> Installation:
    """What runs in this process."""
    digest = hashlib.sha256()
    folder = Path(manifest.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    versions = manifest.package_versions()
    packages = {name: version for name, version in versions.items() if name in _MUST_AGREE}
    return Installation(versions.get("ragqa", "unknown"), digest.hexdigest(), packages)


def alive_nodes() -> tuple[Node, ...]:
    """The nodes that are alive, in the order of their ids."""
    ray = load_ray()
    return tuple(
        Node(
            entry["NodeID"],
            entry["NodeManagerAddress"],
            int(entry["Resources"].get("CPU", 0)),
            int(entry["Resources"].get("GPU", 0)),
        )
        for entry in sorted(ray.nodes(), key=lambda entry: str(entry["NodeID"]))
        if entry["Alive"]
    )


def difference(theirs: Installation, own: Installation) -> str:
    """In what an installation is unlike that of this machine, as the end of a sentence "the node … has"."""
    if theirs.version != own.version:
        return f"ragqa {theirs.version}, this machine {own.version}"
    if theirs.packages != own.packages:
        names: Sequence[str] = sorted(set(theirs.packages) | set(own.packages))
        unlike = [
            f"{name} {theirs.packages.get(name, 'missing')} (here {own.packages.get(name, 'missing')})"
            for name in names
            if theirs.packages.get(name) != own.packages.get(name)
        ]
        return ", ".join(unlike)
    return f"other sources of ragqa {own.version} than this machine ({theirs.code[:8]}, here {own.code[:8]})"


def _keep_off_stdout(ray: Any) -> None:
    """Let Ray log what it would print where results are printed: the last words of a node that was lost."""
    worker = ray._private.worker
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda data, **_: _log.debug("ray: %s", " ".join(data.get("lines", [])))


def _check_reachable(address: str) -> None:
    """Ray itself tries a dead address for minutes."""
    if address == LOCAL:
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise UsageError(
            f"{address!r} is no address of a Ray cluster; give HOST:PORT, for example 10.0.0.1:6379, or 'local'"
        )
    # Ray takes the address of this machine for that of its loopback.
    hosts = {host, load_ray().util.get_node_ip_address()} if host.startswith(("127.", "localhost")) else {host}
    try:
        for name in sorted(hosts):
            socket.create_connection((name, int(port)), timeout=_REACH_S).close()
    except OSError as error:
        raise BackendError(
            f"no Ray cluster answers at {address} ({error}); start one on its head with: ray start --head --port={port}"
        ) from error


def first_line(error: BaseException) -> str:
    """What an error of Ray says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # The last line of Ray's report of a failed task names the reason.
    return (lines[-1] if lines else type(error).__name__)[:300]
