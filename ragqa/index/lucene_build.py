"""Documents → a Lucene index.

Each thread fills an index of its own, in the order in which it takes batches; at the end they are put together,
with few segments. So the Lucene number of every document is known here, without asking Java for it, and is mapped to
the row in the document store by a plain array, ``rows.npy``.

The index holds postings with frequencies (no positions), lengths, and the filter tokens; no text.
"""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragqa import manifest
from ragqa.corpus.text import abstract_of, title_of
from ragqa.errors import BackendError, ProductError, RecipeError
from ragqa.index import lucene_java as java
from ragqa.index.filter_tokens import filter_tokens
from ragqa.index.java import jnius_error, start_jvm
from ragqa.recipe import Bm25Settings
from ragqa.types import Document, Progress

LUCENE_FOLDER = "lucene"
ROWS_FILE = "rows.npy"
LAYOUT_FILE = "layout.json"
FILTER_FIELD = "filters"
LAYOUT_VERSION = 1

_MAX_SEGMENTS = 4
"""Merging two into one makes searches about a tenth faster, and a build longer by a tenth to a fifth."""

_SEPARATOR = "\x1e"
"""Stands between the values handed to Java in one text; white space to every analyzer, so a text loses nothing."""

_TEXT_OF: dict[str, Callable[[Document], str]] = {
    "contents": lambda document: f"{title_of(document)} {abstract_of(document)}",
    "title": title_of,
    "abstract": abstract_of,
    "mesh": lambda document: " . ".join(heading.name for heading in document.mesh),
    "keywords": lambda document: " . ".join(document.keywords),
}

Batch = Sequence[tuple[int, Document]]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a built index contains: the names of its fields and the number of its documents."""

    version: int
    fields: tuple[str, ...]
    n_documents: int


def build_lucene(
    documents: Iterable[Batch],
    folder: Path,
    settings: Bm25Settings,
    *,
    threads: int = 0,
    total: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Index documents for :class:`ragqa.index.lucene.LuceneIndex`.

    Parameters
    ----------
    documents
        Batches of ``(row, document)``, as :meth:`ragqa.corpus.store.DocumentStore.scan` yields them.
    folder
        Where the index goes. Its content is removed first: it may be left over from a killed build. It is
        complete when this function returns.
    settings
        Only the names of ``fields`` matter here; ``k1``, ``b`` and the boosts are applied when searching.
    threads
        Number of threads; 0 takes as many as this process may use processors, at most 16.
    total, progress
        Number of documents, where it is known, and what to call as they are indexed.

    Raises
    ------
    BackendError
        No Java, or not enough memory for it.
    OSError
        The disk is full.
    """
    fields = field_names(settings)
    start_jvm()
    for path in folder.iterdir() if folder.exists() else ():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    parts = folder / "parts"
    parts.mkdir(parents=True)
    n_threads = threads or min(n_processors(), 16)
    work = _Work(iter(documents), total, progress)
    indexers = [_Indexer(parts / str(i), fields, n_threads, work) for i in range(n_threads)]
    _run(indexers, work)
    rows = np.concatenate([np.array(indexer.rows, dtype=np.int64) for indexer in indexers])
    try:
        _merge([indexer.folder for indexer in indexers if indexer.rows], folder / LUCENE_FOLDER)
    except jnius_error() as error:
        raise explained(error) from error
    shutil.rmtree(parts)
    np.save(folder / ROWS_FILE, rows)
    manifest.write_json(folder / LAYOUT_FILE, Layout(LAYOUT_VERSION, fields, len(rows)))


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
    """The texts of the fields of a document, in order."""
    return [_TEXT_OF[name](document) for name in fields]


def explained(error: Exception) -> Exception:
    """Java's exception as one of ours, or as an OSError where the disk is full."""
    kind, message = getattr(error, "classname", None) or "", getattr(error, "innermessage", None) or str(error)
    if "No space left" in message:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "OutOfMemory" in kind or "OutOfMemory" in message:
        return BackendError(f"Java ran out of memory ({message}); give it more, for example RAGQA_JAVA_HEAP=4g")
    return BackendError(f"Lucene failed: {kind.rpartition('.')[2]}: {message.splitlines()[0] if message else ''}")


class _Work:
    """The batches, handed out to threads one at a time, and whether to stop."""

    def __init__(self, batches: Iterator[Batch], total: int | None, progress: Progress | None) -> None:
        self._batches = batches
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()
        self.failure: BaseException | None = None

    def take(self) -> Batch | None:
        with self._lock:
            return None if self.failure is not None else next(self._batches, None)

    def finished(self, n_documents: int) -> None:
        with self._lock:
            self._done += n_documents
            if self._progress is not None:
                self._progress("bm25", self._done, self._total)


class _Indexer:
    """Writes the batches that it takes into a Lucene index of its own; runs in one thread.

    Lucene's document and fields are made once and filled again for each document. The loop over the documents of
    a batch is a Java function: the values come as one text, are split, and fill the fields in turn.
    """

    def __init__(self, folder: Path, fields: Sequence[str], n_threads: int, work: _Work) -> None:
        self.folder = folder
        self.rows: list[int] = []
        self._fields = fields
        self._work = work
        self._writer = java.new(
            _WRITER, f"(L{_DIRECTORY};L{_CONFIG};)V", open_folder(folder), _writer_config(n_threads)
        )
        self._add_all = java.function(_adder(self._writer, fields))

    def run(self) -> None:
        """Index until no batch is left, or another thread failed."""
        import jnius

        try:
            while (batch := self._work.take()) is not None:
                values: list[str] = []
                for _, document in batch:
                    values += field_texts(document, self._fields)
                    values.append(" ".join(filter_tokens(document)))
                if values:
                    self._add_all(joined(values))
                self.rows += [row for row, _ in batch]
                self._work.finished(len(batch))
        except jnius.JavaException as error:
            self._work.failure = explained(error)
        except BaseException as error:  # noqa: BLE001 (raised again in the calling thread)
            self._work.failure = error
        finally:
            jnius.detach()

    def close(self) -> None:
        """Commit, and check that Lucene holds exactly the documents handed to it."""
        stats = java.chain(
            java.virtual(_WRITER, "getDocStats", f"()L{_WRITER}$DocStats;"),
            java.getter(f"{_WRITER}$DocStats", "numDocs", "()I"),
        )
        n_documents = java.call(stats, self._writer)
        java.call(java.virtual(_WRITER, "close", "()V"), self._writer)
        if n_documents != len(self.rows):
            raise ProductError(f"Lucene holds {n_documents} documents of {len(self.rows)}; build the index again")

    def abandon(self) -> None:
        """Drop what was written."""
        java.call(java.virtual(_WRITER, "rollback", "()V"), self._writer)


def joined(values: Sequence[str]) -> str:
    """The values as one text for Java: separated, and without lone surrogates, which Java cannot be handed."""
    text = _SEPARATOR.join([value.replace(_SEPARATOR, " ") for value in values])
    if not text.isascii():
        try:
            text.encode("utf-16-le")
        except UnicodeEncodeError:
            text = text.encode("utf-16-le", "replace").decode("utf-16-le")
    return text


def splitter() -> java.Handle:
    """(String) → String[]: the values that :func:`joined` put together."""
    split = java.virtual("java/lang/String", "split", "(Ljava/lang/String;I)[Ljava/lang/String;")
    return java.bind(split, 1, _SEPARATOR, -1)


def open_folder(folder: Path) -> Any:
    """A Lucene directory on a folder."""
    path = java.new("java/io/File", "(Ljava/lang/String;)V", str(folder))
    to_path = java.virtual("java/io/File", "toPath", "()Ljava/nio/file/Path;")
    open_path = java.static(_FS_DIRECTORY, "open", f"(Ljava/nio/file/Path;)L{_FS_DIRECTORY};")
    return java.call(java.chain(to_path, open_path), path)


def english_analyzer() -> Any:
    """Anserini's analyzer: Lucene's tokenizer and stop words, lower case, possessives removed, Porter's stemmer."""
    name = "io/anserini/analysis/DefaultEnglishAnalyzer"
    return java.call(java.static(name, "newDefaultInstance", f"()L{name};"))


def _run(indexers: Sequence[_Indexer], work: _Work) -> None:
    """Let the indexers work, each in a thread; after a failure or CTRL-C stop them all and raise it."""
    workers = [threading.Thread(target=indexer.run, name=f"lucene-{i}") for i, indexer in enumerate(indexers)]
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


def _merge(sources: Sequence[Path], target: Path) -> None:
    """Put indexes together, in at most _MAX_SEGMENTS segments; the documents keep their order."""
    writer = java.new(_WRITER, f"(L{_DIRECTORY};L{_CONFIG};)V", open_folder(target), _writer_config(1))
    if sources:
        add = java.virtual(_WRITER, "addIndexes", f"([L{_DIRECTORY};)J")
        java.call(add, writer, *[open_folder(source) for source in sources])
        java.call(java.virtual(_WRITER, "forceMerge", "(I)V"), writer, _MAX_SEGMENTS)
    java.call(java.virtual(_WRITER, "close", "()V"), writer)


def _writer_config(n_threads: int) -> Any:
    analyzers = java.new("java/util/HashMap", "()V")
    put = java.virtual("java/util/HashMap", "put", "(Ljava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;")
    java.call(
        put, analyzers, FILTER_FIELD, java.new("org/apache/lucene/analysis/core/WhitespaceAnalyzer", "(I)V", 4096)
    )
    analyzer = java.new(
        "org/apache/lucene/analysis/miscellaneous/PerFieldAnalyzerWrapper",
        "(Lorg/apache/lucene/analysis/Analyzer;Ljava/util/Map;)V",
        english_analyzer(),
        analyzers,
    )
    config = java.new(_CONFIG, "(Lorg/apache/lucene/analysis/Analyzer;)V", analyzer)
    heap = java.chain(
        java.static("java/lang/Runtime", "getRuntime", "()Ljava/lang/Runtime;"),
        java.virtual("java/lang/Runtime", "maxMemory", "()J"),
    )
    buffer_mb = min(512.0, java.call(heap) / 2**20 / 4 / n_threads)
    for name, kind, value in (
        ("setRAMBufferSizeMB", "D", buffer_mb),
        ("setUseCompoundFile", "Z", False),
        # This policy merges neighbours only, so that documents keep their order.
        ("setMergePolicy", "Lorg/apache/lucene/index/MergePolicy;", java.new(_MERGE_POLICY, "()V")),
    ):
        java.call_method(config, _CONFIG, name, f"({kind})L{_CONFIG};", value)
    return config


def _adder(writer: Any, fields: Sequence[str]) -> java.Handle:
    """(String) → void: fills the fields with the values of each document in turn and adds it to the index."""
    document = java.new("org/apache/lucene/document/Document", "()V")
    fill = java.virtual(_FIELD, "setStringValue", "(Ljava/lang/String;)V")
    add_field = java.virtual(
        "org/apache/lucene/document/Document", "add", "(Lorg/apache/lucene/index/IndexableField;)V"
    )
    iterator = "java/util/Iterator"
    following = java.cast(java.virtual(iterator, "next", "()Ljava/lang/Object;"), f"(L{iterator};)Ljava/lang/String;")
    add = java.bind(java.virtual(_WRITER, "addDocument", "(Ljava/lang/Iterable;)J"), 0, writer, document)
    body = java.ignoring(java.cast(add, "()V"), iterator)
    for name in (FILTER_FIELD, *reversed(fields)):
        field = _field(name)
        java.call(add_field, document, field)
        body = java.first_do(java.chain(following, java.bind(fill, 0, field)), body)
    loop = java.while_loop(java.virtual(iterator, "hasNext", "()Z"), body)
    as_list = java.fixed(java.static("java/util/Arrays", "asList", "([Ljava/lang/Object;)Ljava/util/List;"))
    return java.chain(
        splitter(),
        java.cast(as_list, "([Ljava/lang/String;)Ljava/util/List;"),
        java.virtual("java/util/List", "iterator", f"()L{iterator};"),
        loop,
    )


def _field(name: str) -> Any:
    kind = java.new("org/apache/lucene/document/FieldType", "()V")
    options = "DOCS" if name == FILTER_FIELD else "DOCS_AND_FREQS"
    index_options = java.enum_value("org/apache/lucene/index/IndexOptions", options)
    owner = "org/apache/lucene/document/FieldType"
    java.call_method(kind, owner, "setIndexOptions", "(Lorg/apache/lucene/index/IndexOptions;)V", index_options)
    java.call_method(kind, owner, "setTokenized", "(Z)V", True)
    java.call_method(kind, owner, "setOmitNorms", "(Z)V", name == FILTER_FIELD)
    java.call_method(kind, owner, "freeze", "()V")
    signature = "(Ljava/lang/String;Ljava/lang/CharSequence;Lorg/apache/lucene/index/IndexableFieldType;)V"
    return java.new(_FIELD, signature, name, "", kind)


def n_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_WRITER = "org/apache/lucene/index/IndexWriter"
_CONFIG = "org/apache/lucene/index/IndexWriterConfig"
_DIRECTORY = "org/apache/lucene/store/Directory"
_FS_DIRECTORY = "org/apache/lucene/store/FSDirectory"
_MERGE_POLICY = "org/apache/lucene/index/LogDocMergePolicy"
_FIELD = "org/apache/lucene/document/Field"
