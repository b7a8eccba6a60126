"""Parts of corpora and pieces of indexes by all nodes of a cluster, which write them into a folder that all reach.

Ray gives a task of a node that is lost to another one. Each task looks first whether its node is fit: one that joined
later was not compared with this machine before.
"""

import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from ragqa.errors import BackendError
from ragqa.ray.cluster import (
    Installation,
    Node,
    connected,
    difference,
    errors_of_node,
    first_line,
    installation,
    load_ray,
    on_node,
    this_node,
)
from ragqa.ray.watch import Watch

_log = logging.getLogger(__name__)
_ATTEMPTS = 5
_WAITING = 8
_LOOK_S = 5.0
_SEEN_S = 60.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A file with a word that nobody can guess: who reads it there has the folder."""

    path: Path
    word: str


@contextlib.contextmanager
def marked(folder: Path) -> Iterator[Mark]:
    """Mark a folder, for as long as the block runs; OSError where it cannot be written to."""
    folder.mkdir(parents=True, exist_ok=True)
    word = secrets.token_hex(16)
    mark = Mark(folder / f".reached-{word[:8]}", word)
    mark.path.write_text(word)
    try:
        yield mark
    finally:
        mark.path.unlink(missing_ok=True)


def out_of_reach(nodes: Sequence[Node], mark: Mark) -> list[Node]:
    """The nodes that do not have a folder under the path that it has here."""
    ray = load_ray()
    asked = [(node, on_node(reads, node, mark)) for node in nodes]
    found = []
    for node, answer in asked:
        try:
            if not ray.get(answer, timeout=_SEEN_S):
                found.append(node)
        except ray.exceptions.RayError:
            found.append(node)
    return found


def reads(mark: Mark) -> bool:
    """Whether this process has the folder that is marked."""
    try:
        return mark.path.read_text() == mark.word
    except OSError:
        return False


class TasksOnRay:
    """Does calls on the cluster that this process is connected to: :data:`ragqa.types.Tasks`.

    All nodes must have the folder that is marked, and what the calls read, under the same paths.
    """

    def __init__(self, mark: Mark) -> None:
        self._mark = mark

    def __call__(self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Each place and result, in the order in which they come.

        Raises
        ------
        RagqaError
            Of a call; it names the node.
        BackendError
            A node is unfit, its disk is full, the head or all nodes are gone, or one call ended its process again and
            again.
        """
        ray = load_ray()
        remote = ray.remote(num_cpus=1, max_retries=_ATTEMPTS, scheduling_strategy="SPREAD")(do)
        own, what = ray.put((installation(), self._mark)), ray.put(function)
        todo = iter(enumerate(calls))
        pending: dict[Any, int] = {}
        watch = Watch()
        while True:
            # Not all at once: what is still to come where one fails is not taken back.
            n_at_once = _WAITING + 2 * watch.n_cpus()
            for place, call in islice(todo, max(0, n_at_once - len(pending))):
                pending[remote.remote(own, what, call)] = place
            if not pending:
                return
            done: Sequence[Any] = ()
            while not done:
                done, _ = ray.wait(list(pending), num_returns=1, timeout=_LOOK_S)
                if not done:
                    watch.look()
            for reference in done:
                result = _result(reference)
                yield pending.pop(reference), result


@contextlib.contextmanager
def fleet(address: str, folder: Path) -> Iterator[tuple[tuple[Node, ...], TasksOnRay | None]]:
    """The nodes of the cluster at an address and what does tasks on them, as long as the block runs.

    There are no tasks where a node does not have ``folder`` under the path that it has here, which is told.

    Raises as :func:`ragqa.ray.cluster.connected`; BackendError also where the folder cannot be written to.
    """
    with connected(address) as nodes, contextlib.ExitStack() as stack:
        try:
            mark = stack.enter_context(marked(folder))
        except OSError as error:
            raise BackendError(
                f"cannot write {folder}: {error.strerror or error}; free some disk, or let RAGQA_HOME name a folder "
                "that can be written to"
            ) from error
        without = out_of_reach(nodes, mark)
        if without:
            _log.warning(
                "%d of %d nodes do not have the folder %s (%s): they encode, and all else is done here; mount it on "
                "all nodes under the same path to share the rest, too",
                len(without), len(nodes), folder, ", ".join(node.address for node in without),
            )  # fmt: skip
        yield nodes, None if without else TasksOnRay(mark)


def do(fitting: tuple[Installation, Mark], function: Callable[..., Any], call: tuple[Any, ...]) -> Any:
    """What a node does: look whether it is fit, and call; its errors name it."""
    own, mark = fitting
    if (here := _here()) != own:
        raise BackendError(f"{this_node()} has {difference(here, own)}; all nodes must have the same")
    if not reads(mark):
        raise BackendError(
            f"{this_node()} does not have the folder {mark.path.parent}; mount it there under the same path, or stop "
            "Ray on that node: ray stop"
        )
    with errors_of_node():
        return function(*call)


@cache
def _here() -> Installation:
    return installation()


def _result(reference: Any) -> Any:
    ray = load_ray()
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from None
    except ray.exceptions.RayError as error:
        raise BackendError(
            f"the nodes that were at one part of the work were lost {_ATTEMPTS + 1} times ({first_line(error)}); look "
            "at the cluster with: ray status, give the nodes more memory, and run the same command again: what is "
            "finished is kept"
        ) from error
