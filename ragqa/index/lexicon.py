"""The words of an index: in how many documents each is, and what the documents' abbreviations stand for.

Each segment of kind ``lexicon`` holds the counts of its documents in ``lexicon.msgpack``; a :class:`Lexicon` adds them
up. What the words of documents that died since are counted for stays until their segment is built anew.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from ragqa import manifest
from ragqa.corpus.abbreviations import explained
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import abstract_of, title_of
from ragqa.corpus.words import stem, tokens
from ragqa.decoding import from_messagepack
from ragqa.errors import ProductError
from ragqa.index.segments import Placed, Span, checked_bytes
from ragqa.types import Document, Progress

FILE = "lexicon.msgpack"
MOST_WORDS = 400_000
"""Words that a segment keeps, the most frequent ones: those beyond it are seldom words at all."""
_MOST_LONG_FORMS = 4


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

    def __init__(self, form: str, store: DocumentStore, progress: Progress | None) -> None:
        self.form = form
        self._store = store
        self._progress = progress

    def build(self, span: Span, folder: Path) -> None:
        """Count the words of the live documents of ``span``."""
        n_documents = int(np.count_nonzero(~self._store.dead_rows()[span.first_row : span.end_row]))
        counting = _Counting()
        for batch in self._store.scan(rows=(span.first_row, span.end_row)):
            for _, document in batch:
                counting.add(document)
            if self._progress is not None:
                self._progress("lexicon", counting.n_documents, n_documents)
        manifest.write_atomically(folder / FILE, msgspec.msgpack.encode(counting.counts(), order="deterministic"))

    def merge(self, sources: Sequence[Placed], span: Span, folder: Path) -> None:  # noqa: ARG002
        """Count the documents of the span anew."""
        self.build(span, folder)


class Lexicon:
    """The counts of all segments of an index."""

    def __init__(self, counts: Iterable[Counts]) -> None:
        words: Counter[str] = Counter()
        self.n_documents = 0
        self.abbreviations: dict[str, Counter[str]] = {}
        for part in counts:
            self.n_documents += part.n_documents
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
        return cls([counting.counts()])

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
        self._longs: dict[str, Counter[str]] = {}

    def add(self, document: Document) -> None:
        self.n_documents += 1
        text = f"{title_of(document)}\n{abstract_of(document)}"
        self._words.update(set(tokens(text)))
        seen = {(short.removesuffix("s"), long) for short, long in explained(text).items()}
        for short, long in sorted(seen):
            self._longs.setdefault(short, Counter())[_usual_case(long)] += 1

    def counts(self) -> Counts:
        return Counts(
            self.n_documents,
            dict(_most(self._words, MOST_WORDS)),
            {short: dict(_most(longs, _MOST_LONG_FORMS)) for short, longs in self._longs.items()},
        )


def _most(counter: Counter[str], n: int) -> list[tuple[str, int]]:
    """The ``n`` greatest counts, equal ones by name, so that equal documents give equal files."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:n]


def _usual_case(long: str) -> str:
    """A long form in lower case, but for words that have capitals within them or stand alone ("vitamin K")."""
    words = [
        word if any(sign.isupper() for sign in word[1:]) or len(word) == 1 else word.lower() for word in long.split()
    ]
    return " ".join(words)


def _read(segment: Placed) -> Counts:
    path = segment.folder / FILE
    try:
        return from_messagepack(checked_bytes(segment, FILE), Counts)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProductError(f"{path} is damaged ({error}); {segment.remedy}") from error
