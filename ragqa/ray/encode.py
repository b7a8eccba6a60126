"""Texts → vectors on all nodes of a cluster.

The machine that builds reads the corpus and hands out groups of documents, each as soon as an actor is free; the
vectors come back to it and are kept in its store of vectors, which is all that the build then reads. So nodes need no
folder in common, and a node that is lost costs the groups that it was at: others encode them. Groups are those of a
build on one machine, so that the vectors are the same where the processors are alike.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.errors import BackendError
from ragqa.index.dense_build import Batches, groups
from ragqa.index.encoder import Encoder
from ragqa.index.encoding import Encoding, encode_documents
from ragqa.manifest import Hold, content_hash
from ragqa.ray.cluster import Node, errors_of_node, first_line, load_ray
from ragqa.ray.watch import Watch
from ragqa.scratch import kept_folder
from ragqa.types import Document, Progress

STAGE = "encode on the cluster"
_ATTEMPTS = 3
_STALLED_S = 1800.0
_LOOK_S = 5.0


@dataclass(slots=True)
class _Group:
    """Documents whose vectors are wanted, with their keys."""

    keys: list[bytes]
    documents: list[Document]
    n_lost: int = 0


class EncodeOnRay:
    """Fills a store of vectors by the actors of the cluster that this process is connected to.

    There is one actor for each GPU or, where there is none, for each processor.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._on_gpu = any(node.n_gpus for node in nodes)
        self._n_actors = sum(node.n_gpus if self._on_gpu else node.n_cpus for node in nodes)
        if self._n_actors == 0:
            raise BackendError("the Ray cluster has no processor to encode on; start its nodes with --num-cpus above 0")

    def __call__(self, encoding: Encoding, documents: Batches, n_documents: int, report: Progress) -> None:
        """Encode those documents that the store of ``encoding`` does not know.

        Raises
        ------
        BackendError
            All nodes were lost, or one group ended its actor again and again; what is encoded is kept.
        """
        todo = _Todo(encoding, documents)
        pool = _Pool(self._n_actors, self._on_gpu, encoding)
        try:
            for group, vectors in pool.run(todo.groups()):
                encoding.keep(group.keys, vectors)
                todo.in_work.difference_update(group.keys)
                todo.n_done += len(group.keys)
                report(STAGE, todo.n_done, n_documents)
            report(STAGE, n_documents, n_documents)
        finally:
            pool.close()


class _Todo:
    """The groups that are still to be encoded, read as they are handed out."""

    def __init__(self, encoding: Encoding, documents: Batches) -> None:
        self._encoding = encoding
        self._documents = documents
        self.in_work: set[bytes] = set()
        self.n_done = 0

    def groups(self) -> Iterator[_Group]:
        for members in groups(self._documents):
            texts = [document for _, document in members]
            missing = self._encoding.to_encode(texts)
            places = {key: place for key, place in missing.items() if key not in self.in_work}
            self.n_done += len(members) - len(places)
            if places:
                self.in_work.update(places)
                yield _Group(list(places), [texts[place] for place in places.values()])


class _Pool:
    """Actors, and the groups that they are at."""

    def __init__(self, n_actors: int, on_gpu: bool, encoding: Encoding) -> None:
        self._ray = load_ray()
        self._encoder = self._ray.put(files_of(encoding.encoder.folder))
        self._arguments = (self._encoder, encoding.overlap_tokens)
        options = {"num_cpus": 1, "num_gpus": 1} if on_gpu else {"num_cpus": 1}
        self._make: Callable[..., Any] = self._ray.remote(**options)(EncodingActor).remote
        self._idle: list[Any] = []
        self._starting: dict[Any, Any] = {}
        self._working: dict[Any, tuple[Any, _Group]] = {}
        self._n_actors, self._n_failed = n_actors, 0
        self._n_to_start = n_actors
        self._watch = Watch()

    def run(self, groups: Iterator[_Group]) -> Iterator[tuple[_Group, list[np.ndarray]]]:
        """Each group with its vectors, in the order in which they come."""
        lost: list[_Group] = []
        waited = 0.0
        exhausted = False
        while True:
            self._start()
            while self._idle and not exhausted:
                group = lost.pop() if lost else next(groups, None)
                if group is None:
                    exhausted = True
                    break
                actor = self._idle.pop()
                self._working[actor.encode.remote(group.documents)] = (actor, group)
            if exhausted and not self._working:
                return
            done = self._next()
            waited = 0.0 if done else waited + _LOOK_S
            if not done:
                self._watch.look()
            self._check_alive(waited)
            for reference in done:
                finished = self._take(reference)
                if finished is None:
                    continue
                group, vectors = finished
                if vectors is not None:
                    yield group, vectors
                else:
                    lost.append(group)
                    exhausted = False

    def close(self) -> None:
        """End the actors."""
        actors = [*self._idle, *self._starting.values(), *(actor for actor, _ in self._working.values())]
        for actor in actors if self._watch.head_answers() else ():
            with contextlib.suppress(Exception):  # it, or the cluster, is gone
                self._ray.kill(actor)

    def _start(self) -> None:
        """Start the actors that are lacking, as long as there is a head, without which that takes for ever."""
        while self._n_to_start and self._watch.head_answers():
            actor = self._make(*self._arguments)
            self._starting[actor.ready.remote()] = actor
            self._n_to_start -= 1

    def _next(self) -> list[Any]:
        pending = [*self._working, *self._starting]
        if not pending:  # the head is away
            time.sleep(_LOOK_S)
            return []
        done, _ = self._ray.wait(pending, num_returns=1, timeout=_LOOK_S)
        return list(done)

    def _take(self, reference: Any) -> tuple[_Group, list[np.ndarray] | None] | None:
        """What came of a group (None as its vectors: its actor was lost); None where an actor has started."""
        exceptions = self._ray.exceptions
        if reference in self._starting:
            actor, group = self._starting.pop(reference), None
        else:
            actor, group = self._working.pop(reference)
        try:
            vectors: list[np.ndarray] | None = self._ray.get(reference, timeout=_LOOK_S)
        except exceptions.RayTaskError as error:  # an error of ours, as on one machine
            raise error.cause if isinstance(error.cause, Exception) else error from None
        except exceptions.RayError as error:
            self._n_to_start += 1
            if group is None:
                self._check_starts(error)
                return None
            group.n_lost += 1
            if group.n_lost >= _ATTEMPTS:
                raise BackendError(
                    f"{_ATTEMPTS} nodes were lost while they encoded the same {len(group.keys)} documents ({error}); "
                    "give the nodes more memory, and run the same command again: what is encoded is kept"
                ) from error
            return group, None
        self._n_failed = 0
        self._idle.append(actor)
        return None if group is None else (group, vectors)

    def _check_starts(self, error: Exception) -> None:
        self._n_failed += 1
        if self._n_failed >= _ATTEMPTS * self._n_actors:
            raise BackendError(
                f"no process that encodes starts on the Ray cluster ({first_line(error)}); look at it with: ray "
                "status, and run the same command again: what is encoded is kept"
            ) from error

    def _check_alive(self, waited_s: float) -> None:
        if waited_s >= _STALLED_S:
            raise BackendError(
                f"no node of the Ray cluster finished anything in {waited_s:.0f} s; look at it with: ray status, and "
                "run the same command again: what is encoded is kept"
            )


class EncodingActor:
    """Encodes documents in a process of a node."""

    def __init__(self, encoder: dict[str, bytes], overlap_tokens: int) -> None:
        os.environ["RAYON_NUM_THREADS"] = "1"  # one actor for each processor
        self._files = encoder
        self._overlap = overlap_tokens
        self._held: Hold | None = None
        self._encoder: Encoder | None = None

    def ready(self) -> None:
        """Open the encoder."""
        with errors_of_node():
            self._opened()

    def encode(self, documents: Sequence[Document]) -> list[np.ndarray]:
        """The vectors of each document: float16 [n_passages, dim], as they are kept."""
        with errors_of_node():
            found = encode_documents(self._opened(), documents, self._overlap)
        return [vectors.astype(np.float16) for vectors in found]

    def _opened(self) -> Encoder:
        if self._encoder is None:
            from ragqa.index.encoder_torch import has_gpu

            folder, self._held = unpacked(self._files)
            self._files = {}
            encoder = Encoder.open(folder, "run the same command again")
            encoder.n_cores = 1
            if has_gpu():
                encoder.use_gpu()
            self._encoder = encoder
        return self._encoder


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of each file of a folder, by its path relative to it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def unpacked(files: dict[str, bytes]) -> tuple[Path, Hold]:
    """A folder with these files, the same for all processes of this machine that ask for the same files."""

    def fill(folder: Path) -> None:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    name = content_hash({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})[:32]
    return kept_folder("encoders", name, fill, lambda folder: files_of(folder) == files)
