"""What the server shows of indexes, hits and documents."""

from collections.abc import Sequence
from dataclasses import dataclass

from ragqa.answer.compose import source_of
from ragqa.types import Document, Hit, Source


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """A served index: its corpus, how many documents it has, and which build answers.

    ``reaches`` is the date of its newest article, ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``: what came out later is
    not in it. "" where the articles tell no date.
    """

    name: str
    description: str
    corpus: str
    documents: int
    reader: str
    created: str
    manifest_hash: str
    default: bool
    reaches: str


@dataclass(frozen=True, slots=True)
class IndexState:
    """The state of an index that is served: its hash, when it was made, and whether a newer one waits to be opened."""

    serving: str
    created: str
    newer: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A hit with the article as an answer would show it."""

    document_id: str
    rank: int
    score: float
    scores: dict[str, float]
    source: Source


@dataclass(frozen=True, slots=True)
class Shown:
    """A document with what is derived from its metadata: evidence level and address."""

    document: Document
    source: Source


def with_sources(hits: Sequence[Hit], documents: Sequence[Document]) -> list[Found]:
    """The hits with their articles, which are in the same order."""
    return [
        Found(hit.document_id, hit.rank, hit.score, dict(hit.scores), source_of(document, cited=False))
        for hit, document in zip(hits, documents, strict=True)
    ]
