"""What makes the segments of each engine from the documents of a corpus."""

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from ragqa.cores import n_cores
from ragqa.corpus.store import DocumentStore
from ragqa.index.forms import form_hash, forms
from ragqa.index.memory import Shares, left_for_faiss
from ragqa.index.pieces import Making, Pieces
from ragqa.index.presets import teacher_of
from ragqa.index.segments import Placed, Span, checked_array
from ragqa.manifest import read_json
from ragqa.recipe import Bm25Settings, DenseSettings, Recipe
from ragqa.types import Progress, no_progress

if TYPE_CHECKING:
    from ragqa.index.dense_build import Batches
    from ragqa.index.encoding import Encoding
    from ragqa.index.given import GivenVectors

_SAMPLE = 32  # documents on which exported encoders are compared with the originals


Ahead = Callable[["Encoding", "Batches", int, Progress], None]
"""Puts the vectors of documents into the store of an encoding; told also how many documents there are."""


class VectorSource(NamedTuple):
    """Vectors that exist already: the folder, its fingerprint ("" where there was none), and what an update does.

    ``encode_new`` says whether documents without a vector are encoded even where the recipe leaves them out, ``ahead``
    encodes elsewhere what is new, before a segment is built. ``memory_bytes`` is what the whole process may take; None:
    what is free.
    """

    given: "GivenVectors | None" = None
    fingerprint: str = ""
    encode_new: bool = False
    ahead: Ahead | None = None
    memory_bytes: int | None = None


class Bm25Builder:
    """Segments of Lucene or rank-bm25; ``shares`` are those of the memory."""

    kind = "bm25"

    def __init__(  # noqa: PLR0917
        self,
        settings: Bm25Settings,
        form: str,
        store: DocumentStore,
        progress: Progress | None,
        shares: Shares,
        pieces: Pieces | None = None,
    ) -> None:
        self.form = form
        self._shares = shares
        self._settings = settings
        self._store = store
        self._progress = progress
        self._pieces = pieces if settings.engine == "lucene" else None
        self._making = Making(self.kind, form, partial(write_words, settings), join_words)

    def begin(self, spans: Sequence[Span]) -> None:
        """Let other machines index, where there are any; rank-bm25 is for what one of them does in no time."""
        if self._pieces is not None:
            self._pieces.make(self._making, spans, self._progress)

    def build(self, span: Span, folder: Path) -> None:
        """Index the live documents of ``span``."""
        if self._pieces is not None:
            self._pieces.take(self._making, span, folder)
            return
        n_documents = _n_live(self._store, span)
        n_done = 0

        def done(n: int) -> None:
            nonlocal n_done
            n_done += n
            if self._progress is not None:
                self._progress("bm25", n_done, n_documents)

        if self._settings.engine == "lucene":
            from ragqa.index.java import start_jvm
            from ragqa.index.lucene_build import build_lucene

            start_jvm(self._shares.heap)
            n_pieces = min(n_cores(), self._shares.n_readers)
            edges = np.linspace(span.first_row, span.end_row, n_pieces + 1).astype(int).tolist()
            pieces = [self._store.scan(rows=edge) for edge in itertools.pairwise(edges)]
            build_lucene(pieces, folder, self._settings, first_row=span.first_row, progress=done)
        else:
            from ragqa.index.rank_bm25 import build_rank_bm25

            documents = self._store.scan(rows=(span.first_row, span.end_row))
            build_rank_bm25(documents, folder, self._settings, first_row=span.first_row, progress=done)

    def merge(self, sources: Sequence[Placed], span: Span, folder: Path) -> None:
        """Put segments together; those of rank-bm25 are small enough to be built anew."""
        if self._settings.engine == "lucene":
            from ragqa.index.java import start_jvm
            from ragqa.index.lucene_build import merge_lucene

            start_jvm(self._shares.heap)
            merge_lucene(sources, folder, first_row=span.first_row)
        else:
            self.build(span, folder)


def write_words(settings: Bm25Settings, store: DocumentStore, rows: tuple[int, int], folder: Path) -> None:
    """Index some rows with Lucene: see :data:`ragqa.index.pieces.Write`."""
    from ragqa.index.lucene_build import build_lucene

    build_lucene([store.scan(rows=rows)], folder, settings, first_row=rows[0])


def join_words(pieces: Sequence[Placed], first_row: int, folder: Path) -> None:
    """Put indexes of Lucene together: see :data:`ragqa.index.pieces.Join`."""
    from ragqa.index.lucene_build import merge_lucene

    merge_lucene(pieces, folder, first_row=first_row)


class DenseBuilder:
    """Segments of vectors. Close it, or use it as a context manager.

    Parameters
    ----------
    encoder
        The folder of the encoder.
    vectors
        The folder of the stores of vectors, which all indexes share.
    source
        What exists already, and whether what is new is encoded in any case.
    """

    kind = "dense"

    def __init__(  # noqa: PLR0917
        self,
        settings: DenseSettings,
        encoder: Path,
        vectors: Path,
        store: DocumentStore,
        progress: Progress | None,
        source: "VectorSource",
    ) -> None:
        from ragqa.index.encoder import Encoder
        from ragqa.index.encoding import Encoding

        opened = Encoder.open(encoder, f"build it again: ragqa index build {encoder.parent.name}")
        leaves_out = settings.missing == "leave-out"
        self._encoding = Encoding(
            opened, vectors, settings.overlap_tokens, source.given, leave_out=leaves_out and not source.encode_new
        )
        # Which documents have vectors then depends on those that were given.
        others = [self._encoding.fingerprint, *([source.fingerprint] if leaves_out else [])]
        self.form = form_hash("dense", forms(Recipe(dense=settings))["dense"], *others)
        self._settings = settings
        self._store = store
        self._progress = progress
        self._ahead = source.ahead
        self._memory_bytes = source.memory_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._encoding.close()

    @property
    def counts(self) -> dict[str, int]:
        """Where the vectors of texts came from, so far: see :class:`ragqa.index.encoding.Encoding`."""
        return dict(self._encoding.counts)

    def begin(self, spans: Sequence[Span]) -> None:
        """Nothing: what is new is encoded span by span."""

    def build(self, span: Span, folder: Path) -> None:
        """Encode what was not encoded before, and make the FAISS index of the span."""
        self._build(span, folder, None)

    def merge(self, sources: Sequence[Placed], span: Span, folder: Path) -> None:
        """Make the FAISS index of the span anew; all vectors are known, and documents that were left out stay so."""
        from ragqa.index.dense_build import DESCRIPTION, ROWS, DenseDescription

        found = np.zeros(self._store.n_rows, dtype=bool)
        for source in sources:
            found[checked_array(source, ROWS) + source.first_row] = True
        descriptions = (read_json(s.folder / DESCRIPTION, DenseDescription, s.remedy) for s in sources)
        self._build(span, folder, found if any(description.n_left_out for description in descriptions) else None)

    def _build(self, span: Span, folder: Path, with_vectors: np.ndarray | None) -> None:
        from ragqa.index.dense_build import build_dense

        rows, n_documents = (span.first_row, span.end_row), _n_live(self._store, span)

        def prepare() -> None:
            if self._ahead is not None and with_vectors is None:
                self._ahead(self._encoding, self._store.scan(rows=rows), n_documents, self._progress or no_progress)

        build_dense(
            self._store.scan(rows=rows),
            folder,
            self._encoding,
            self._settings.faiss,
            n_documents=n_documents,
            first_row=span.first_row,
            with_vectors=with_vectors,
            prepare=prepare,
            memory_bytes=left_for_faiss(self._memory_bytes),
            progress=self._progress,
        )


def ensure_encoder(
    settings: DenseSettings, folder: Path, vectors: Path, store: DocumentStore, progress: Progress | None
) -> None:
    """Export the encoder of a recipe into ``folder``, or distil it; ``vectors`` holds the stores of vectors."""
    from ragqa.index.encoder_build import build_encoder
    from ragqa.index.encoding import passage_of

    if progress is not None:
        progress("export encoder", 0, None)
    first = next(store.scan(), [])
    sample = [passage_of(document) for _, document in first[:: max(1, len(first) // _SAMPLE)][:_SAMPLE]]
    # The prefix of queries is applied when searching: one encoder serves every prefix.
    settings = replace(settings, query_prefix=None)
    remedy = f"build it again: ragqa index build {folder.parent.name}"
    teacher = teacher_of(settings)
    if teacher is None:
        build_encoder(settings, folder, sample, remedy)
        return
    from ragqa.index.encoding import Encoding
    from ragqa.index.static_build import distil

    with tempfile.TemporaryDirectory(prefix="teacher-", dir=folder) as temporary:
        encoder = build_encoder(teacher, Path(temporary) / "encoder", sample, remedy)
        with contextlib.closing(Encoding(encoder, vectors, settings.overlap_tokens)) as encoding:
            distil(encoding, settings.encoder, store, folder, progress)


def _n_live(store: DocumentStore, span: Span) -> int:
    return int((~store.dead_rows()[span.first_row : span.end_row]).sum())
