"""Documents → a Lucene index, and several into one.

Each thread fills an index of its own with consecutive rows; at the end they are put together in order. So documents
are numbered in the order of their rows, ``rows.npy`` holds the row of each number, and equal scores come in the order
of rows by themselves.
"""

import errno
import os
import shutil
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragqa import manifest
from ragqa.corpus.scripts import on_the_line
from ragqa.corpus.text import abstract_of, title_of
from ragqa.errors import BackendError, ProductError, RecipeError
from ragqa.index.filter_tokens import filter_tokens
from ragqa.index.java import jnius_error, static_methods
from ragqa.index.segments import Placed, checked_array
from ragqa.recipe import Bm25Settings
from ragqa.types import Document

LUCENE_FOLDER = "lucene"
ROWS_FILE = "rows.npy"
LAYOUT_FILE = "layout.json"
LAYOUT_VERSION = 2

_MAX_SEGMENTS, _DOCUMENTS_OF_ONE = 4, 250_000
"""Of how many of Lucene's segments an index may consist, and how many documents one holds before there is another.
Merging two into one makes searches about a tenth faster, and a build longer by a tenth to a fifth; but an update adds
many small indexes, and each of Lucene's segments costs every search some .02 ms."""

SEPARATOR = "\x1e"
"""Stands between the values handed to Java in one text; white space to every analyzer, so a text loses nothing."""

_TEXT_OF: dict[str, Callable[[Document], str]] = {
    "contents": lambda document: f"{title_of(document)} {abstract_of(document)}",
    "title": title_of,
    "abstract": abstract_of,
    "mesh": lambda document: " . ".join(heading.name for heading in document.mesh),
    "keywords": lambda document: " . ".join(document.keywords),
    "chemicals": lambda document: " . ".join(chemical.name for chemical in document.chemicals),
    "supplementary_concepts": lambda document: " . ".join(c.name for c in document.supplementary_concepts),
    "accessions": lambda document: " . ".join(accession.number for accession in document.accessions),
}

Batch = Sequence[tuple[int, Document]]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a built index contains: the names of its fields and the number of its documents."""

    version: int
    fields: tuple[str, ...]
    n_documents: int


def build_lucene(
    pieces: Sequence[Iterable[Batch]],
    folder: Path,
    settings: Bm25Settings,
    *,
    first_row: int = 0,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Index documents for :class:`ragqa.index.lucene.LuceneIndex`.

    Parameters
    ----------
    pieces
        Batches of ``(row, document)``, as :meth:`ragqa.corpus.store.DocumentStore.scan` yields them; each piece is
        indexed by a thread of its own. Rows ascend within a piece and from piece to piece.
    folder
        Where the index goes. Its content is removed first: it may be left over from a killed build. It is
        complete when this function returns.
    settings
        Only the names of ``fields`` matter here; ``k1``, ``b`` and the boosts are applied when searching.
    first_row
        The row that is number 0 in ``rows.npy``.
    progress
        Called with the number of documents of each batch.

    Raises
    ------
    BackendError
        No Java, or not enough memory for it.
    OSError
        The disk is full.
    """
    fields = field_names(settings)
    java = writer_class()
    _clear(folder)
    parts = folder / "parts"
    parts.mkdir(parents=True)
    work = _Work(progress)
    indexers = [_Indexer(java, parts / str(i), fields, len(pieces), work) for i in range(len(pieces))]
    _run(indexers, [iter(piece) for piece in pieces], work)
    rows = [np.array(indexer.rows, dtype=np.int64) for indexer in indexers]
    own = np.concatenate(rows) - first_row if rows else np.empty(0, np.int64)
    filled = [indexer.folder for indexer in indexers if indexer.rows]
    _merge(filled, np.empty(0, bool), len(own), folder / LUCENE_FOLDER)
    shutil.rmtree(parts)
    _finish(folder, fields, own)


def merge_lucene(sources: Sequence[Placed], folder: Path, *, first_row: int = 0) -> None:
    """Put the indexes of consecutive ranges of rows together in ``folder``, without their dead documents.

    The result is the same as an index that was built from the live documents at once.
    """
    _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    layouts = [manifest.read_json(source.folder / LAYOUT_FILE, Layout, source.remedy) for source in sources]
    rows = [read_rows(source) for source in sources]
    dead = np.concatenate([source.dead[own] for source, own in zip(sources, rows, strict=True)])
    absolute = np.concatenate([own + source.first_row for source, own in zip(sources, rows, strict=True)])
    live = absolute[~dead] - first_row
    _merge([source.folder / LUCENE_FOLDER for source in sources], dead, len(live), folder / LUCENE_FOLDER)
    _finish(folder, layouts[0].fields, live)


def read_rows(segment: Placed) -> np.ndarray:
    """The row of each document of a segment, counted from the segment's first: int64 [n_documents], ascending."""
    path = segment.folder / ROWS_FILE
    rows = checked_array(segment, ROWS_FILE)
    if len(rows) and not (rows[0] >= 0 and rows[-1] < len(segment.dead) and (rows[1:] > rows[:-1]).all()):
        raise ProductError(f"{path} is damaged: its rows are out of range or order; {segment.remedy}")
    return rows


def field_names(settings: Bm25Settings) -> tuple[str, ...]:
    """The fields that a recipe names, in order.

    Raises
    ------
    RecipeError
        There is none, or one is unknown, or all boosts are 0.
    """
    unknown = [name for name in settings.fields if name not in _TEXT_OF]
    if unknown or not any(settings.fields.values()):
        raise RecipeError(
            f"bm25.fields = {settings.fields}: name at least one field with a boost above 0; "
            f"known: {', '.join(_TEXT_OF)}"
        )
    return tuple(sorted(settings.fields))


def field_texts(document: Document, fields: Sequence[str]) -> list[str]:
    """The texts of the fields of a document, in order, as they are searched: see :mod:`ragqa.corpus.scripts`."""
    return [on_the_line(_TEXT_OF[name](document)) for name in fields]


def explained(error: Exception) -> Exception:
    """Java's exception as one of ours, or as an OSError where the disk is full."""
    kind, message = getattr(error, "classname", None) or "", getattr(error, "innermessage", None) or str(error)
    if "No space left" in message:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "Read-only file system" in message:
        return OSError(errno.EROFS, os.strerror(errno.EROFS))
    if "OutOfMemory" in kind or "OutOfMemory" in message:
        return BackendError(f"Java ran out of memory ({message}); give it more, for example RAGQA_JAVA_HEAP=4g")
    return BackendError(f"Lucene failed: {kind.rpartition('.')[2]}: {message.splitlines()[0] if message else ''}")


def joined(values: Sequence[str]) -> str:
    """The values as one text for Java: separated, and without lone surrogates, which Java cannot be handed."""
    text = SEPARATOR.join([value.replace(SEPARATOR, " ") for value in values])
    if not text.isascii():
        try:
            text.encode("utf-16-le")
        except UnicodeEncodeError:
            text = text.encode("utf-16-le", "replace").decode("utf-16-le")
    return text


def writer_class() -> Any:
    """The class ``ragqa.Writer`` (``jar/Writer.java``)."""
    return static_methods(
        "ragqa/Writer",
        create="(Ljava/lang/String;Ljava/lang/String;I)Lragqa/Writer;",
        add="(Lragqa/Writer;Ljava/lang/String;)V",
        close="(Lragqa/Writer;)I",
        abandon="(Lragqa/Writer;)V",
        merge="(Ljava/lang/String;[BLjava/lang/String;I)I",
    )


def packed(dead: np.ndarray) -> bytes:
    """Flags as Java takes them: one bit each, lowest bit first; b"" where none is set."""
    return np.packbits(dead, bitorder="little").tobytes() if dead.any() else b""


class _Work:
    """What the threads have in common: who is told of their progress, and whether to stop."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self.failure: BaseException | None = None

    def finished(self, n_documents: int) -> None:
        with self._lock:
            if self._progress is not None:
                self._progress(n_documents)


class _Indexer:
    """Writes batches into a Lucene index of its own; runs in one thread."""

    def __init__(self, java: Any, folder: Path, fields: Sequence[str], n_at_once: int, work: _Work) -> None:
        self.folder = folder
        self.rows = array("q")
        self._java = java
        self._fields = fields
        self._work = work
        try:
            self._writer = java.create(str(folder), joined(fields), n_at_once)
        except jnius_error() as error:
            raise explained(error) from error

    def run(self, batches: Iterator[Batch]) -> None:
        """Index until no batch is left, or another thread failed."""
        import jnius

        try:
            while self._work.failure is None and (batch := next(batches, None)) is not None:
                values: list[str] = []
                for _, document in batch:
                    values += field_texts(document, self._fields)
                    values.append(" ".join(filter_tokens(document)))
                if values:
                    self._java.add(self._writer, joined(values))
                self.rows.extend(row for row, _ in batch)
                self._work.finished(len(batch))
        except jnius.JavaException as error:
            self._work.failure = explained(error)
        except BaseException as error:  # noqa: BLE001 (raised again in the calling thread)
            self._work.failure = error
        finally:
            jnius.detach()

    def close(self) -> None:
        """Commit, and check that Lucene holds exactly the documents handed to it."""
        try:
            n_documents = self._java.close(self._writer)
        except jnius_error() as error:
            raise explained(error) from error
        if n_documents != len(self.rows):
            raise ProductError(f"Lucene holds {n_documents} documents of {len(self.rows)}; build the index again")

    def abandon(self) -> None:
        """Drop what was written."""
        self._java.abandon(self._writer)


def _run(indexers: Sequence[_Indexer], pieces: Sequence[Iterator[Batch]], work: _Work) -> None:
    """Let the indexers work, each in a thread; after a failure or CTRL-C stop them all and raise it."""
    workers = [
        threading.Thread(target=indexer.run, args=(piece,), name=f"lucene-{i}")
        for i, (indexer, piece) in enumerate(zip(indexers, pieces, strict=True))
    ]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except BaseException as error:
        work.failure = error
        for worker in workers:
            worker.join()
        raise
    finally:
        if work.failure is not None:
            for indexer in indexers:
                indexer.abandon()
    if work.failure is not None:
        raise work.failure
    for indexer in indexers:
        indexer.close()


def _merge(sources: Sequence[Path], dead: np.ndarray, n_documents: int, target: Path) -> None:
    """Put indexes together, in few of Lucene's segments; the ``n_documents`` live documents keep their order."""
    java = writer_class()
    n_segments = min(_MAX_SEGMENTS, 1 + n_documents // _DOCUMENTS_OF_ONE)
    try:
        if not sources:
            java.close(java.create(str(target), "", 1))
            return
        n_merged = java.merge(joined([str(path) for path in sources]), packed(dead), str(target), n_segments)
    except jnius_error() as error:
        raise explained(error) from error
    if n_merged != n_documents:
        raise ProductError(f"Lucene holds {n_merged} documents of {n_documents}; build the index again")


def _finish(folder: Path, fields: tuple[str, ...], rows: np.ndarray) -> None:
    with (folder / ROWS_FILE).open("wb") as file:
        np.save(file, rows)
        file.flush()
        os.fsync(file.fileno())
    manifest.write_json(folder / LAYOUT_FILE, Layout(LAYOUT_VERSION, fields, len(rows)))


def _clear(folder: Path) -> None:
    for path in folder.iterdir() if folder.exists() else ():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
