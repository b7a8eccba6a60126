"""Vectors on disk, in shards that are finished or not there at all.

A shard holds the vectors of the passages of one range of rows. Its name carries a fingerprint of the texts and
of the encoder, so that a shard is found again after a crash, in the next state of the corpus, and when only the
FAISS index is to be built anew, and is never taken for another.
"""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from ragqa import manifest
from ragqa.corpus.text import abstract_of, title_of
from ragqa.errors import ProductError
from ragqa.types import Document

ROWS_PER_SHARD = 1024
NumberedDocument = tuple[int, Document]


def ranges(batches: Iterable[Sequence[NumberedDocument]]) -> Iterator[tuple[int, list[NumberedDocument]]]:
    """The documents of each range of rows that has any, with the number of the range."""
    documents = (document for batch in batches for document in batch)
    for number, group in groupby(documents, key=lambda item: item[0] // ROWS_PER_SHARD):
        yield number, list(group)


def shard_name(number: int, documents: Sequence[NumberedDocument], encoding: str) -> str:
    """Name of the shard of ``documents``; ``encoding`` stands for the encoder and how texts are cut."""
    digest = hashlib.sha256(encoding.encode())
    for row, document in documents:
        for part in (str(row), title_of(document), abstract_of(document)):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part.encode("utf-8", "surrogatepass"))
    return f"{number:07d}-{digest.hexdigest()[:20]}"


def write_shard(folder: Path, name: str, rows: np.ndarray, vectors: np.ndarray) -> None:
    """Write a shard: ``rows`` int32 [n] and ``vectors`` [n, dim], kept as float16; the vectors last."""
    manifest.write_atomically(_rows_path(folder, name), _npy(rows.astype(np.int32)))
    manifest.write_atomically(_vectors_path(folder, name), _npy(vectors.astype(np.float16)))


def read_shard(folder: Path, name: str, remedy: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows int32 [n] and vectors float16 [n, dim] of a shard, the vectors memory-mapped.

    Raises
    ------
    ProductError
        The shard is missing or damaged.
    """
    try:
        rows: np.ndarray = np.load(_rows_path(folder, name))
        vectors: np.ndarray = np.load(_vectors_path(folder, name), mmap_mode="r" if len(rows) else None)
    except (OSError, ValueError, EOFError) as error:
        raise ProductError(
            f"the vectors {_vectors_path(folder, name)} are missing or damaged ({error}); {remedy}"
        ) from error
    if len(rows) != len(vectors):
        raise ProductError(f"the vectors {_vectors_path(folder, name)} do not fit their rows; {remedy}")
    return rows, vectors


def has_shard(folder: Path, name: str) -> bool:
    """Whether the shard is there, complete and readable."""
    try:
        read_shard(folder, name, "")
    except ProductError:
        return False
    return True


def take_shard(folder: Path, name: str, others: Sequence[Path]) -> bool:
    """Link the shard from one of the ``others`` folders into ``folder``, where one has it."""
    for other in others:
        if has_shard(other, name):
            for path in (_rows_path, _vectors_path):
                path(folder, name).unlink(missing_ok=True)
                os.link(path(other, name), path(folder, name))
            return True
    return False


def remove_all_but(folder: Path, names: Iterable[str]) -> None:
    """Remove every file of ``folder`` that belongs to none of the shards ``names``."""
    kept = {path(folder, name) for name in names for path in (_rows_path, _vectors_path)}
    for path in folder.iterdir():
        if path not in kept:
            path.unlink()


def _rows_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.rows.npy"


def _vectors_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.vectors.npy"


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
