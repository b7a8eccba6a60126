"""What may be found, and what was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Filter:
    """Which documents may be found. An empty filter allows every document.

    Different attributes are joined by AND, several values of one attribute by OR. Names are compared
    without regard to case.

    Attributes
    ----------
    year_from, year_to
        Inclusive bounds; a document without a year is left out when either is set.
    publication_types
        Names or UIs of publication types.
    mesh
        Names or UIs of MeSH headings, taken literally here: ``ragqa.retrieve.filter_names.FilterNames`` adds the
        narrower ones.
    journals, languages
        Journal titles; three-letter language codes.
    has_abstract
        True: only documents with an abstract.
    not_retracted
        True: no retracted publications.
    chemicals
        Names, UIs or registry numbers of substances.
    supplementary_concepts
        Names or UIs of MeSH's supplementary concepts.
    accessions
        Numbers of trials and other entries of data banks (``NCT00000620``).
    """

    year_from: int | None = None
    year_to: int | None = None
    publication_types: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    has_abstract: bool = False
    not_retracted: bool = False
    chemicals: tuple[str, ...] = ()
    supplementary_concepts: tuple[str, ...] = ()
    accessions: tuple[str, ...] = ()


class Ranked(NamedTuple):
    """Results of a batch of queries, best first.

    Attributes
    ----------
    rows
        int64 [n_queries, k]: rows in the document store; −1 where fewer than k documents were found.
    scores
        float32 [n_queries, k]: higher is better; −inf beside row −1.
    """

    rows: "np.ndarray"
    scores: "np.ndarray"


class PartlyRanked(Ranked):
    """Results of a search that did not reach all rows.

    ``unsearched`` are the ranges of rows, begin and end, whose machines are lost or slow.
    """

    unsearched: tuple[tuple[int, int], ...]

    def __new__(
        cls, rows: "np.ndarray", scores: "np.ndarray", unsearched: tuple[tuple[int, int], ...]
    ) -> "PartlyRanked":
        """Results, and what was not searched for them."""
        made = super().__new__(cls, rows, scores)
        made.unsearched = unsearched
        return made


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved document with the score of the last stage and the scores of every stage before.

    ``scores`` maps a stage (``bm25``, ``dense``, ``fusion``, ``rerank``) to the raw score that it gave;
    a stage that did not find the document is missing from it. ``rank`` counts from 1.
    """

    document_id: str
    row: int
    rank: int
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
