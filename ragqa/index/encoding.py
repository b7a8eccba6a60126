"""Texts → vectors: from the store of vectors, from a folder of vectors that exist already, or encoded."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ragqa import manifest
from ragqa.corpus.text import abstract_of, title_of
from ragqa.errors import SourceError
from ragqa.index.encoder import Encoder
from ragqa.index.given import GivenVectors
from ragqa.index.passages import Passage, split_documents
from ragqa.index.presets import Metric
from ragqa.index.vectors import VectorStore, text_key
from ragqa.types import Document

_N_COMPARED = 32
"""Documents whose given vectors are compared with what the encoder makes of their texts."""
_LEAST_AGREEMENT = 0.9
"""Of the median cosine; exported forms of one model agree with it to .98 or more, or are not used."""
_LENGTHS = (0.9, 1.1)

Done = Callable[[int, int], None]
"""Told how many passages each batch had, and how many there are."""


def vectors_fingerprint(encoder: Encoder, overlap_tokens: int) -> str:
    """What the vectors of a text depend on beside the text."""
    return manifest.content_hash([encoder.spec.fingerprint, overlap_tokens])[:32]


def passage_of(document: Document) -> Passage:
    """Title and whole abstract."""
    return title_of(document), abstract_of(document)


class Encoding:
    """Makes the vectors of texts, and keeps them in a store.

    Parameters
    ----------
    folder
        That of the stores.
    overlap_tokens
        Tokens that the passages of a long text share.
    given
        Vectors that exist already; each is the only one of its document, however long that is.
    leave_out
        Whether documents that neither the store nor ``given`` knows are left out, and not encoded.

    Attributes
    ----------
    counts
        How many texts were in the store (``kept``), ``given``, ``encoded``, ``left_out``; how many of those given were
        ``superseded``: made of another text than the document has now, and so not used.
    """

    def __init__(
        self,
        encoder: Encoder,
        folder: Path,
        overlap_tokens: int,
        given: GivenVectors | None = None,
        *,
        leave_out: bool = False,
    ) -> None:
        self.fingerprint = vectors_fingerprint(encoder, overlap_tokens)
        self.dim = encoder.encode_passages([("", "A text.")]).shape[1]
        if given is not None and given.dim != self.dim:
            raise SourceError(
                f"the vectors in {given.folder} have {given.dim} dimensions, those of the encoder "
                f"{encoder.spec.passage.model} {self.dim}; name the encoder that made them: --set dense.encoder=NAME"
            )
        self.metric: Metric = encoder.spec.metric
        self.store = VectorStore(folder / f"{self.fingerprint}.sqlite", self.dim)
        self.counts: Counter[str] = Counter(kept=0, given=0, superseded=0, encoded=0, left_out=0)
        self.encoder = encoder
        self.overlap_tokens = overlap_tokens
        self._given = given
        self._leave_out = leave_out
        self._compared = False
        self._on_gpu: bool | None = None

    def ensure(
        self, documents: Sequence[Document], done: Done, wanted: Sequence[bool] | None = None
    ) -> tuple[list[bytes], list[int]]:
        """See that the store has the vectors of some documents.

        Parameters
        ----------
        wanted
            Which of them get vectors; None: all.

        Returns
        -------
        tuple
            The key of each document, empty where it is left out, and how many passages it has.

        Raises
        ------
        SourceError
            The given vectors are not the encoder's, or damaged.
        """
        keys = [text_key(document) for document in documents]
        if wanted is not None:
            keys = [key if own else b"" for key, own in zip(keys, wanted, strict=True)]
        missing = {keys[place]: place for place in self.store.missing(keys) if keys[place]}  # each text once
        self.counts["kept"] += len({key for key in keys if key}) - len(missing)
        if missing and self._given is not None:
            missing = self._take(self._given, missing, documents)
        if self._leave_out:
            keys = [b"" if key in missing else key for key in keys]
        elif missing:
            self._encode(missing, documents, done)
        self.counts["left_out"] += sum(
            not key and any(passage_of(document)) for key, document in zip(keys, documents, strict=True)
        )
        found = iter(self.store.get([key for key in keys if key]))
        return keys, [len(next(found)) if key else 0 for key in keys]

    def to_encode(self, documents: Sequence[Document]) -> dict[bytes, int]:
        """Key and place of those documents that must be encoded, each text once, when what is given is taken."""
        if self._leave_out:
            return {}
        keys = [text_key(document) for document in documents]
        missing = {keys[place]: place for place in self.store.missing(keys)}
        if missing and self._given is not None:
            n_before = self.counts["given"]
            missing = self._take(self._given, missing, documents)
            self.counts["kept"] -= self.counts["given"] - n_before  # as which ensure() will count them
        return missing

    def keep(self, keys: Sequence[bytes], vectors: Sequence[np.ndarray]) -> None:
        """Put vectors of :meth:`to_encode` that were made elsewhere into the store."""
        self.store.put(list(zip(keys, vectors, strict=True)))
        self.counts["encoded"] += len(keys)
        self.counts["kept"] -= len(keys)  # as which ensure() will count them

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _take(
        self, given: GivenVectors, missing: Mapping[bytes, int], documents: Sequence[Document]
    ) -> dict[bytes, int]:
        """Put the given vectors of documents into the store; those that are still missing."""
        with_text = [(key, place) for key, place in missing.items() if any(passage_of(documents[place]))]
        rows = given.find([documents[place].id for _, place in with_text])
        there = [item for item, row in zip(with_text, rows, strict=True) if row >= 0]
        rows = rows[rows >= 0]
        old = given.superseded(rows, [documents[place] for _, place in there])
        self.counts["superseded"] += int(old.sum())
        taken = [item for item, is_old in zip(there, old, strict=True) if not is_old]
        if taken:
            vectors = given.read(rows[~old])
            if self.encoder.spec.passage.normalise:
                vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
            if not self._compared:
                self._compare(given, vectors, [documents[place] for _, place in taken])
            self.store.put([(key, vector[None]) for (key, _), vector in zip(taken, vectors, strict=True)])
            self.counts["given"] += len(taken)
        keys = {key for key, _ in taken}
        return {key: place for key, place in missing.items() if key not in keys}

    def _compare(self, given: GivenVectors, vectors: np.ndarray, documents: Sequence[Document]) -> None:
        """Refuse vectors that another encoder made, or that belong to other documents."""
        chosen = np.unique(np.linspace(0, len(documents) - 1, min(len(documents), _N_COMPARED)).astype(int))
        split = self._split([documents[place] for place in chosen])
        whole = [place for place, passages in enumerate(split) if len(passages) == 1]
        if not whole:
            return
        own = self.encoder.encode_passages([split[place][0] for place in whole])
        theirs = vectors[chosen[whole]]
        lengths = np.linalg.norm(theirs, axis=1), np.linalg.norm(own, axis=1)
        cosines = (own @ theirs.T) / np.maximum(lengths[1][:, None] * lengths[0][None], 1e-12)
        agreement = float(np.median(np.diag(cosines)))
        ratio = float(np.median(lengths[0] / np.maximum(lengths[1], 1e-12)))
        nearest = float((cosines.max(axis=1) - np.diag(cosines) < 1e-3).mean())
        if agreement < _LEAST_AGREEMENT or nearest < 0.5 or not _LENGTHS[0] <= ratio <= _LENGTHS[1]:
            raise SourceError(
                f"the vectors in {given.folder} are not those that {self.encoder.spec.passage.model} makes of these "
                f"documents: of {len(whole)} compared, the median cosine is {agreement:.2f} ({_LEAST_AGREEMENT} is "
                f"needed), the ratio of lengths {ratio:.2f}, and {nearest:.0%} are nearest to their own text; "
                "name the encoder that made them (--set dense.encoder=NAME), or look whether ids and rows fit"
            )
        self._compared = True

    def _encode(self, missing: Mapping[bytes, int], documents: Sequence[Document], done: Done) -> None:
        self._look_for_gpu()
        texts = [documents[place] for place in missing.values()]
        pieces = encode_documents(self.encoder, texts, self.overlap_tokens, done)
        self.store.put(list(zip(missing, pieces, strict=True)))
        self.counts["encoded"] += len(missing)

    def _split(self, documents: Sequence[Document]) -> list[list[Passage]]:
        return _split(self.encoder, documents, self.overlap_tokens)

    def _look_for_gpu(self) -> None:
        if self._on_gpu is None:
            from ragqa.index.encoder_torch import has_gpu

            self._on_gpu = has_gpu()
            if self._on_gpu:
                self.encoder.use_gpu()


def encode_documents(
    encoder: Encoder, documents: Sequence[Document], overlap_tokens: int, done: Done = lambda _n, _of: None
) -> list[np.ndarray]:
    """The vectors of the passages of each document, float32 [n_passages, dim]."""
    split = _split(encoder, documents, overlap_tokens)
    passages: list[Passage] = [passage for of_document in split for passage in of_document]
    vectors = encoder.encode_passages(passages, lambda n: done(n, len(passages)))
    bounds = np.cumsum([len(of_document) for of_document in split])[:-1]
    return np.split(vectors, bounds)


def _split(encoder: Encoder, documents: Sequence[Document], overlap_tokens: int) -> list[list[Passage]]:
    tokenizer, n_reserved = encoder.passage_tokenizer()
    return split_documents(documents, tokenizer, n_reserved, overlap_tokens)
