"""Documents → the folder of a dense index, resumable at every shard of vectors."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from ragqa import manifest
from ragqa.corpus.text import abstract_of, title_of
from ragqa.index import shards
from ragqa.index.encoder import Encoder
from ragqa.index.encoder_build import build_encoder
from ragqa.index.faiss_kinds import Kind, Plan, choose, load_faiss, make
from ragqa.index.passages import Passage, split_documents
from ragqa.index.word_counts import WordCounts
from ragqa.recipe import DenseSettings, to_table
from ragqa.types import Document, Progress

_log = logging.getLogger(__name__)
DESCRIPTION, FAISS, ROWS, ENCODER, SHARDS = "dense.json", "vectors.faiss", "rows.npy", "encoder", "shards"
WORDS = "word_counts.npy"
_SAMPLE = 32
_COUNTED = 20_000  # documents that suffice to tell frequent words from rare ones


@dataclass(frozen=True, slots=True)
class DenseDescription:
    """What a dense index is.

    Attributes
    ----------
    settings
        The resolved :class:`ragqa.recipe.DenseSettings`.
    n_vectors
        Vectors, which is passages.
    n_documents, n_long, n_without_text
        Documents read; those cut into several passages; those without any text, which cannot be found.
    sizes
        Bytes of the files that are opened.
    shards
        Names of the shards, in order.
    """

    settings: dict[str, Any]
    metric: str
    kind: Kind
    dim: int
    n_vectors: int
    n_documents: int
    n_long: int
    n_without_text: int
    sizes: dict[str, int]
    shards: tuple[str, ...]
    version: int = 1


def build_dense(
    documents: Iterable[Sequence[tuple[int, Document]]],
    folder: Path,
    settings: DenseSettings,
    *,
    n_documents: int,
    progress: Progress | None = None,
    reuse: Sequence[Path] = (),
) -> None:
    """Build a dense index in ``folder``; it is whole when its ``dense.json`` is written, at the very end.

    Parameters
    ----------
    documents
        Batches of (row, document) in the order of rows.
    folder
        Where to build. Finished shards that are in it are kept, so that a killed build goes on.
    n_documents
        How many documents there are, for the progress and the first estimate.
    reuse
        Folders of other dense indexes; shards of the same texts and encoder are linked from them.

    Raises
    ------
    BackendError
        A model's files, a package, memory or disk are lacking. What is finished stays for the next try.
    RecipeError
        The settings make no sense.
    """
    report = progress or _no_report
    (folder / DESCRIPTION).unlink(missing_ok=True)
    (folder / SHARDS).mkdir(parents=True, exist_ok=True)
    ranges = shards.ranges(documents)
    first = next(ranges, None)
    sample = [] if first is None else first[1][:: max(1, len(first[1]) // _SAMPLE)][:_SAMPLE]
    report("export encoder", 0, None)
    encoder = build_encoder(
        settings, folder / ENCODER, [passage_of(document) for _, document in sample], remedy(folder)
    )
    dim = encoder.encode_passages([("", "A text.")]).shape[1]
    choose(n_documents, dim, settings.faiss, folder)
    encoding = _Encoding(encoder, folder / SHARDS, [path / SHARDS for path in reuse], settings.overlap_tokens)
    names, n_done, words, stride = [], 0, WordCounts(), max(1, n_documents // _COUNTED)
    for number, members in chain([first] if first else [], ranges):
        names.append(encoding.ensure(number, members, _Done(report, n_done, len(members), n_documents)))
        for row, document in members:
            if row % stride == 0:
                words.add(" ".join(passage_of(document)))
        n_done += len(members)
        report("encode", n_done, n_documents)
    words.save(folder / WORDS)
    shards.remove_all_but(folder / SHARDS, names)
    rows = _write_rows(folder, names)
    kind = choose(len(rows), dim, settings.faiss, folder)
    _write_faiss(folder, Plan(kind, encoder.spec.metric, len(rows), dim), names, report)
    per_document = np.unique(rows, return_counts=True)[1]
    description = DenseDescription(
        settings=to_table(settings),
        metric=encoder.spec.metric,
        kind=kind,
        dim=dim,
        n_vectors=len(rows),
        n_documents=n_done,
        n_long=int((per_document > 1).sum()),
        n_without_text=n_done - len(per_document),
        sizes={name: (folder / name).stat().st_size for name in (FAISS, ROWS, WORDS)},
        shards=tuple(names),
    )
    manifest.write_json(folder / DESCRIPTION, description)


class _Encoding:
    """Makes the shards that are not there yet."""

    def __init__(self, encoder: Encoder, folder: Path, others: Sequence[Path], overlap: int) -> None:
        self._encoder = encoder
        self._folder = folder
        self._others = others
        self._overlap = overlap
        self._fingerprint = f"{encoder.spec.fingerprint}/{overlap}"
        self._on_gpu: bool | None = None

    def ensure(self, number: int, members: list[tuple[int, Document]], done: "_Done") -> str:
        """The name of the shard of ``members``, which is finished when this returns."""
        name = shards.shard_name(number, members, self._fingerprint)
        if shards.has_shard(self._folder, name) or shards.take_shard(self._folder, name, self._others):
            return name
        self._look_for_gpu()
        tokenizer, n_reserved = self._encoder.passage_tokenizer()
        split = split_documents([document for _, document in members], tokenizer, n_reserved, self._overlap)
        passages: list[Passage] = [passage for of_document in split for passage in of_document]
        rows = np.repeat([row for row, _ in members], [len(of_document) for of_document in split])
        vectors = self._encoder.encode_passages(passages, lambda n: done(n, len(passages)))
        shards.write_shard(self._folder, name, rows, vectors)
        return name

    def _look_for_gpu(self) -> None:
        if self._on_gpu is None:
            from ragqa.index.encoder_torch import has_gpu

            self._on_gpu = has_gpu()
            if self._on_gpu:
                self._encoder.use_gpu()


class _Done:
    """Turns passages done within a shard into documents done in all."""

    def __init__(self, report: Progress, before: int, n_members: int, n_documents: int) -> None:
        self._report, self._before, self._n_members, self._n_documents = report, before, n_members, n_documents
        self._n_passages = 0

    def __call__(self, n_passages: int, of: int) -> None:
        self._n_passages += n_passages
        self._report("encode", self._before + self._n_members * self._n_passages // of, self._n_documents)


def remedy(folder: Path) -> str:
    """The next step where a file in the folder of a dense index is damaged."""
    return f"build it again: ragqa index build {folder.absolute().parent.name}"


def passage_of(document: Document) -> Passage:
    """Title and whole abstract."""
    return title_of(document), abstract_of(document)


def _write_rows(folder: Path, names: Sequence[str]) -> np.ndarray:
    parts = [shards.read_shard(folder / SHARDS, name, remedy(folder))[0] for name in names]
    rows = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    with (folder / ROWS).open("wb") as file:
        np.save(file, rows)
    return rows


def _write_faiss(folder: Path, plan: Plan, names: Sequence[str], report: Progress) -> None:
    n_done = 0

    def pieces() -> Iterator[np.ndarray]:
        for name in names:
            rows, vectors = shards.read_shard(folder / SHARDS, name, remedy(folder))
            if len(rows):
                yield vectors

    def done(n_added: int) -> None:
        nonlocal n_done
        n_done += n_added
        report("faiss", n_done, plan.n_vectors)

    index = make(plan, pieces, done)
    load_faiss().write_index(index, str(folder / FAISS))


def _no_report(_stage: str, _done: int, _total: int | None) -> None:
    pass
