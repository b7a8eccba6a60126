"""Reads a built corpus: documents by row or id, all documents in order, and the rows that a filter allows."""

import dataclasses
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from ragqa.corpus.blocks import BlockReader
from ragqa.corpus.columns import Columns
from ragqa.corpus.dois import DoiColumn
from ragqa.corpus.ids import IdColumn
from ragqa.corpus.keys import document_keys
from ragqa.corpus.marks import RETRACTION, links_of, read_marks
from ragqa.corpus.state import (
    DEAD_FILE,
    PARTS_FOLDER,
    SCHEMA_VERSION,
    STATE_FILE,
    STATE_KEYS_FILE,
    STATE_ROWS_FILE,
    CorpusState,
    CurrentState,
    PartEntry,
    dead_rows,
    mapped,
    state_path,
)
from ragqa.errors import ProductError, UsageError
from ragqa.manifest import Hold, read_json, read_sealed
from ragqa.types import Document, Filter

if TYPE_CHECKING:
    from ragqa.corpus.mesh import Mesh

_TRIES = 20
_OPEN_PARTS = 64
"""Parts held open at a time; each takes two file descriptors."""


class DocumentStore:
    """The documents of a built corpus, on disk. Several threads may share a store.

    A row is the position of a document in the ordered list of parts. Rows of superseded and deleted documents
    exist but are dead: :meth:`find`, :meth:`scan` and :meth:`mask` leave them out. Memory grows with the corpus by one
    bit to one byte a row, by the ids of the parts of which hits were found (:mod:`ragqa.corpus.ids`), and by the
    columns that filters read and DOIs are looked for in (:mod:`ragqa.corpus.columns`, :mod:`ragqa.corpus.dois`).

    Attributes
    ----------
    folder
        The folder of the corpus.
    name
        Its name.
    state_hash
        Identifies the documents and which of them are live, whatever the place and time of the build.
    n_rows
        Number of rows, dead ones included.
    """

    def __init__(self, folder: Path, state: CorpusState, hold: Hold | None = None) -> None:
        self.folder = folder
        self._hold = hold
        self.name = state.name
        self.state_hash = state.state_hash
        self.n_rows = state.n_rows
        self._state = state
        self._remedy = f"build it again: ragqa corpus build {state.name}"
        self._parts = [folder / PARTS_FOLDER / entry.folder for entry in state.parts]
        self._starts = np.cumsum([0, *(entry.n_rows for entry in state.parts)], dtype=np.int64)
        self._open: OrderedDict[int, BlockReader] = OrderedDict()
        self._lock = Lock()
        self._columns = Columns(self._parts, self.n_rows, self._remedy)
        self._id_column = IdColumn(self._parts, self._starts, self._remedy)
        self._doi_column = DoiColumn(self._parts, self._starts, self._remedy)
        self._dead: np.ndarray | None = None
        self._marks: np.ndarray | None = None
        self._ids: tuple[np.ndarray, np.ndarray] | None = None
        self._mesh: Mesh | None = None

    @classmethod
    def open(cls, folder: Path, state_hash: str = "") -> Self:
        """Open a state of a corpus; it stays readable however often the corpus is updated meanwhile.

        Parameters
        ----------
        state_hash
            The state that an index was built from; "" for the one in force now.

        Raises
        ------
        ProductError
            There is no built corpus in the folder, or not that state of it, it is damaged, or a newer ragqa built it.
        """
        remedy = f"build it: ragqa corpus build {folder.name}"
        state, hold = _held_state(folder, state_hash, remedy)
        if state.schema_version != SCHEMA_VERSION:
            raise ProductError(
                f"the corpus {folder} has layout {state.schema_version}, this ragqa reads {SCHEMA_VERSION}; {remedy}"
            )
        missing = [name for name in state.names() if not (folder / PARTS_FOLDER / name).exists()]
        if missing or sum(entry.n_rows for entry in state.parts) != state.n_rows:
            what = f"{PARTS_FOLDER}/{missing[0]} is missing" if missing else "its rows do not add up"
            raise ProductError(f"the corpus {folder} is damaged: {what}; {remedy}")
        return cls(folder, state, hold)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._state.n_live

    @property
    def parts(self) -> tuple[PartEntry, ...]:
        """The parts of the state, in the order of their rows."""
        return self._state.parts

    @property
    def description(self) -> str:
        """What the recipe says about the corpus."""
        return self._state.description

    def read(self, rows: Sequence[int] | np.ndarray) -> list[Document]:
        """The documents in ``rows``, in the order given; dead rows too.

        What later notices say of a document (retraction, expression of concern, erratum) is among its ``links``, and it
        is ``retracted``, as if its own record said so.

        Raises
        ------
        UsageError
            A row does not exist.
        ProductError
            A file of the corpus is damaged.
        """
        wanted = self._checked(rows)
        part_of = np.searchsorted(self._starts, wanted, side="right") - 1
        found: dict[int, Document] = {}
        for part in np.unique(part_of).tolist():
            places = np.flatnonzero(part_of == part)
            documents = self._reader(part).read(wanted[places] - self._starts[part])
            found.update(zip(places.tolist(), documents, strict=True))
        return self._marked(wanted, [found[i] for i in range(len(wanted))])

    def ids(self, rows: Sequence[int] | np.ndarray) -> list[str]:
        """The ids of the documents in ``rows``, in the order given; far quicker than reading the documents.

        Raises
        ------
        UsageError
            A row does not exist.
        ProductError
            A file of the corpus is damaged.
        """
        return self._id_column.of(self._checked(rows))

    def find(self, document_ids: Sequence[str]) -> np.ndarray:
        """The rows of live documents: int64 [n_ids], −1 where an id is unknown or its document is dead."""
        keys, rows = self._live_ids()
        if not len(keys):
            return np.full(len(document_ids), -1, dtype=np.int64)
        wanted = document_keys(document_ids)
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[places] == wanted, rows[places], -1)

    def with_doi(self, doi: str) -> Document | None:
        """The live document with a DOI, whatever the case of its letters; None where there is none."""
        rows = self._doi_column.rows([doi])[0]
        live = self.read(rows[~self.dead_rows()[rows]])
        return next((document for document in live if document.doi.lower() == doi.lower()), None)

    def get(self, document_id: str) -> Document:
        """The live document with an id.

        Raises
        ------
        UsageError
            There is none.
        """
        row = int(self.find([document_id])[0])
        if row < 0:
            raise UsageError(
                f"the corpus {self.name} has no document {document_id!r}; it holds {len(self)} documents, "
                "and a withdrawn one is gone"
            )
        document = self.read([row])[0]
        if document.id != document_id:
            raise ProductError(
                f"the ids of the corpus {self.name} are damaged: {document_id!r} leads to {document.id!r}; "
                f"{self._remedy}"
            )
        return document

    def scan(self, batch_size: int = 1024, rows: tuple[int, int] | None = None) -> Iterator[list[tuple[int, Document]]]:
        """Live documents in the order of their rows, as batches of ``(row, document)``, read as they are used.

        They are as their own records say, whatever later notices say of them.

        ``rows`` are the first row and the one after the last; None scans all.
        """
        dead = self.dead_rows()
        first, end = (0, self.n_rows) if rows is None else rows
        batch: list[tuple[int, Document]] = []
        for part, path in enumerate(self._parts):
            start, stop = int(self._starts[part]), int(self._starts[part + 1])
            if stop <= first or start >= end:
                continue
            begin = max(first, start)
            with BlockReader(path, self._remedy) as reader:
                for row, document in enumerate(reader.scan(begin - start, min(end, stop) - start), start=begin):
                    if dead[row]:
                        continue
                    batch.append((row, document))
                    if len(batch) == batch_size:
                        yield batch
                        batch = []
        if batch:
            yield batch

    def dead_rows(self) -> np.ndarray:
        """The rows that are superseded or deleted: bool [n_rows], which must not be changed."""
        if self._dead is None:
            folder = self.folder / PARTS_FOLDER / self._state.rows_folder
            dead = dead_rows(folder, self.n_rows, self._remedy)
            if int(np.count_nonzero(dead)) != self.n_rows - len(self):
                raise ProductError(f"{folder / DEAD_FILE} is damaged: its count is wrong; {self._remedy}")
            self._dead = dead
        return self._dead

    def mask(self, allowed: Filter) -> np.ndarray:
        """The live rows that the filter allows, MeSH headings taken literally: bool [n_rows].

        Raises
        ------
        ProductError
            A Parquet part is missing or damaged.
        """
        rows: np.ndarray = self._columns.allowed(allowed) & ~self.dead_rows()
        if allowed.not_retracted:
            rows[self.retracted_by_notice()] = False
        return rows

    def n_allowed(self, allowed: Filter) -> int:
        """How many live rows the filter allows; see :meth:`mask`."""
        return int(np.count_nonzero(self.mask(allowed)))

    def names(self, column: str) -> dict[str, int]:
        """How many rows, dead ones included, have each name of ``mesh``, ``publication_types``, ``journal`` …

        Raises
        ------
        ProductError
            A Parquet part is missing or damaged.
        """
        return self._columns.names(column)

    def newest_date(self) -> str:
        """The latest date of publication, ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; "" where the documents tell none."""
        return self._columns.newest_date()

    def retracted_by_notice(self) -> np.ndarray:
        """The live rows that were retracted, though their own records do not say so: int64 [n], ascending."""
        marks = self._notices()
        rows: np.ndarray = np.unique(marks["row"][marks["kind"] == RETRACTION])
        return rows

    def mesh(self) -> "Mesh | None":
        """The headings of MeSH that the corpus keeps, or None where its recipe names none.

        Raises
        ------
        ProductError
            Their file is missing or damaged.
        """
        from ragqa.corpus.mesh_files import open_kept_mesh

        if self._mesh is None and self._state.mesh:
            self._mesh = open_kept_mesh(self.folder / PARTS_FOLDER / self._state.mesh, self._remedy)
        return self._mesh

    def close(self) -> None:
        """Close all files; the store must not be used afterwards."""
        with self._lock:
            for reader in self._open.values():
                reader.close()
            self._open.clear()
        self._ids = None
        if self._hold is not None:
            self._hold.release()

    def _notices(self) -> np.ndarray:
        if self._marks is None:
            self._marks = read_marks(self.folder / PARTS_FOLDER / self._state.rows_folder, self.n_rows, self._remedy)
        return self._marks

    def _marked(self, rows: np.ndarray, documents: list[Document]) -> list[Document]:
        """The documents with what notices say of them."""
        marks = self._notices()
        if not len(marks):
            return documents
        begins, ends = (np.searchsorted(marks["row"], rows, side=side) for side in ("left", "right"))
        for place in np.flatnonzero(begins < ends).tolist():
            told = marks[begins[place] : ends[place]]
            links = links_of(list(zip(told["kind"].tolist(), self.ids(told["notice"]), strict=True)))
            document = documents[place]
            retracted = document.retracted or bool((told["kind"] == RETRACTION).any())
            documents[place] = dataclasses.replace(document, links=(*document.links, *links), retracted=retracted)
        return documents

    def _checked(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        wanted = np.asarray(rows, dtype=np.int64)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < self.n_rows:
            raise UsageError(f"row {wanted.min()}…{wanted.max()} is out of range; {self.name} has {self.n_rows} rows")
        return wanted

    def _reader(self, part: int) -> BlockReader:
        with self._lock:
            if part not in self._open:
                self._open[part] = BlockReader(self._parts[part], self._remedy)
            self._open.move_to_end(part)
            if len(self._open) > _OPEN_PARTS:
                # Dropped, not closed: another thread may be reading; the last holder closes it.
                self._open.popitem(last=False)
            return self._open[part]

    def _live_ids(self) -> tuple[np.ndarray, np.ndarray]:
        if self._ids is None:
            folder = self.folder / PARTS_FOLDER / self._state.rows_folder
            self._ids = (self._mapped(folder / STATE_KEYS_FILE, "<u8"), self._mapped(folder / STATE_ROWS_FILE, "<i8"))
        return self._ids

    def _mapped(self, path: Path, kind: str) -> np.ndarray:
        try:
            size = path.stat().st_size
            if size != 8 * len(self):
                raise ProductError(f"{path} is damaged: {size} bytes instead of {8 * len(self)}; {self._remedy}")
            return mapped(path, kind)
        except OSError as error:
            raise ProductError(f"{path} is missing ({error.strerror}); {self._remedy}") from error


def _held_state(folder: Path, state_hash: str, remedy: str) -> tuple[CorpusState, Hold]:
    """A state, held so that no build removes what it needs."""
    reason = "it is replaced again and again"
    for _ in range(_TRIES):
        wanted = state_hash or read_json(folder / STATE_FILE, CurrentState, remedy).state_hash
        path = state_path(folder, wanted)
        try:
            hold = Hold(path)
        except OSError as error:
            # Between reading which state is in force and taking hold of it, a build may have replaced it.
            reason = error.strerror or str(error)
            time.sleep(0.01)
            continue
        state = read_sealed(path, CorpusState, remedy)
        if hold.is_on(path):
            return state, hold
        hold.release()
    raise ProductError(f"the corpus {folder} has no state {wanted[:12]} ({reason}); {remedy}")
