"""Vectors that exist already: a folder of them, as NCBI publishes those of MedCPT's article encoder, or any like it.

Two forms are read. NCBI's has for each number K a matrix ``embeds_chunk_K.npy``, the ids of its rows
``pmids_chunk_K.json``, and perhaps ``pubmed_chunk_K.json``: what was encoded, ``{PMID: {"t": title, "a": abstract}}``.
The other is one matrix of any name, ``NAME.npy``, beside ``ids.json``, ``ids.txt`` (a line each) or ``ids.npy``.
Matrices are memory-mapped; of the ids, two integers each are kept.
"""

import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ragqa import manifest
from ragqa.corpus.arrays import read_npy
from ragqa.corpus.keys import document_keys
from ragqa.corpus.text import abstract_of, one_line, title_of
from ragqa.decoding import json_decoder
from ragqa.errors import SourceError
from ragqa.index.sketch import N_BYTES, alike, sketch
from ragqa.types import Document

_NCBI = re.compile(r"embeds_chunk_(\d+)\.npy")
_IDS = ("ids.json", "ids.txt", "ids.npy")
_DTYPES = ("float16", "float32", "float64")
_FORMS = (
    "a folder with embeds_chunk_K.npy and pmids_chunk_K.json for each K, or with one matrix NAME.npy and its ids in "
    f"{', '.join(_IDS[:-1])} or {_IDS[-1]}"
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A matrix, the file with the ids of its rows, and, where there is one, that with the texts."""

    matrix: Path
    ids: Path
    texts: Path | None = None


class GivenVectors:
    """The vectors in a folder, found by the ids of documents.

    ``fingerprint`` tells one folder's content from another's, ``n_vectors`` is how many rows there are, and
    ``n_repeated`` how many of them have an id that a later row has, too: the later one holds.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder.

        Raises
        ------
        SourceError
            It is in neither form, or a matrix and its ids do not fit each other.
        """
        self.folder = folder
        chunks = chunks_in(folder)
        self._matrices = [_matrix(chunk.matrix) for chunk in chunks]
        ids = [_read_ids(chunk.ids) for chunk in chunks]
        for chunk, matrix, own in zip(chunks, self._matrices, ids, strict=True):
            if len(matrix) != len(own):
                raise SourceError(
                    f"{chunk.matrix} has {len(matrix):,} rows, but {chunk.ids.name} has {len(own):,} ids; "
                    "they must be of one release: fetch both again"
                )
        dims = sorted({int(matrix.shape[1]) for matrix in self._matrices})
        if len(dims) > 1:
            raise SourceError(f"the matrices in {folder} have {dims} columns; all of one encoder have as many")
        self.dim = dims[0]
        self._starts = np.cumsum([0, *(len(own) for own in ids)])
        self.n_vectors = int(self._starts[-1])
        keys = np.concatenate([document_keys(own) for own in ids])
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self.n_repeated = int((self._keys[1:] == self._keys[:-1]).sum())
        self._chunks = chunks
        self._sketches: dict[int, np.ndarray] = {}
        self.fingerprint = manifest.content_hash([
            [chunk.matrix.name, chunk.matrix.stat().st_size, manifest.file_hash(chunk.ids)] for chunk in chunks
        ])  # fmt: skip

    def find(self, document_ids: Sequence[str]) -> np.ndarray:
        """The row of each document, counted through all matrices: int64 [n_ids], −1 where it has none."""
        if not self.n_vectors:
            return np.full(len(document_ids), -1, dtype=np.int64)
        wanted = document_keys(document_ids)
        places = np.maximum(np.searchsorted(self._keys, wanted, side="right") - 1, 0)
        return np.where(self._keys[places] == wanted, self._order[places], -1)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The vectors in some rows: float32 [n_rows, dim].

        Raises
        ------
        SourceError
            A value is no number, or too large for half precision, in which vectors are kept.
        """
        vectors = np.empty((len(rows), self.dim), dtype=np.float32)
        of_chunk = self._chunk_of(rows)
        for chunk in np.unique(of_chunk).tolist():
            own = np.flatnonzero(of_chunk == chunk)
            vectors[own] = self._matrices[chunk][rows[own] - self._starts[chunk]]
        sound = (np.abs(vectors) <= np.finfo(np.float16).max).all(axis=1)  # False for NaN
        if not sound.all():
            row, chunk = int(rows[~sound][0]), int(of_chunk[~sound][0])
            raise SourceError(
                f"row {row - self._starts[chunk]} of {self._chunks[chunk].matrix} is damaged: a value is no finite "
                "number of half precision; fetch or make that file again"
            )
        return vectors

    def superseded(self, rows: np.ndarray, documents: Sequence[Document]) -> np.ndarray:
        """Whether the text of each document is another than the one that was encoded, as far as the folder tells."""
        found = np.zeros(len(rows), dtype=bool)
        of_chunk = self._chunk_of(rows)
        for place, (row, chunk) in enumerate(zip(rows.tolist(), of_chunk.tolist(), strict=True)):
            if self._chunks[chunk].texts is not None:
                document = documents[place]
                now = sketch(f"{title_of(document)} {abstract_of(document)}")
                found[place] = not alike(self._sketches_of(chunk)[row - self._starts[chunk]], now)
        return found

    def _chunk_of(self, rows: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._starts, rows, side="right") - 1

    def _sketches_of(self, chunk: int) -> np.ndarray:
        """What identifies the texts of a matrix, made when first needed: uint8 [n_rows, N_BYTES]."""
        if chunk not in self._sketches:
            texts = _read_texts(self._chunks[chunk])
            made = np.zeros((len(self._matrices[chunk]), N_BYTES), dtype=np.uint8)
            for row, document_id in enumerate(_read_ids(self._chunks[chunk].ids)):
                made[row] = texts.get(document_id, 0)
            self._sketches[chunk] = made
        return self._sketches[chunk]


def chunks_in(folder: Path) -> list[Chunk]:
    """The matrices in a folder, in order, with their ids.

    Raises
    ------
    SourceError
        The folder is not there, or in neither form.
    """
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}; vectors are read from {_FORMS}")
    numbers = sorted(int(found[1]) for path in folder.iterdir() if (found := _NCBI.fullmatch(path.name)))
    if numbers:
        chunks = []
        for number in numbers:
            texts = folder / f"pubmed_chunk_{number}.json"
            ids = folder / f"pmids_chunk_{number}.json"
            chunks.append(Chunk(folder / f"embeds_chunk_{number}.npy", ids, texts if texts.is_file() else None))
    else:
        matrices = [path for path in sorted(folder.glob("*.npy")) if path.name not in _IDS]
        ids_files = [folder / name for name in _IDS if (folder / name).is_file()]
        if len(matrices) != 1 or len(ids_files) != 1:
            raise SourceError(
                f"{folder} has {len(matrices)} matrices and {len(ids_files)} files of ids; vectors are read from "
                f"{_FORMS}"
            )
        chunks = [Chunk(matrices[0], ids_files[0])]
    for chunk in chunks:
        if not chunk.ids.is_file():
            raise SourceError(f"{chunk.ids} is missing: it tells whose vectors {chunk.matrix.name} holds; fetch it")
    return chunks


def _matrix(path: Path) -> np.ndarray:
    try:
        matrix = read_npy(path, "r")
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise SourceError(f"{path} is no matrix, or was cut off ({one_line(str(error))}); fetch it again") from error
    if matrix.ndim != 2 or matrix.dtype.name not in _DTYPES or not matrix.shape[1]:
        raise SourceError(
            f"{path} holds {matrix.dtype.name} in the shape {list(matrix.shape)}; a matrix of {', '.join(_DTYPES)}, "
            "one row for each document, is needed"
        )
    return matrix


def _read_ids(path: Path) -> list[str]:
    try:
        if path.suffix == ".npy":
            ids = [str(item) for item in read_npy(path).tolist()]
        elif path.suffix == ".txt":
            ids = path.read_text(encoding="utf-8").split()
        else:
            ids = [str(item) for item in msgspec.json.decode(path.read_bytes(), type=list[int | str])]
    except (OSError, ValueError, EOFError, TypeError, SyntaxError) as error:
        raise SourceError(f"{path} is no list of ids ({one_line(str(error))}); fetch or make it again") from error
    if "" in ids:
        raise SourceError(f"{path} has an empty id at place {ids.index('')}; each row needs the id of its document")
    return ids


def _read_texts(chunk: Chunk) -> dict[str, np.ndarray]:
    """The sketch of each text that was encoded, by its id."""
    path: Any = chunk.texts
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            records = json_decoder(dict[str, _Encoded]).decode(data)
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path} cannot be read ({one_line(str(error))}); fetch it again, or remove it: then what has changed "
            "since is not told apart"
        ) from error
    return {document_id: sketch(f"{record.t or ''} {record.a or ''}") for document_id, record in records.items()}


class _Encoded(msgspec.Struct, gc=False):
    """Title and abstract as NCBI's files name them."""

    t: str | None = ""
    a: str | None = ""
