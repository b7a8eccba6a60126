"""Processes of a cluster that all do the same, as many as the queue of calls asks for: a pool, by Ray Serve.

No proxy of Serve listens: a pool is called through Serve's handle alone, by the process that made it. Serve starts a
process that was lost again; the calls that were at it are made once more, of another.
"""

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ragqa.cores import VARIABLE
from ragqa.errors import BackendError, ClusterError, ProductError
from ragqa.ray.cluster import Installation, difference, first_line, installation, load_ray, this_node

_log = logging.getLogger(__name__)
_PREFIX = "ragqa"
_AT_ONCE = 2
"""Calls that a process has: the one that it is at, and the next, so that it need not wait for that."""

_SCALING = {
    "target_ongoing_requests": 1.0,
    "metrics_interval_s": 1.0,
    "look_back_period_s": 3.0,
    "upscale_delay_s": 2.0,
    "downscale_delay_s": 60.0,
}
_TRIES = 2
_OPEN_S = 120.0
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class PoolSize:
    """How far a pool grows, what each of its processes takes, and how long calls wait.

    Attributes
    ----------
    most
        Processes at most; there is always one.
    cpus, gpus
        Processors and GPUs of each process; it works in as many threads as it has processors.
    waiting
        Calls that wait for a process, at least 1; one more is refused.
    answer_s
        Seconds within which a call must be answered, waiting included.
    """

    most: int
    cpus: int = 1
    gpus: float = 0.0
    waiting: int = 128
    answer_s: float = 60.0


class Pool:
    """A pool on the cluster that this process is connected to. Threads may share it; close it."""

    def __init__(self, name: str, make: Callable[[], Any], size: PoolSize) -> None:
        """Start it, and wait until its first process is there.

        Parameters
        ----------
        name
            What its processes are, in the plural: "readers".
        make
            Makes, in each process, the object whose methods are called.

        Raises
        ------
        BackendError
            Ray Serve is missing, or no process starts.
        """
        self._ray = load_ray()
        self._serve = _load_serve()
        self._name, self.size = name, size
        self._serve.start(proxy_location="Disabled")
        _quiet()
        remove_orphans()
        self._app = f"{_PREFIX}-{name}-{self._ray.get_runtime_context().get_job_id()}-{secrets.token_hex(4)}"
        try:
            self._handle = self._started(make)
            self._wait()
        except BaseException:
            self.close()
            raise

    def call(self, method: str, *arguments: Any) -> Any:
        """What a method of one of the objects returns.

        Raises
        ------
        RagqaError
            As the method.
        ClusterError
            As many calls wait as may; or no process answered in time, or each that was asked was lost.
        """
        ends = time.monotonic() + self.size.answer_s
        for _ in range(_TRIES):
            response = self._handle.call.remote(method, arguments)
            try:
                return response.result(timeout_s=max(0.0, ends - time.monotonic()))
            except self._ray.exceptions.RayTaskError as error:
                raise (error.cause if isinstance(error.cause, Exception) else error) from None
            except self._serve.exceptions.BackPressureError as error:
                raise ClusterError(
                    f"all {self._name} of the cluster are busy, and {self.size.waiting} calls wait for one; ask again "
                    "in a moment"
                ) from error
            except TimeoutError as error:
                response.cancel()
                raise ClusterError(
                    f"none of the {self._name} of the cluster answered within {self.size.answer_s:g} s; look at the "
                    "cluster with: ray status"
                ) from error
            except (self._ray.exceptions.RayError, self._serve.exceptions.RayServeException) as error:
                _log.warning("one of the %s is lost: %s", self._name, type(error).__name__)
                lost = error
        raise ClusterError(
            f"{_TRIES} of the {self._name} of the cluster were lost over one call; ask again in a moment, and look at "
            "the cluster with: ray status"
        ) from lost

    def n_members(self) -> int:
        """How many processes are there to be called."""
        states = self._serve.status().applications[self._app].deployments[self._name].replica_states
        return int(states.get("RUNNING", 0))

    def close(self) -> None:
        """End its processes."""
        with contextlib.suppress(Exception):  # Ray's many, where the cluster is gone
            self._serve.delete(self._app)
        if hasattr(self, "_handle"):
            with contextlib.suppress(Exception):
                self._handle.shutdown()

    def _started(self, make: Callable[[], Any]) -> Any:
        size = self.size
        deployment = self._serve.deployment(Member).options(
            name=self._name,
            max_ongoing_requests=_AT_ONCE,
            max_queued_requests=size.waiting,
            autoscaling_config={"min_replicas": 1, "max_replicas": size.most, **_SCALING},
            ray_actor_options={"num_cpus": size.cpus, "num_gpus": size.gpus},
            graceful_shutdown_wait_loop_s=0.1,
            graceful_shutdown_timeout_s=2.0,
            logging_config={"log_level": "WARNING", "enable_access_log": False},
        )
        bound = deployment.bind(installation(), make, size.cpus)
        target = self._serve.RunTarget(bound, name=self._app, route_prefix=None)
        return self._serve.run_many([target], wait_for_applications_running=False)[0]

    def _wait(self) -> None:
        """Wait for the first process."""
        ends = time.monotonic() + _OPEN_S
        while (app := self._serve.status().applications[self._app]).status != "RUNNING":
            if app.status in {"DEPLOY_FAILED", "UNHEALTHY"} or time.monotonic() > ends:
                told = [part.message for part in (app, *app.deployments.values()) if part.message]
                raise BackendError(
                    f"the pool of {self._name} did not start on the cluster ({_last_line(told)}); each of them takes "
                    f"{self.size.cpus} processors and {self.size.gpus:g} GPUs of one node: look at: ray status"
                )
            time.sleep(_LOOK_S)


class Member:
    """What is in a process of a pool: an object that was made there, whose methods are called one at a time."""

    def __init__(self, wanted: Installation, make: Callable[[], Any], n_cores: int) -> None:
        """Make the object.

        Raises
        ------
        BackendError
            The node, which joined the cluster later, runs another ragqa than the process that made the pool.
        """
        if (here := installation()) != wanted:
            raise BackendError(f"{this_node()} has {difference(here, wanted)}; all nodes must have the same")
        os.environ[VARIABLE] = str(n_cores)
        self._made = make()
        self._lock = Lock()

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        """What a method of the object returns; errors that are the node's own name it."""
        with self._lock:
            try:
                return getattr(self._made, method)(*arguments)
            except (BackendError, ProductError) as error:
                raise type(error)(f"{this_node()}: {error}") from error


@contextlib.contextmanager
def pool(name: str, make: Callable[[], Any], size: PoolSize) -> Iterator[Pool | None]:
    """A pool, as long as the block runs; None where it may have no process. Raises as :class:`Pool`."""
    if not size.most:
        yield None
        return
    with contextlib.closing(Pool(name, make, size)) as opened:
        yield opened


def remove_orphans() -> None:
    """End the pools of processes that ended without doing so: Serve keeps what it was told to run."""
    serve, ray = _load_serve(), load_ray()
    alive = {job["JobID"] for job in ray._private.state.jobs() if not job["IsDead"]}
    for name in serve.status().applications:
        prefix, _, rest = name.partition("-")
        if prefix == _PREFIX and rest.split("-")[1:2] and rest.split("-")[1] not in alive:
            _log.info("ending the pool %s, whose server is gone", name)
            serve.delete(name)


def _load_serve() -> Any:
    try:
        from ray import serve
        from ray.serve import exceptions  # noqa: F401 - an attribute of the package from here on
    except ImportError as error:
        raise BackendError(f'Ray Serve is missing ({error}); run: pip install "ragqa[ray]"') from error
    _quiet()
    return serve


def _quiet() -> None:
    """Serve tells in this process what its own log of the cluster has too."""
    logging.getLogger("ray.serve").setLevel(logging.CRITICAL)


def _last_line(told: list[str]) -> str:
    return first_line(RuntimeError(told[-1])) if told else "no reason is told"
