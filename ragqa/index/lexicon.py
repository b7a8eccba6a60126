"""The words of an index: in how many documents each is, and what the documents' abbreviations stand for.

Each segment of kind ``lexicon`` holds the counts of its documents in ``lexicon.msgpack``; a :class:`Lexicon` adds them
up. What the words of documents that died since are counted for stays until their segment is built anew.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from ragqa import manifest
from ragqa.corpus.abbreviations import explained
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import abstract_of, title_of
from ragqa.corpus.words import stem, tokens
from ragqa.decoding import from_messagepack
from ragqa.errors import ProductError
from ragqa.index.pieces import Making, Pieces
from ragqa.index.segments import Placed, Span, checked_bytes
from ragqa.types import Document, Progress

_Key = TypeVar("_Key", str, tuple[str, str])

FILE = "lexicon.msgpack"
MOST_WORDS = 400_000
"""Words that a segment keeps, the most frequent ones: those beyond it are seldom words at all."""
_MOST_LONG_FORMS = 4
_MOST_COUNTED, _MOST_EXPLAINED = 2 * MOST_WORDS, 300_000
"""Words, and pairs of an abbreviation and a long form, that are counted at a time, so that memory does not grow with
the corpus: where there are more, the rarest go, and are counted from 0 where they come again (as in lossy counting:
Manku and Motwani, VLDB 2002). Of so many words, rare ones may be counted otherwise on one machine than on several."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the documents of a segment, or of several, hold.

    Attributes
    ----------
    n_documents
        How many there are.
    words
        Word in lower case → documents that have it.
    abbreviations
        Abbreviation, without the ending of the plural → long form → documents that explain it so.
    """

    n_documents: int
    words: dict[str, int]
    abbreviations: dict[str, dict[str, int]]


class LexiconBuilder:
    """Segments of the lexicon; they hold little, so that merged ones are built anew."""

    kind = "lexicon"

    def __init__(
        self, form: str, store: DocumentStore, progress: Progress | None, pieces: Pieces | None = None
    ) -> None:
        self.form = form
        self._store = store
        self._progress = progress
        self._pieces = pieces
        self._making = Making(self.kind, form, write_counts, join_counts)

    def begin(self, spans: Sequence[Span]) -> None:
        """Let other machines count, where there are any."""
        if self._pieces is not None:
            self._pieces.make(self._making, spans, self._progress)

    def build(self, span: Span, folder: Path) -> None:
        """Count the words of the live documents of ``span``."""
        if self._pieces is not None:
            self._pieces.take(self._making, span, folder)
            _write(folder, _cut(_decoded(folder / FILE, (folder / FILE).read_bytes(), "build the index again")))
            return
        n_documents = int(np.count_nonzero(~self._store.dead_rows()[span.first_row : span.end_row]))
        counting = _Counting()
        for batch in self._store.scan(rows=(span.first_row, span.end_row)):
            for _, document in batch:
                counting.add(document)
            if self._progress is not None:
                self._progress("lexicon", counting.n_documents, n_documents)
        _write(folder, _cut(counting.counts()))

    def merge(self, sources: Sequence[Placed], span: Span, folder: Path) -> None:  # noqa: ARG002
        """Count the documents of the span anew."""
        self.build(span, folder)


def write_counts(store: DocumentStore, rows: tuple[int, int], folder: Path) -> None:
    """Count all words of some rows: see :data:`ragqa.index.pieces.Write`."""
    counting = _Counting()
    for batch in store.scan(rows=rows):
        for _, document in batch:
            counting.add(document)
    _write(folder, counting.counts())


def join_counts(pieces: Sequence[Placed], _first_row: int, folder: Path) -> None:
    """Add up the counts of pieces: see :data:`ragqa.index.pieces.Join`."""
    counting = _Counting()
    for piece in pieces:
        counting.add_up(_read(piece))
    _write(folder, counting.counts())


class Lexicon:
    """The counts of all segments of an index."""

    def __init__(self, counts: Iterable[Counts]) -> None:
        words: Counter[str] = Counter()
        self.n_documents = 0
        self.holds_all = True
        """Whether every word of the documents is in it: no segment had more than it keeps."""
        self.abbreviations: dict[str, Counter[str]] = {}
        for part in counts:
            self.n_documents += part.n_documents
            self.holds_all &= len(part.words) < MOST_WORDS
            words.update(part.words)
            for short, longs in part.abbreviations.items():
                self.abbreviations.setdefault(short, Counter()).update(longs)
        self._words = words

    @classmethod
    def open(cls, segments: Sequence[Placed]) -> "Lexicon":
        """Read the segments.

        Raises
        ------
        ProductError
            A file is missing or damaged.
        """
        return cls(_read(segment) for segment in segments)

    @classmethod
    def of(cls, documents: Iterable[Document]) -> "Lexicon":
        """The lexicon of a few documents."""
        counting = _Counting()
        for document in documents:
            counting.add(document)
        return cls([_cut(counting.counts())])

    def n_with(self, word: str) -> int:
        """In how many documents a lower-case word is."""
        return self._words[word]

    def knows_stem(self, word: str) -> bool:
        """Whether the word, or another form of it, is in a document."""
        return stem(word) in self._stems

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(map(stem, self._words))


class _Counting:
    def __init__(self) -> None:
        self.n_documents = 0
        self._words: Counter[str] = Counter()
        self._longs: Counter[tuple[str, str]] = Counter()

    def add(self, document: Document) -> None:
        self.n_documents += 1
        text = f"{title_of(document)}\n{abstract_of(document)}"
        self._words.update(set(tokens(text)))
        seen = {(short.removesuffix("s"), long) for short, long in explained(text).items()}
        self._longs.update((short, _usual_case(long)) for short, long in sorted(seen))
        self._keep_few()

    def add_up(self, counts: Counts) -> None:
        self.n_documents += counts.n_documents
        self._words.update(counts.words)
        for short, longs in counts.abbreviations.items():
            self._longs.update({(short, long): n for long, n in longs.items()})
        self._keep_few()

    def counts(self) -> Counts:
        """All that was counted."""
        abbreviations: dict[str, dict[str, int]] = {}
        for (short, long), n in self._longs.items():
            abbreviations.setdefault(short, {})[long] = n
        return Counts(self.n_documents, self._words, abbreviations)

    def _keep_few(self) -> None:
        if len(self._words) > _MOST_COUNTED:
            self._words = _without_rarest(self._words, _MOST_COUNTED // 2)
        if len(self._longs) > _MOST_EXPLAINED:
            self._longs = _without_rarest(self._longs, _MOST_EXPLAINED // 2)


def _without_rarest(counter: Counter[_Key], n: int) -> Counter[_Key]:
    """What remains of counts when all of 1 go, of 2, and so on, until at most ``n`` remain."""
    least = 1
    while sum(count > least for count in counter.values()) > n:
        least += 1
    return Counter({key: count for key, count in counter.items() if count > least})


def _cut(counts: Counts) -> Counts:
    """What of the counts a segment keeps."""
    return Counts(
        counts.n_documents,
        dict(_most(counts.words, MOST_WORDS)),
        {short: dict(_most(longs, _MOST_LONG_FORMS)) for short, longs in counts.abbreviations.items()},
    )


def _write(folder: Path, counts: Counts) -> None:
    manifest.write_atomically(folder / FILE, msgspec.msgpack.encode(counts, order="deterministic"))


def _most(counter: Mapping[str, int], n: int) -> list[tuple[str, int]]:
    """The ``n`` greatest counts, equal ones by name, so that equal documents give equal files."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:n]


def _usual_case(long: str) -> str:
    """A long form in lower case, but for words that have capitals within them or stand alone ("vitamin K")."""
    words = [
        word if any(sign.isupper() for sign in word[1:]) or len(word) == 1 else word.lower() for word in long.split()
    ]
    return " ".join(words)


def _read(segment: Placed) -> Counts:
    return _decoded(segment.folder / FILE, checked_bytes(segment, FILE), segment.remedy)


def _decoded(path: Path, data: bytes, remedy: str) -> Counts:
    try:
        return from_messagepack(data, Counts)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProductError(f"{path} is damaged ({error}); {remedy}") from error
