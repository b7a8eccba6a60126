"""What articles are told of by notices: retractions, expressions of concern, corrections.

A record tells of itself (``RetractionIn``), and the notice that came later points back to it (``RetractionOf``). Each
part keeps both as :data:`NOTICE`; a state finds the articles that its live notices name, and marks them even where
their own records were never revised.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragqa.corpus.arrays import load_array
from ragqa.corpus.keys import document_key
from ragqa.errors import ProductError
from ragqa.types import Document, Link

NOTICES_FILE, MARKS_FILE = "notices.npy", "marks.npy"

NOTICE = np.dtype([("key", "<u8"), ("row", "<u4"), ("kind", "<u4")])
"""Key of the article that is told of, row within the part of the record that tells it, place in :data:`KINDS`."""

MARK = np.dtype([("row", "<i8"), ("notice", "<i8"), ("kind", "<i8")])
"""Row of the article, row of the record that tells of it (the same where it does so itself), kind."""

KINDS = (
    ("RetractionIn", "RetractionOf"),
    ("ExpressionOfConcernIn", "ExpressionOfConcernFor"),
    ("ErratumIn", "ErratumFor"),
    ("PartialRetractionIn", "PartialRetractionOf"),
    ("RetractedandRepublishedIn", "RetractedandRepublishedFrom"),
    ("CorrectedandRepublishedIn", "CorrectedandRepublishedFrom"),
)
"""MEDLINE's names of the ties: at the article, and at the notice."""

RETRACTION, CONCERN, ERRATUM, PARTIAL_RETRACTION = 0, 1, 2, 3
_TOLD_OF = {told: kind for kind, (told, _) in enumerate(KINDS)}
_TELLS = {tells: kind for kind, (_, tells) in enumerate(KINDS)}


def under_concern(document: Document) -> bool:
    """Whether an expression of concern about the article has been published."""
    return any(link.kind == KINDS[CONCERN][0] for link in document.links)


def partly_retracted(document: Document) -> bool:
    """Whether a part of the article has been retracted."""
    return any(link.kind == KINDS[PARTIAL_RETRACTION][0] for link in document.links)


def tells_of_others(document: Document) -> bool:
    """Whether a record is a notice on other articles: that they are retracted, corrected, under concern."""
    return any(link.kind in _TELLS for link in document.links)


def notices_of(document: Document) -> list[tuple[int, int]]:
    """What a record tells of itself and of others: the keys of the articles, and the kinds."""
    own = document_key(document.id)
    found = {(own, _TOLD_OF[link.kind]) for link in document.links if link.kind in _TOLD_OF}
    if document.retracted:
        found.add((own, RETRACTION))
    found |= {
        (document_key(link.document_id), _TELLS[link.kind])
        for link in document.links
        if link.kind in _TELLS and link.document_id
    }
    return sorted(found)


def find_marks(
    notices: Sequence[np.ndarray], starts: np.ndarray, live: np.ndarray, ids: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The live articles that live records tell of.

    Parameters
    ----------
    notices
        :data:`NOTICE` of each part.
    starts
        int64 [n_parts + 1]: the first row of each part.
    live
        bool [n_rows].
    ids
        Sorted keys of the live documents, and their rows.

    Returns
    -------
    numpy.ndarray
        :data:`MARK`, sorted by row, notice and kind.
    """
    keys, rows = ids
    together = np.concatenate([np.empty(0, NOTICE), *notices])
    offsets = np.repeat(starts[: len(notices)], [len(array) for array in notices])
    told = together["row"].astype(np.int64) + offsets
    kept = live[told] if len(keys) else np.zeros(len(told), dtype=bool)
    together, told = together[kept], told[kept]
    places = np.minimum(np.searchsorted(keys, together["key"]), max(len(keys) - 1, 0))
    known = keys[places] == together["key"] if len(keys) else np.zeros(0, dtype=bool)
    marks = np.empty(int(np.count_nonzero(known)), MARK)
    marks["row"], marks["notice"] = rows[places[known]], told[known]
    marks["kind"] = together["kind"][known]
    return np.sort(marks, order=["row", "notice", "kind"])


def by_others(marks: np.ndarray) -> np.ndarray:
    """Those of the marks that the article's own record does not tell of itself."""
    own = marks[marks["row"] == marks["notice"]]
    known = np.isin(_cell(marks), _cell(own))
    return marks[~known]


def rows_told_of(marks: np.ndarray, n_rows: int) -> dict[str, np.ndarray]:
    """Which rows are retracted, have an expression of concern or an erratum, or have any of it from notices alone.

    bool [n_rows] each, under the names by which a manifest counts them.
    """

    def rows(chosen: np.ndarray) -> np.ndarray:
        found = np.zeros(n_rows, dtype=bool)
        found[chosen["row"]] = True
        return found

    return {
        "retracted": rows(marks[marks["kind"] == RETRACTION]),
        "expressions_of_concern": rows(marks[marks["kind"] == CONCERN]),
        "errata": rows(marks[marks["kind"] == ERRATUM]),
        "marked_by_notices": rows(by_others(marks)),
    }


def read_marks(folder: Path, n_rows: int, remedy: str) -> np.ndarray:
    """The marks of a state that only other records tell.

    Raises
    ------
    ProductError
        The file is missing or damaged.
    """
    marks = load_array(folder / MARKS_FILE, folder / MARKS_FILE, remedy)
    sound = marks.dtype == MARK and marks.ndim == 1
    if sound and len(marks):
        rows = np.concatenate([marks["row"], marks["notice"]])
        sound = bool(0 <= rows.min() <= rows.max() < n_rows and 0 <= marks["kind"].min() <= marks["kind"].max())
        sound = sound and bool(marks["kind"].max() < len(KINDS) and (np.diff(marks["row"]) >= 0).all())
    if not sound:
        raise ProductError(f"{folder / MARKS_FILE} is damaged: it has another form; {remedy}")
    return marks


def links_of(kinds_and_ids: Sequence[tuple[int, str]]) -> tuple[Link, ...]:
    """The ties of an article to the notices of these kinds and ids, as its own record would have them."""
    return tuple(Link(KINDS[kind][0], notice_id) for kind, notice_id in kinds_and_ids)


def _cell(marks: np.ndarray) -> np.ndarray:
    cells: np.ndarray = marks["row"] * len(KINDS) + marks["kind"]
    return cells
