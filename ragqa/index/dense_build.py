"""Documents → a segment of a dense index; every text that the store of vectors knows is not encoded again."""

import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np

from ragqa import manifest
from ragqa.index.encoding import Encoding, passage_of
from ragqa.index.faiss_kinds import COMPRESSED, Kind, Plan, choose, load_faiss, make
from ragqa.index.presets import Metric
from ragqa.index.rescore import EXACT, write_exact
from ragqa.index.vectors import KEY_BYTES, VectorStore
from ragqa.index.word_counts import WordCounts
from ragqa.types import Document, Progress, no_progress

DESCRIPTION, FAISS, ROWS, WORDS = "dense.json", "vectors.faiss", "rows.npy", "word_counts.npy"
_COUNTED = 20_000  # documents that suffice to tell frequent words from rare ones
_AT_ONCE = 1024
_ADDED_AT_ONCE = 16_384  # vectors; codes are packed anew with each

Batches = Iterable[Sequence[tuple[int, Document]]]


@dataclass(frozen=True, slots=True)
class DenseDescription:
    """What a segment of a dense index is.

    Attributes
    ----------
    vectors
        Fingerprint of the encoder and of how texts are cut: segments of one index have the same.
    n_vectors
        Vectors, which is passages.
    n_documents, n_long, n_without_text
        Documents read; those cut into several passages; those without any text, which cannot be found.
    n_encoded, n_given, n_superseded
        Documents that the store of vectors did not know: those encoded; those whose vectors came from a folder; those
        whose text is another than the one that the folder's vector was made of.
    n_left_out
        Documents with text but without a vector, because it was wished so: they are not found by this engine.
    """

    vectors: str
    metric: Metric
    kind: Kind
    dim: int
    n_vectors: int
    n_documents: int
    n_long: int
    n_without_text: int
    n_encoded: int
    version: int = 2
    n_given: int = 0
    n_superseded: int = 0
    n_left_out: int = 0


def build_dense(
    documents: Batches,
    folder: Path,
    encoding: Encoding,
    wanted: Literal["auto"] | Kind,
    *,
    n_documents: int,
    first_row: int = 0,
    with_vectors: np.ndarray | None = None,
    prepare: Callable[[], None] = lambda: None,
    memory_bytes: int | None = None,
    progress: Progress | None = None,
) -> DenseDescription:
    """Build a segment in ``folder``; it is whole when its ``dense.json`` is written, at the very end.

    Parameters
    ----------
    documents
        Batches of (row, document) in the order of rows.
    encoding
        Makes the vectors. What it has made is kept, so that a killed build goes on.
    wanted
        The kind of FAISS index.
    n_documents
        How many documents there are, for the progress and the first estimate.
    first_row
        The row that is number 0 in the segment.
    with_vectors
        bool [n_rows]: the rows of the corpus that get vectors, the others are left out; None for all.
    prepare
        Called before the documents are read, to encode some elsewhere.
    memory_bytes
        What the FAISS index may take at most; None: what is free.

    Raises
    ------
    BackendError
        A model's files, a package, memory or disk are lacking. What is finished stays for the next try.
    """
    report = progress or no_progress
    folder.mkdir(parents=True, exist_ok=True)
    choose(n_documents, encoding.dim, wanted, folder, memory_bytes)
    words, stride = WordCounts(), max(1, n_documents // _COUNTED)
    before = encoding.counts.copy()
    rows, n_passages = array("i"), array("i")
    prepare()
    with tempfile.TemporaryFile(dir=folder) as keys:  # of the documents with passages
        for members in groups(documents):
            done = _Done(report, len(rows), len(members), n_documents)
            wanted_here = None if with_vectors is None else [bool(with_vectors[row]) for row, _ in members]
            own, numbers = encoding.ensure([document for _, document in members], done, wanted_here)
            keys.write(b"".join([key for key, n in zip(own, numbers, strict=True) if n]))
            n_passages.extend(numbers)
            rows.extend(row - first_row for row, _ in members)
            for row, document in members:
                if row % stride == 0:
                    words.add(" ".join(passage_of(document)))
            report("encode", len(rows), n_documents)
        words.save(folder / WORDS)
        counts = np.array(n_passages, dtype=np.int32)
        rows_of_vectors = np.repeat(np.array(rows, dtype=np.int32), counts)
        with (folder / ROWS).open("wb") as file:
            np.save(file, rows_of_vectors)
        kind = choose(len(rows_of_vectors), encoding.dim, wanted, folder, memory_bytes)
        plan = Plan(kind, encoding.metric, len(rows_of_vectors), encoding.dim)
        _write_faiss(folder, plan, keys, encoding.store, report)
    made = {what: encoding.counts[what] - before[what] for what in encoding.counts}
    description = DenseDescription(
        vectors=encoding.fingerprint,
        metric=encoding.metric,
        kind=kind,
        dim=encoding.dim,
        n_vectors=len(rows_of_vectors),
        n_documents=len(rows),
        n_long=int((counts > 1).sum()),
        n_without_text=int((counts == 0).sum()) - made["left_out"],
        n_encoded=made["encoded"],
        n_given=made["given"],
        n_superseded=made["superseded"],
        n_left_out=made["left_out"],
    )
    manifest.write_json(folder / DESCRIPTION, description)
    return description


def groups(documents: Batches) -> Iterator[Sequence[tuple[int, Document]]]:
    """The documents in the groups that are encoded together: a vector may depend a little on its neighbours."""
    for batch in documents:
        for start in range(0, len(batch), _AT_ONCE):
            yield batch[start : start + _AT_ONCE]


class _Done:
    """Turns passages done within some documents into documents done in all."""

    def __init__(self, report: Progress, before: int, n_members: int, n_documents: int) -> None:
        self._report, self._before, self._n_members, self._n_documents = report, before, n_members, n_documents
        self._n_passages = 0

    def __call__(self, n_passages: int, of: int) -> None:
        self._n_passages += n_passages
        self._report("encode", self._before + self._n_members * self._n_passages // of, self._n_documents)


def _write_faiss(folder: Path, plan: Plan, keys: IO[bytes], store: VectorStore, report: Progress) -> None:
    n_done = 0

    def pieces() -> Iterator[np.ndarray]:
        keys.seek(0)
        while some := keys.read(_AT_ONCE * KEY_BYTES):
            yield np.concatenate(store.get([some[at : at + KEY_BYTES] for at in range(0, len(some), KEY_BYTES)]))

    def done(n_added: int) -> None:
        nonlocal n_done
        n_done += n_added
        report("faiss", n_done, plan.n_vectors)

    if plan.kind in COMPRESSED:
        exact = write_exact(folder / EXACT, pieces(), plan.n_vectors, plan.dim)
        starts = range(0, len(exact), _ADDED_AT_ONCE)
        index = make(plan, lambda: (exact[start : start + _ADDED_AT_ONCE] for start in starts), done)
    else:
        index = make(plan, pieces, done)
    load_faiss().write_index(index, str(folder / FAISS))
