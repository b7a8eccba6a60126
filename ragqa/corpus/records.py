"""What a reader of a source file may yield, and what a corpus format consists of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ragqa.corpus.settings import CorpusSettings
from ragqa.types import Document


@dataclass(frozen=True, slots=True)
class Deletion:
    """A notice that the documents of this id that were read before are withdrawn (MEDLINE DeleteCitation)."""

    document_id: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A version of a document that the corpus does not take: it ends older ones of its id as the document would."""

    document_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that cannot become a document; ``reason`` is a short fixed phrase, counted in the manifest."""

    reason: str


@dataclass(frozen=True, slots=True)
class IgnoredKey:
    """A key of the source that no part of a document holds; a reader yields each of them once per file."""

    key: str


Record = Document | Deletion | NotTaken | Skipped | IgnoredKey
Reader = Callable[[Path, CorpusSettings], Iterator[Record]]


@dataclass(frozen=True, slots=True)
class CorpusFormat:
    """How the files of one format are found and read.

    Attributes
    ----------
    name
        As recipes and the command line call it.
    patterns
        Globs of the file names that are read when a source is a folder.
    version
        Raised whenever the reader turns the same file into other documents: parts of an older version are
        read again.
    read
        Streams the records of a file in order.

    Raises
    ------
    SourceError
        (``read``) The file is missing, empty, damaged or of another format; the message says where.
    """

    name: str
    patterns: tuple[str, ...]
    version: int
    read: Reader
