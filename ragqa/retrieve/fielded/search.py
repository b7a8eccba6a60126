"""The articles that a fielded query finds, exactly those, ordered by BM25.

Each term becomes a set of rows: by the index's own words and filters, and, where these do not tell enough (titles,
authors, phrases), by reading the articles that are left. Sets are put together as the query says.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragqa.corpus.text import abstract_of, title_of
from ragqa.corpus.words import content_stems
from ragqa.errors import UsageError
from ragqa.index.open import Bm25Index
from ragqa.retrieve.fielded.parse import at, parse
from ragqa.retrieve.fielded.tree import Both, Either, Field, Node, Term, Without, Years
from ragqa.retrieve.filter_names import FilterNames
from ragqa.retrieve.fuse import refuse_partly
from ragqa.types import Document, Filter, Hit, PartlyRanked, Ranked

if TYPE_CHECKING:
    from ragqa.corpus.store import DocumentStore

MOST_READ = 100_000
"""Articles that are read for one term."""
MOST_FOUND = 5_000_000
"""Articles that one word may be in."""
Mask = NDArray[np.bool_]
_AT_ONCE = 500
_BETWEEN_WORDS = re.compile(r"[^\w.,:;'’·]+")
"""Where words end within a run of signs, whatever stands beside them (Unicode's annex 29, which Lucene follows)."""

_FILTERS: dict[Field, str] = {
    "journal": "journals",
    "language": "languages",
    "mesh": "mesh",
    "type": "publication_types",
}


class FieldedSearch:
    """Searches an opened index by fielded queries. Threads may share it."""

    def __init__(self, store: "DocumentStore", bm25: Bm25Index, names: FilterNames) -> None:
        self._store = store
        self._bm25 = bm25
        self._names = names

    def search(self, query: str, k: int, allowed: Filter = Filter()) -> tuple[tuple[Hit, ...], int]:
        """The first ``k`` hits of a query within a filter, and how many there are.

        Those that share words with the query's own come first by BM25; the others, and all where the query has no
        words, the latest record first.

        Raises
        ------
        UsageError
            The query is not well formed, names something that the index does not know, or leaves too much to read.
        """
        tree = parse(query)
        within = self._bm25.allowed_rows(self._names.resolved(allowed)).copy()
        if allowed.not_retracted:
            within[self._store.retracted_by_notice()] = False
        found = _Rows(self._store, self._bm25, self._names, query).of(tree, within)
        scores = np.zeros(len(found), np.float32)
        if words := " ".join(_words(tree)):
            ranked = _searched(self._bm25, words, int(within.sum()), self._names.resolved(allowed))
            some = ranked.rows[0] >= 0
            scores[ranked.rows[0][some]] = ranked.scores[0][some]
        rows = np.flatnonzero(found)
        best = rows[np.lexsort((-rows, -scores[rows]))][:k]
        ids = self._store.ids(best.tolist())
        hits = (
            Hit(one, int(row), place, float(scores[row]), {"bm25": float(scores[row])})
            for place, (one, row) in enumerate(zip(ids, best, strict=True), start=1)
        )
        return tuple(hits), len(rows)


class _Rows:
    """The rows of one query's terms: each a bool [n_rows]."""

    def __init__(self, store: "DocumentStore", bm25: Bm25Index, names: FilterNames, query: str) -> None:
        self._store = store
        self._bm25 = bm25
        self._names = names
        self._query = query

    def of(self, node: Node, within: Mask) -> Mask:
        """The rows of a node among those ``within``; what is cheap is looked up first, so that less must be read."""
        if isinstance(node, Both):
            first, second = sorted((node.one, node.other), key=_cost)
            return self.of(second, self.of(first, within))
        if isinstance(node, Without):
            one = self.of(node.one, within)
            return np.asarray(one & ~self.of(node.other, one))
        if isinstance(node, Either):
            return self.of(node.one, within) | self.of(node.other, within)
        if isinstance(node, Years):
            return np.asarray(within & self._bm25.allowed_rows(Filter(year_from=node.first, year_to=node.last)))
        return self._of_term(node, within)

    def _of_term(self, term: Term, within: Mask) -> Mask:
        if term.field in _FILTERS:
            return within & self._named(term)
        if term.field == "id":
            rows = np.zeros_like(within)
            found = self._store.find([term.text])
            rows[found[found >= 0]] = True
            return within & rows
        if term.field == "author":
            return self._read(term, within, lambda document: is_author(term.text, document))
        rows = self._with_words(term.text, within)
        if term.field == "title":
            return self._read(term, rows, lambda document: _holds(title_of(document), term))
        return self._read(term, rows, lambda document: _in_text(document, term)) if _is_phrase(term) else rows

    def _named(self, term: Term) -> Mask:
        name = _FILTERS[term.field]
        try:
            return self._bm25.allowed_rows(self._names.resolved(Filter(**{name: (term.text,)})))  # type: ignore[arg-type]
        except UsageError as error:
            raise at(self._query, term.begin, str(error)) from error

    def _with_words(self, text: str, within: Mask) -> Mask:
        """The rows that have all words; a word that the index leaves out of its texts ("the") is everywhere."""
        rows = within
        for word in dict.fromkeys(_words_apart(text)):
            found = _searched(self._bm25, word, len(within)).rows[0]
            if len(found) == MOST_FOUND and found[-1] >= 0:
                raise UsageError(f"{word[:40]!r} is in more than {MOST_FOUND:,} articles; search for a rarer word")
            has = np.zeros_like(within)
            has[found[found >= 0]] = True
            if has.any() or content_stems(word):
                rows = rows & has
        return rows

    def _read(self, term: Term, rows: Mask, fits: Callable[[Document], bool]) -> Mask:
        places = np.flatnonzero(rows)
        if len(places) > MOST_READ:
            raise at(
                self._query,
                term.begin,
                f"{len(places):,} articles would have to be read for this; at most {MOST_READ:,} are: join it by AND "
                "with years, a MeSH heading or words of the text",
            )
        kept = np.zeros_like(rows)
        for begin in range(0, len(places), _AT_ONCE):
            some = places[begin : begin + _AT_ONCE]
            kept[some] = [fits(document) for document in self._store.read(some.tolist())]
        return kept


def _searched(bm25: Bm25Index, words: str, k: int, allowed: Filter = Filter()) -> Ranked:
    """At most ``k`` hits for words, of the whole index: who lacks a part of it could find what is excluded."""
    found = bm25.search([words], min(k, MOST_FOUND), allowed)
    if isinstance(found, PartlyRanked):
        refuse_partly(found.unsearched)
    return found


def _words_apart(text: str) -> list[str]:
    """The words of a text as an index tells them apart, so that ``il-6`` is two that must both be there.

    >>> _words_apart("IL-6 at 0.5 mg/kg")
    ['IL', '6', 'at', '0.5', 'mg', 'kg']
    """
    return _BETWEEN_WORDS.sub(" ", text).split()


def _cost(node: Node) -> int:
    """How much must be read for a node: what is read is looked for last, among what is left."""
    if isinstance(node, Both | Either | Without):
        return max(_cost(node.one), _cost(node.other))
    if isinstance(node, Years) or node.field in _FILTERS or node.field == "id":
        return 0
    if node.field == "author":
        return 3
    return 2 if node.field == "title" or _is_phrase(node) else 1


def _words(node: Node) -> Iterator[str]:
    """The words that are wanted in the text."""
    if isinstance(node, Both | Either):
        yield from _words(node.one)
        yield from _words(node.other)
    elif isinstance(node, Without):
        yield from _words(node.one)
    elif isinstance(node, Term) and node.field in {"text", "title"}:
        yield node.text


def _is_phrase(term: Term) -> bool:
    return term.exact and " " in term.text


def _in_text(document: Document, term: Term) -> bool:
    return _has_phrase(title_of(document), term.text) or _has_phrase(abstract_of(document), term.text)


def _holds(text: str, term: Term) -> bool:
    if _is_phrase(term):
        return _has_phrase(text, term.text)
    return set(content_stems(term.text)) <= set(content_stems(text))


def _has_phrase(text: str, phrase: str) -> bool:
    words, wanted = _plain(text), _plain(phrase)
    return any(words[i : i + len(wanted)] == wanted for i in range(len(words) - len(wanted) + 1))


def _plain(text: str) -> Sequence[str]:
    return "".join(sign if sign.isalnum() else " " for sign in text.casefold()).split()


def is_author(wanted: str, document: Document) -> bool:
    """Whether an author begins as wanted: ``smith j`` is Smith J and Smith JA, ``smith`` any of the name."""
    name = _plain(wanted)
    for author in document.authors:
        parts = _plain(author)
        if parts[: len(name) - 1] == name[:-1] and len(parts) >= len(name):
            last = parts[len(name) - 1]
            if last == name[-1] or (len(name) > 1 and last.startswith(name[-1])):
                return True
    return False
