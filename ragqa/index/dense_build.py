"""Documents → a segment of a dense index; every text that the store of vectors knows is not encoded again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ragqa import manifest
from ragqa.corpus.text import abstract_of, title_of
from ragqa.index.encoder import Encoder
from ragqa.index.faiss_kinds import Kind, Plan, choose, load_faiss, make
from ragqa.index.passages import Passage, split_documents
from ragqa.index.presets import Metric
from ragqa.index.vectors import VectorStore, text_key
from ragqa.index.word_counts import WordCounts
from ragqa.types import Document, Progress

DESCRIPTION, FAISS, ROWS, WORDS = "dense.json", "vectors.faiss", "rows.npy", "word_counts.npy"
_COUNTED = 20_000  # documents that suffice to tell frequent words from rare ones
_AT_ONCE = 1024

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
    n_encoded
        Documents that the store of vectors did not know.
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


def vectors_fingerprint(encoder: Encoder, overlap_tokens: int) -> str:
    """What the vectors of a text depend on beside the text."""
    return manifest.content_hash([encoder.spec.fingerprint, overlap_tokens])[:32]


def build_dense(
    documents: Batches,
    folder: Path,
    encoding: "Encoding",
    wanted: Literal["auto"] | Kind,
    *,
    n_documents: int,
    first_row: int = 0,
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

    Raises
    ------
    BackendError
        A model's files, a package, memory or disk are lacking. What is finished stays for the next try.
    """
    report = progress or _no_report
    folder.mkdir(parents=True, exist_ok=True)
    choose(n_documents, encoding.dim, wanted, folder)
    words, stride = WordCounts(), max(1, n_documents // _COUNTED)
    keys: list[bytes] = []
    rows: list[int] = []
    n_passages: list[int] = []
    for batch in documents:
        for start in range(0, len(batch), _AT_ONCE):
            members = batch[start : start + _AT_ONCE]
            done = _Done(report, len(keys), len(members), n_documents)
            own, numbers = encoding.ensure([document for _, document in members], done)
            keys += own
            n_passages += numbers
            rows += [row - first_row for row, _ in members]
            for row, document in members:
                if row % stride == 0:
                    words.add(" ".join(passage_of(document)))
            report("encode", len(keys), n_documents)
    words.save(folder / WORDS)
    rows_of_vectors = np.repeat(np.array(rows, dtype=np.int32), n_passages)
    with (folder / ROWS).open("wb") as file:
        np.save(file, rows_of_vectors)
    kind = choose(len(rows_of_vectors), encoding.dim, wanted, folder)
    _write_faiss(folder, Plan(kind, encoding.metric, len(rows_of_vectors), encoding.dim), keys, encoding.store, report)
    counts = np.array(n_passages, dtype=np.int64)
    description = DenseDescription(
        vectors=encoding.fingerprint,
        metric=encoding.metric,
        kind=kind,
        dim=encoding.dim,
        n_vectors=len(rows_of_vectors),
        n_documents=len(keys),
        n_long=int((counts > 1).sum()),
        n_without_text=int((counts == 0).sum()),
        n_encoded=encoding.n_encoded,
    )
    manifest.write_json(folder / DESCRIPTION, description)
    return description


class Encoding:
    """Texts → vectors: taken from a store, or encoded and kept there."""

    def __init__(self, encoder: Encoder, folder: Path, overlap_tokens: int) -> None:
        self.fingerprint = vectors_fingerprint(encoder, overlap_tokens)
        self.dim = encoder.encode_passages([("", "A text.")]).shape[1]
        self.metric = encoder.spec.metric
        self.store = VectorStore(folder / f"{self.fingerprint}.sqlite", self.dim)
        self.n_encoded = 0
        self.encoder = encoder
        self._overlap = overlap_tokens
        self._on_gpu: bool | None = None

    def ensure(self, documents: Sequence[Document], done: Callable[[int, int], None]) -> tuple[list[bytes], list[int]]:
        """See that the store has the vectors of some documents.

        Parameters
        ----------
        done
            Told how many passages each batch had, and how many there are.

        Returns
        -------
        tuple
            The key of each document, and how many passages it has.
        """
        keys = [text_key(document) for document in documents]
        places = {keys[place]: place for place in self.store.missing(keys)}  # each text once
        if places:
            self._look_for_gpu()
            tokenizer, n_reserved = self.encoder.passage_tokenizer()
            split = split_documents(
                [documents[place] for place in places.values()], tokenizer, n_reserved, self._overlap
            )
            passages: list[Passage] = [passage for of_document in split for passage in of_document]
            vectors = self.encoder.encode_passages(passages, lambda n: done(n, len(passages)))
            bounds = np.cumsum([len(of_document) for of_document in split])[:-1]
            pieces = np.split(vectors.reshape(-1, self.dim), bounds)
            self.store.put(list(zip(places, pieces, strict=True)))
            self.n_encoded += len(places)
        return keys, [len(vectors) for vectors in self.store.get(keys)]

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _look_for_gpu(self) -> None:
        if self._on_gpu is None:
            from ragqa.index.encoder_torch import has_gpu

            self._on_gpu = has_gpu()
            if self._on_gpu:
                self.encoder.use_gpu()


class _Done:
    """Turns passages done within some documents into documents done in all."""

    def __init__(self, report: Progress, before: int, n_members: int, n_documents: int) -> None:
        self._report, self._before, self._n_members, self._n_documents = report, before, n_members, n_documents
        self._n_passages = 0

    def __call__(self, n_passages: int, of: int) -> None:
        self._n_passages += n_passages
        self._report("encode", self._before + self._n_members * self._n_passages // of, self._n_documents)


def passage_of(document: Document) -> Passage:
    """Title and whole abstract."""
    return title_of(document), abstract_of(document)


def _write_faiss(folder: Path, plan: Plan, keys: Sequence[bytes], store: VectorStore, report: Progress) -> None:
    n_done = 0

    def pieces() -> Iterator[np.ndarray]:
        for start in range(0, len(keys), _AT_ONCE):
            vectors = np.concatenate(store.get(keys[start : start + _AT_ONCE]))
            if len(vectors):
                yield vectors

    def done(n_added: int) -> None:
        nonlocal n_done
        n_done += n_added
        report("faiss", n_done, plan.n_vectors)

    index = make(plan, pieces, done)
    load_faiss().write_index(index, str(folder / FAISS))


def _no_report(_stage: str, _done: int, _total: int | None) -> None:
    pass
