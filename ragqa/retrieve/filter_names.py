"""The names that filters take: whether an index knows a name, what may have been meant by an unknown one."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, get_args

from ragqa.corpus.languages import LANGUAGES, language_code
from ragqa.corpus.publication_types import PUBLICATION_TYPES
from ragqa.corpus.vocabulary import Vocabulary
from ragqa.errors import UsageError
from ragqa.retrieve.filter import check_filter, with_narrower_headings
from ragqa.types import Filter

if TYPE_CHECKING:
    from ragqa.corpus.store import DocumentStore

FilterKind = Literal["publication_types", "mesh", "journals", "languages"]
"""The attributes of a :class:`ragqa.types.Filter` whose names are checked and completed."""

FILTER_KINDS: tuple[FilterKind, ...] = get_args(FilterKind)
_WORDS: Mapping[FilterKind, str] = {
    "publication_types": "publication type",
    "mesh": "MeSH heading",
    "journals": "journal",
    "languages": "language",
}
_COLUMNS: Mapping[FilterKind, str] = {"journals": "journal"}
_SYNONYMS: Mapping[FilterKind, int] = {"languages": 2, "mesh": 4}
"""Of a kind whose names are known by other words too: how many are looked up for each that is wanted."""
_UI = re.compile(r"[DC][0-9]{6,9}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FilterName:
    """A name that a filter takes; ``label`` is what a code stands for ("German"), or the entry term by which a MeSH
    heading was found ("Heart Attack"); "" where the name says it.
    """

    name: str
    label: str = ""


class FilterNames:
    """What an index knows by name. Threads may share it.

    Parameters
    ----------
    store
        Its names are read when they are first wanted, not before.
    n_allowed
        How many live documents a filter allows.
    """

    def __init__(self, store: "DocumentStore", n_allowed: Callable[[Filter], int]) -> None:
        self._store = store
        self._n_allowed = n_allowed
        self._known: set[tuple[FilterKind, str]] = set()
        self._vocabularies: dict[FilterKind, Vocabulary] = {}
        self._lock = Lock()

    def resolved(self, allowed: Filter) -> Filter:
        """The filter as an index obeys it: MeSH headings with their narrower ones, languages as codes.

        Raises
        ------
        UsageError
            The years are the wrong way round; or the index knows a MeSH heading, publication type, journal or language
            by no such name: the error says which are near.
        """
        check_filter(allowed)
        if allowed.languages:
            codes = tuple(language_code(name) or name for name in allowed.languages)
            allowed = dataclasses.replace(allowed, languages=codes)
        for kind in FILTER_KINDS:
            for name in getattr(allowed, kind):
                self._check(kind, name)
        return with_narrower_headings(allowed, self._store.mesh()) if allowed.mesh else allowed

    def starting(self, kind: FilterKind, prefix: str, n: int = 20) -> tuple[FilterName, ...]:
        """At most ``n`` names of a kind that begin with a prefix, or have a word that does, the most frequent first."""
        found = self._as_names(kind, self._vocabulary(kind).starting(prefix, n * _SYNONYMS.get(kind, 1)))[:n]
        if kind != "mesh":
            return found
        begins = f" {prefix.casefold().strip()}"
        return tuple(FilterName(one.name) if begins in f" {one.name.casefold()}" else one for one in found)

    def nearest(self, kind: FilterKind, name: str, n: int = 3) -> tuple[FilterName, ...]:
        """The ``n`` names of a kind that one may have meant by a name that is not known."""
        return self._as_names(kind, self._vocabulary(kind).nearest(name, n * _SYNONYMS.get(kind, 1)))[:n]

    def _check(self, kind: FilterKind, name: str) -> None:
        if (kind, name.casefold()) in self._known:
            return
        if not self._knows(kind, name):
            raise UsageError(self._unknown(kind, name))
        self._known.add((kind, name.casefold()))

    def _knows(self, kind: FilterKind, name: str) -> bool:
        """Whether the name is right, be there records with it or not; the quickest test comes first."""
        mesh = self._store.mesh() if kind == "mesh" else None
        if mesh is not None and mesh.heading_of(name):
            return True
        if kind == "languages" and name in LANGUAGES:
            return True
        # A record that was withdrawn had a right name, too: the vocabulary has what the index has no more.
        one: dict[str, Any] = {kind: (name,)}
        return self._n_allowed(Filter(**one)) > 0 or name in self._vocabulary(kind)

    def _unknown(self, kind: FilterKind, name: str) -> str:
        what, shown = _WORDS[kind], name if len(name) <= 100 else f"{name[:100]}…"
        if not len(self._vocabulary(kind)):
            return f"{shown!r} is no {what} of this index: its records name none; leave the filter out"
        if _UI.fullmatch(name):
            return f"no record of this index has the {what} {shown!r}; give its name in words"
        near = [f"{one.name!r}" + (f" ({one.label})" if one.label else "") for one in self.nearest(kind, name)]
        if not near:
            return f"{shown!r} is no {what} that this index knows; write its name in letters"
        others = f" Also near: {', '.join(near[1:])}." if near[1:] else ""
        return f"{shown!r} is no {what} that this index knows; did you mean {near[0]}?{others}"

    def _vocabulary(self, kind: FilterKind) -> Vocabulary:
        with self._lock:
            if kind not in self._vocabularies:
                self._vocabularies[kind] = Vocabulary(self._counts(kind))
            return self._vocabularies[kind]

    def _counts(self, kind: FilterKind) -> dict[str, int]:
        """The names of a kind and how many records have each; 0 for those that are right though no record has them."""
        counts = dict(self._store.names(_COLUMNS.get(kind, kind)))
        counts.pop("", None)
        if kind == "languages":
            by_code = {code: counts.get(code, 0) for code in LANGUAGES}
            return counts | by_code | {name: by_code[code] for code, name in LANGUAGES.items()}
        mesh = self._store.mesh() if kind == "mesh" else None
        if mesh is None:
            return dict.fromkeys(PUBLICATION_TYPES if kind == "publication_types" else (), 0) | counts
        terms = {term: counts.get(one.name, 0) for one in mesh.headings.values() for term in one.entry_terms}
        return terms | dict.fromkeys(mesh.headings, 0) | counts

    def _as_names(self, kind: FilterKind, found: tuple[str, ...]) -> tuple[FilterName, ...]:
        """Names as a filter takes them, each once: languages by their codes, entry terms by their headings."""
        if kind == "languages":
            codes = dict.fromkeys(language_code(name) or name for name in found)
            return tuple(FilterName(code, LANGUAGES.get(code, "")) for code in codes)
        mesh = self._store.mesh() if kind == "mesh" else None
        if mesh is None:
            return tuple(FilterName(name) for name in found)
        labels: dict[str, str] = {}
        for name in found:
            heading = mesh.heading_of(name) or name
            labels.setdefault(heading, "" if heading.casefold() == name.casefold() else name)
        return tuple(FilterName(heading, label) for heading, label in labels.items())
