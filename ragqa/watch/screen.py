"""Which watched questions new documents may concern: scored by vectors and by words before anything is asked again.

A finding keeps the lowest scores among the documents that were read for it. A new document that scores below both
would not have been read, so the question need not be asked. New documents alone are scored: by vectors in one search
of all questions among their rows, by words in BM25 with the statistics of the whole corpus.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from ragqa.engine import Engine
from ragqa.types import Document, Hit
from ragqa.watch import folders
from ragqa.watch.types import Finding
from ragqa.watch.words import Postings, Words

NEVER = 1e9
"""A floor that no score reaches."""
_QUERIES = 2_000
"""Questions whose vectors are searched for at once."""
_PLACES = 16
"""New documents told for each question by vectors, at least; more than were read, so that known ones hide no others."""


class Screen:
    """Scores new documents of an opened index against what is watched."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._words = Words.open(folders.watch_folder() / "words" / f"{engine.store.name}.npy", engine.store)

    def floors(
        self, subject: str, hits: Sequence[Hit], documents: Sequence[Document], wanted: int
    ) -> tuple[float, float]:
        """``floor_dense`` and ``floor_words`` of the documents read; 0 by words where fewer than wanted were found."""
        vectors = [hit.scores["dense"] for hit in hits if "dense" in hit.scores]
        words = self._words.scores(self._searched(subject), documents)
        return min(vectors, default=NEVER), min(words) if len(documents) >= wanted else 0.0

    def concerned(self, findings: Sequence[Finding], fresh: np.ndarray) -> np.ndarray:
        """Which findings a new document may change: bool [n_findings].

        Parameters
        ----------
        findings
            Questions and claims that were asked before.
        fresh
            bool [n_rows]: the new rows.
        """
        concerned = np.zeros(len(findings), dtype=bool)
        if not fresh.any() or not findings:
            return concerned
        searched = [self._searched(finding.subject) for finding in findings]
        rows = np.flatnonzero(fresh)
        postings = Postings(self._documents(fresh, rows))
        for place, (finding, text) in enumerate(zip(findings, searched, strict=True)):
            scores = postings.scores(self._words.query(text))
            reaching = np.flatnonzero((scores >= finding.floor_words) & (scores > 0))
            # As many known ones can reach it as were read; one more is new.
            concerned[place] = len(reaching) > len(finding.read) or any(
                postings.ids[number] not in finding.read for number in reaching.tolist()
            )
        if self._engine.index.dense is not None:
            self._by_vectors(findings, searched, fresh, concerned)
        return concerned

    def _by_vectors(
        self, findings: Sequence[Finding], searched: Sequence[str], fresh: np.ndarray, concerned: np.ndarray
    ) -> None:
        dense, store = self._engine.index.dense, self._engine.store
        if dense is None:
            return
        open_ones = np.flatnonzero(~concerned)
        for begin in range(0, len(open_ones), _QUERIES):
            places = open_ones[begin : begin + _QUERIES]
            n_places = max(_PLACES, *(len(findings[place].read) + 1 for place in places.tolist()))
            found = dense.search([searched[place] for place in places.tolist()], n_places, fresh)
            floors = np.array([findings[place].floor_dense for place in places.tolist()], dtype=np.float32)
            reaching = (found.rows >= 0) & (found.scores >= floors[:, None])
            for number, place in enumerate(places.tolist()):
                ids = store.ids(found.rows[number][reaching[number]])
                concerned[place] = any(one not in findings[place].read for one in ids)

    def _documents(self, fresh: np.ndarray, rows: np.ndarray) -> Iterator[Document]:
        """The new documents, read in order; all rows between the first and the last are gone through."""
        for batch in self._engine.store.scan(rows=(int(rows[0]), int(rows[-1]) + 1)):
            for row, document in batch:
                if fresh[row]:
                    yield document

    def _searched(self, subject: str) -> str:
        return self._engine.as_read(subject).searched
