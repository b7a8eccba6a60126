"""A part: the documents of one source file, as an immutable folder named by its content.

It holds ``documents.parquet`` (:mod:`ragqa.corpus.table`), ``documents.bin`` with ``rows.npy``
(:mod:`ragqa.corpus.blocks`), ``keys.npy`` (:data:`KEY`, sorted by key, then row), ``deletions.npy``
(:data:`DELETION`, in order of reading), ``notices.npy`` (:mod:`ragqa.corpus.marks`) and ``part.json``
(:class:`PartRecord`).
"""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.corpus.blocks import DOCUMENTS_FILE, ROWS_FILE, Block, BlockWriter
from ragqa.corpus.keys import document_keys
from ragqa.corpus.marks import NOTICE, NOTICES_FILE, notices_of
from ragqa.corpus.records import Deletion, IgnoredKey, NotTaken, Record, Skipped
from ragqa.corpus.table import TableBuilder, schema
from ragqa.errors import ProductError
from ragqa.manifest import content_hash, file_hash, read_sealed, sync_folder, verify_files, write_sealed
from ragqa.types import Document

KEY = np.dtype([("key", "<u8"), ("row", "<u4"), ("version", "<i4")])
"""Key of an id (:mod:`ragqa.corpus.keys`), row within the part, version."""

DELETION = np.dtype([("key", "<u8"), ("row", "<u4"), ("version", "<i4")])
"""Key of an id, how many rows of the part came before the record, and the version that is not taken; ``WITHDRAWN``
where all before it are."""
WITHDRAWN = np.iinfo(np.int32).max

PARQUET_FILE, KEYS_FILE, DELETIONS_FILE, RECORD_FILE = "documents.parquet", "keys.npy", "deletions.npy", "part.json"
FILES = (PARQUET_FILE, DOCUMENTS_FILE, ROWS_FILE, KEYS_FILE, DELETIONS_FILE, NOTICES_FILE)

PART_LAYOUT = 4
"""Raised when the files of a part change their form: parts of the old form are then read again."""

_BUILDING = ".building"
_BATCH, _BATCH_BYTES = 1024, 64 << 20
"""Documents of a Parquet row group, and bytes where they are large: what is held in memory at a time."""


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What a part was read from and what it holds.

    Attributes
    ----------
    source, source_sha256, reader
        Name and hash of the source file; ``format/version`` of its reader.
    content_sha256
        Hash of the documents, deletions and versions not taken, whatever the packing.
    n_read
        Records of documents met in the file: ``n_rows`` plus the skipped ones.
    n_rows
        Documents of the part.
    n_without_abstract
        Those of the rows whose abstract is empty or missing.
    n_deletions
        Notices of deletion.
    skipped
        Reason → number of records.
    ignored_keys
        Keys of the source that no part of a document holds.
    files
        Name → sha256.
    sizes
        Name → bytes.
    """

    source: str
    source_sha256: str
    reader: str
    content_sha256: str
    n_read: int
    n_rows: int
    n_without_abstract: int
    n_deletions: int
    skipped: dict[str, int] = field(default_factory=dict)
    ignored_keys: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


def write_part(
    folder: Path, source: tuple[str, str, str], records: Iterable[Record], on_batch: Callable[[int], None]
) -> PartRecord:
    """Write a part into ``folder``, which appears only when it is complete.

    Several processes may write the same part: the first one to finish puts it in place.

    Parameters
    ----------
    folder
        Where the part lands; until then it grows beside it under a hidden name of its own.
    source
        ``(source, source_sha256, reader)`` of the :class:`PartRecord`.
    on_batch
        Called with the number of documents of each batch written.
    """
    building = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}{_BUILDING}")
    building.mkdir(parents=True)
    writer = _PartWriter(building, on_batch)
    try:
        for record in records:
            writer.add(record)
        part = writer.close(source)
    except BaseException:
        writer.abandon()
        shutil.rmtree(building, ignore_errors=True)
        raise
    write_sealed(building / RECORD_FILE, part)
    try:
        building.rename(folder)
    except OSError:
        shutil.rmtree(building, ignore_errors=True)
        if not folder.is_dir():
            raise
        return read_part_record(folder, "build the corpus again")
    sync_folder(folder.parent)
    return part


def remove_unfinished(folder: Path) -> None:
    """Remove what killed builds left of parts in the folder of parts."""
    for path in folder.glob(f".*{_BUILDING}"):
        shutil.rmtree(path, ignore_errors=True)


def read_part_record(folder: Path, remedy: str, *, thorough: bool = False) -> PartRecord:
    """The record of a finished part whose files are all there: in their full size or, ``thorough``, with their hashes.

    Raises
    ------
    ProductError
        The part is missing or damaged.
    """
    part = read_sealed(folder / RECORD_FILE, PartRecord, remedy)
    for name, size in part.sizes.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise ProductError(f"{path} is missing or truncated; {remedy}")
    if thorough and (wrong := verify_files(folder, part.files)):
        raise ProductError(f"{folder} is damaged: {', '.join(wrong)} differ from their hashes; {remedy}")
    return part


class _PartWriter:
    """The files of a part while they grow: a thread packs and writes one batch while the next one is read."""

    def __init__(self, folder: Path, on_batch: Callable[[int], None]) -> None:
        import pyarrow.parquet as pq

        self._folder = folder
        self._on_batch = on_batch
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="part-writer")
        self._writing: Future[None] | None = None
        self._blocks = BlockWriter(folder)
        self._parquet = pq.ParquetWriter(folder / PARQUET_FILE, schema(), compression="zstd", write_page_checksum=True)
        self._table = TableBuilder()
        self._labels: list[tuple[str, int]] = []
        self._keys: list[np.ndarray] = []
        self._deletions: list[tuple[str, int, int]] = []
        self._notices: list[tuple[int, int, int]] = []
        self._skipped: Counter[str] = Counter()
        self._ignored: list[str] = []
        self._n_rows = self._n_without_abstract = self._n_deletions = 0

    def add(self, record: Record) -> None:
        if isinstance(record, Document):
            self._notices += [(key, self._n_rows, kind) for key, kind in notices_of(record)]
            self._n_rows += 1
            self._blocks.add(record)
            self._table.add(record)
            self._labels.append((record.id, record.version))
            if len(self._table) >= _BATCH or self._table.n_bytes >= _BATCH_BYTES:
                self._hand_over()
        elif isinstance(record, Deletion):
            self._deletions.append((record.document_id, self._n_rows, WITHDRAWN))
            self._n_deletions += 1
        elif isinstance(record, NotTaken):
            self._deletions.append((record.document_id, self._n_rows, record.version))
        elif isinstance(record, Skipped):
            self._skipped[record.reason] += 1
        elif isinstance(record, IgnoredKey):
            self._ignored.append(record.key)

    def close(self, source: tuple[str, str, str]) -> PartRecord:
        self._hand_over()
        self._written()
        self._thread.shutdown()
        self._parquet.close()
        _sync(self._folder / PARQUET_FILE)
        documents_sha256 = self._blocks.close()
        keys = np.concatenate(self._keys) if self._keys else np.empty(0, KEY)
        _save(self._folder / KEYS_FILE, keys[np.argsort(keys["key"], kind="stable")])
        deletions = np.empty(len(self._deletions), DELETION)
        deletions["key"] = document_keys(document_id for document_id, _, _ in self._deletions)
        deletions["row"] = [row for _, row, _ in self._deletions]
        deletions["version"] = [version for _, _, version in self._deletions]
        _save(self._folder / DELETIONS_FILE, deletions)
        _save(self._folder / NOTICES_FILE, np.array(self._notices, NOTICE))
        return PartRecord(
            *source,
            content_sha256=content_hash([documents_sha256, self._deletions]),
            n_read=self._n_rows + self._skipped.total(),
            n_rows=self._n_rows,
            n_without_abstract=self._n_without_abstract,
            n_deletions=self._n_deletions,
            skipped=dict(self._skipped),
            ignored_keys=tuple(sorted(self._ignored)),
            files={name: file_hash(self._folder / name) for name in FILES},
            sizes={name: (self._folder / name).stat().st_size for name in FILES},
        )

    def abandon(self) -> None:
        """Close the files of a part that will not be finished."""
        self._thread.shutdown()
        self._blocks.abandon()
        # Closing writes a footer, which fails again where the disk is full.
        try:
            self._parquet.close()
        except OSError:
            return

    def _hand_over(self) -> None:
        self._written()
        if self._labels:
            self._writing = self._thread.submit(self._write, self._table, self._labels, self._blocks.take())
            self._table, self._labels = TableBuilder(), []

    def _written(self) -> None:
        """Wait for the batch handed over last; what went wrong with it is raised."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None
            self._on_batch(len(self._keys[-1]))

    def _write(self, builder: TableBuilder, labels: list[tuple[str, int]], blocks: list[Block]) -> None:
        self._blocks.write(blocks)
        table = builder.table()
        self._parquet.write_table(table)
        self._n_without_abstract += table["has_abstract"].to_pylist().count(False)
        keys = np.empty(len(labels), KEY)
        keys["key"] = document_keys(document_id for document_id, _ in labels)
        keys["version"] = [version for _, version in labels]
        first_row = sum(map(len, self._keys))
        keys["row"] = np.arange(first_row, first_row + len(labels))
        self._keys.append(keys)


def _save(path: Path, array: "np.ndarray[Any, Any]") -> None:
    np.save(path, array)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
