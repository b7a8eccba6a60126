"""Looks, while nothing comes back from a cluster, whether anything can: Ray waits for long where its head is gone."""

import time

from ragqa.errors import BackendError
from ragqa.ray.cluster import alive_nodes, load_ray
from ragqa.ray.head import answers, gone

_PATIENCE_S = {"head": 20.0, "nodes": 60.0}
"""How long the head may be away (Ray ends this process after a minute), and how long there may be no node to work."""


class Watch:
    """Watches over the cluster that this process is connected to."""

    def __init__(self) -> None:
        self._head = str(load_ray().get_runtime_context().gcs_address)
        self._since: dict[str, float] = {}
        self._n_cpus = 0

    def n_cpus(self) -> int:
        """The processors of all nodes; those of before where the head, which alone knows them, is away."""
        if self.head_answers():
            self._n_cpus = sum(node.n_cpus for node in alive_nodes())
        return self._n_cpus

    def look(self) -> None:
        """See whether the cluster is there; to be called while nothing comes back from it.

        Raises
        ------
        BackendError
            Its head, or all nodes with a processor, have been gone for too long.
        """
        if not self._lasts("head", gone=not self.head_answers()):
            raise gone(self._head)
        if "head" in self._since:
            return
        if not self._lasts("nodes", gone=not self.n_cpus()):
            raise BackendError(
                "no node with a processor is left in the Ray cluster; start some with: "
                f"ray start --address={self._head}, and run the same command again: what is finished is kept"
            )

    def _lasts(self, what: str, *, gone: bool) -> bool:
        """Whether to go on waiting for the head or for nodes."""
        if not gone:
            self._since.pop(what, None)
            return True
        now = time.monotonic()
        return now - self._since.setdefault(what, now) < _PATIENCE_S[what]

    def head_answers(self) -> bool:
        """Whether somebody listens where the head does."""
        return answers(self._head)
