"""The state of a corpus: which parts it consists of, in which order, and which of their rows are dead.

``state.json`` names the state in force and is switched atomically. Each state is a file of its own,
``states/HASH.json``, which never changes and names everything else; it stays as long as an index was built from it or
a reader holds it, so that readers go on through any number of updates. Where other files come to hold the same
documents, what readers hold goes on as ``states/HASH-….json``. Beside the parts, a folder ``state-…`` holds
``dead.npy`` (one bit a row, as :func:`numpy.packbits` orders them), and ``keys.bin`` and ``rows.bin``: the sorted keys
(uint64) of the live documents and their rows (int64), and ``marks.npy`` (:mod:`ragqa.corpus.marks`).
"""

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ragqa.corpus.arrays import load_array, read_npy
from ragqa.corpus.keys import FIRST_HASHED
from ragqa.corpus.marks import MARKS_FILE, NOTICES_FILE, by_others, find_marks
from ragqa.corpus.part import DELETION, DELETIONS_FILE, KEY, KEYS_FILE, WITHDRAWN, PartRecord
from ragqa.errors import ProductError, SourceError
from ragqa.manifest import content_hash, hash_files, sync_folder, sync_tree

STATE_FILE, STATES_FOLDER, PARTS_FOLDER, MANIFEST_FILE = "state.json", "states", "parts", "manifest.json"
DEAD_FILE, STATE_KEYS_FILE, STATE_ROWS_FILE = "dead.npy", "keys.bin", "rows.bin"
SCHEMA_VERSION = 5

LIVE, SUPERSEDED, DELETED = 0, 1, 2

_BUCKET = 4_000_000
"""Keys resolved at a time; what the memory of :func:`resolve` depends on, beside a few bytes a row."""


@dataclass(frozen=True, slots=True)
class PartEntry:
    """A part of a state: its folder under ``parts/``, its rows, and the hash of its content."""

    folder: str
    n_rows: int
    content_sha256: str


@dataclass(frozen=True, slots=True)
class CurrentState:
    """``state.json``: which state is in force."""

    state_hash: str


@dataclass(frozen=True, slots=True)
class CorpusState:
    """``states/HASH.json``.

    Attributes
    ----------
    state_hash
        Hash of the parts' contents in order and of the dead rows; the same wherever and whenever it was built.
    rows_folder
        The folder under ``parts/`` with the dead rows and the ids.
    mesh
        File under ``parts/`` with the headings of MeSH; "" for none.
    """

    name: str
    state_hash: str
    parts: tuple[PartEntry, ...]
    rows_folder: str
    n_rows: int
    n_live: int
    mesh: str = ""
    schema_version: int = SCHEMA_VERSION
    description: str = ""

    def names(self) -> set[str]:
        """Everything under ``parts/`` that this state needs."""
        return {entry.folder for entry in self.parts} | {self.rows_folder, self.mesh} - {""}


def state_path(folder: Path, state_hash: str) -> Path:
    """The file of a state of the corpus in ``folder``."""
    return folder / STATES_FOLDER / f"{state_hash}.json"


def resolve(
    folder: Path,
    parts: Sequence[tuple[str, PartRecord]],
    read_id: Callable[[int], str],
) -> tuple[str, np.ndarray, np.ndarray]:
    """Decide which row of each id is live and which are told of by notices, and write the files of the state.

    Of several rows of an id the highest version wins, of equal versions the later row; none does where a version that
    is not taken would. A deletion ends everything of its id that comes before it.

    Parameters
    ----------
    folder
        The ``parts/`` folder.
    parts
        Folder name and record of each part, in order.
    read_id
        The id of the document in a row; called for rows whose keys are equal hashes.

    Returns
    -------
    rows_folder
        Name of the folder written.
    fate
        uint8 [n_rows]: ``LIVE``, ``SUPERSEDED`` or ``DELETED``.
    marks
        :data:`ragqa.corpus.marks.MARK` of all live articles, those that tell it themselves included.

    Raises
    ------
    SourceError
        Two different ids have the same hash.
    """
    building = folder / ".state.building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    starts = np.concatenate([[0], np.cumsum([part.n_rows for _, part in parts], dtype=np.int64)])
    fate = np.zeros(int(starts[-1]), dtype=np.uint8)
    ends = _ends(folder, parts, starts)
    keys_of_parts = [read_npy(folder / name / KEYS_FILE, "r") for name, _ in parts]
    with (building / STATE_KEYS_FILE).open("wb") as keys_file, (building / STATE_ROWS_FILE).open("wb") as rows_file:
        for low, high in _ranges([array["key"] for array in keys_of_parts]):
            bucket = _bucket(keys_of_parts, starts, low, high)
            _refuse_shared_hashes(bucket, read_id)
            _decide(bucket, ends, fate)
            live = fate[bucket.rows] == LIVE
            keys_file.write(bucket.keys[live].astype("<u8").tobytes())
            rows_file.write(bucket.rows[live].astype("<i8").tobytes())
    np.save(building / DEAD_FILE, np.packbits(fate != LIVE))
    notices = [read_npy(folder / name / NOTICES_FILE) for name, _ in parts]
    ids = [mapped(building / name, kind) for name, kind in ((STATE_KEYS_FILE, "<u8"), (STATE_ROWS_FILE, "<i8"))]
    marks = find_marks(notices, starts, fate == LIVE, (ids[0], ids[1]))
    ids.clear()  # NFS does not let go of a folder in which files are mapped
    np.save(building / MARKS_FILE, by_others(marks))
    # By its content, so that nothing that a reader of another state has mapped is ever replaced.
    name = f"state-{content_hash(hash_files(building))[:16]}"
    target = folder / name
    if target.exists() and hash_files(target) == hash_files(building):
        shutil.rmtree(building)
        return name, fate, marks
    shutil.rmtree(target, ignore_errors=True)
    sync_tree(building)
    building.rename(target)
    sync_folder(folder)
    return name, fate, marks


def mapped(path: Path, kind: str) -> np.ndarray:
    """The numbers in a file without a header, memory-mapped."""
    return np.memmap(path, dtype=kind, mode="r") if path.stat().st_size else np.empty(0, kind)


def dead_rows(folder: Path, n_rows: int, remedy: str) -> np.ndarray:
    """Which rows are superseded or deleted: bool [n_rows].

    Raises
    ------
    ProductError
        The file is missing or damaged.
    """
    packed = load_array(folder / DEAD_FILE, folder / DEAD_FILE, remedy)
    if packed.dtype != np.uint8 or packed.shape != (-(-n_rows // 8),):
        raise ProductError(f"{folder / DEAD_FILE} is damaged: it has another form; {remedy}")
    return np.unpackbits(packed, count=n_rows).astype(bool)


class _Bucket(NamedTuple):
    """Keys (uint64), rows of the corpus (int64) and versions of some documents, sorted by key, then row."""

    keys: np.ndarray
    rows: np.ndarray
    versions: np.ndarray


class _Ends(NamedTuple):
    """What ends rows of the corpus, by sorted key.

    Attributes
    ----------
    withdrawn, bounds
        Keys of deletions, and the row before which the last one of each takes effect.
    not_taken, versions, rows
        Keys of which a version is not taken and was not withdrawn later, the highest one, and the row before which it
        stood the last time.
    """

    withdrawn: np.ndarray
    bounds: np.ndarray
    not_taken: np.ndarray
    versions: np.ndarray
    rows: np.ndarray


def _ends(folder: Path, parts: Sequence[tuple[str, PartRecord]], starts: np.ndarray) -> _Ends:
    arrays = [read_npy(folder / name / DELETIONS_FILE) for name, _ in parts]
    read = np.concatenate([np.empty(0, DELETION), *arrays])
    rows = read["row"].astype(np.int64) + np.repeat(starts[: len(arrays)], [len(array) for array in arrays])
    order = np.argsort(read["key"], kind="stable")  # those of a key in order of reading
    keys, versions, rows = read["key"][order], read["version"][order], rows[order]
    withdrawn = np.flatnonzero(versions == WITHDRAWN)
    withdrawn = withdrawn[_last_of_each(keys[withdrawn])]
    remaining = versions != WITHDRAWN
    if len(withdrawn):
        place, known = _look_up(keys[withdrawn], keys)
        remaining &= ~known | (np.arange(len(keys)) > withdrawn[place])
    left = np.flatnonzero(remaining)
    left = left[np.lexsort((rows[left], versions[left], keys[left]))]
    left = left[_last_of_each(keys[left])]
    return _Ends(keys[withdrawn], rows[withdrawn], keys[left], versions[left], rows[left])


def _last_of_each(keys: np.ndarray) -> np.ndarray:
    """The places of the last of each run of equal keys."""
    return np.flatnonzero(np.append(keys[1:] != keys[:-1], np.ones(min(len(keys), 1), dtype=bool)))


def _look_up(known: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each key among ``known`` ones (sorted, at least one), and whether it is there."""
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return place, known[place] == keys


def _ranges(keys_of_parts: Sequence[np.ndarray]) -> Iterator[tuple[int, int]]:
    """Ranges of keys ``low ≤ key < high`` with about ``_BUCKET`` keys each."""
    total = sum(len(keys) for keys in keys_of_parts)
    bounds: list[int] = []
    if total > _BUCKET:
        sample = np.sort(np.concatenate([keys[::256] for keys in keys_of_parts]))
        n_buckets = -(-total // _BUCKET)
        bounds = sorted({int(sample[len(sample) * i // n_buckets]) for i in range(1, n_buckets)})
    edges = [0, *bounds, 1 << 64]
    yield from itertools.pairwise(edges)


def _bucket(keys_of_parts: Sequence[np.ndarray], starts: np.ndarray, low: int, high: int) -> _Bucket:
    """The documents whose keys are in a range."""
    slices = [np.empty(0, KEY)]
    rows = [np.empty(0, np.int64)]
    for array, start in zip(keys_of_parts, starts, strict=False):
        begin = np.searchsorted(array["key"], np.uint64(low)) if low else 0
        end = np.searchsorted(array["key"], np.uint64(high)) if high < 1 << 64 else len(array)
        slices.append(array[begin:end])
        rows.append(array["row"][begin:end].astype(np.int64) + start)
    found = np.concatenate(slices)
    order = np.argsort(found["key"], kind="stable")
    return _Bucket(found["key"][order], np.concatenate(rows)[order], found["version"][order])


def _decide(bucket: _Bucket, ends: _Ends, fate: np.ndarray) -> None:
    """Set the fate of the rows of a bucket."""
    keys, rows, versions = bucket
    if len(ends.withdrawn):
        place, known = _look_up(ends.withdrawn, keys)
        fate[rows[known & (rows < ends.bounds[place])]] = DELETED
    if len(ends.not_taken):
        place, known = _look_up(ends.not_taken, keys)
        earlier = (versions == ends.versions[place]) & (rows < ends.rows[place])
        outdone = known & ((versions < ends.versions[place]) | earlier)
        fate[rows[outdone & (fate[rows] == LIVE)]] = SUPERSEDED
    remaining = fate[rows] == LIVE
    keys, rows, versions = keys[remaining], rows[remaining], versions[remaining]
    order = np.lexsort((rows, versions, keys))
    keys, rows = keys[order], rows[order]
    fate[rows[:-1][keys[1:] == keys[:-1]]] = SUPERSEDED


def _refuse_shared_hashes(bucket: _Bucket, read_id: Callable[[int], str]) -> None:
    keys, rows, _ = bucket
    same = np.flatnonzero((keys[1:] == keys[:-1]) & (keys[1:] >= np.uint64(FIRST_HASHED)))
    for i in same.tolist():
        first, second = read_id(int(rows[i])), read_id(int(rows[i + 1]))
        if first != second:
            raise SourceError(f"the ids {first!r} and {second!r} have the same 64-bit hash; rename one of them")
