"""The Medical Subject Headings (MeSH): which are narrower than a given one, and by which other terms each is known.

A heading has one or more tree numbers; ``C14.280.067`` is narrower than ``C14.280``. Its entry terms are the other
words for it: "Heart Attack" is one of "Myocardial Infarction".
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading.

    Attributes
    ----------
    name, ui
        "Myocardial Infarction" and "D009203"; the UI is "" where the file has none.
    tree_numbers
        Where it stands in the tree; those of sex and species stand nowhere.
    entry_terms
        Other terms for it, in the order in which they are spoken ("Heart Attack", not "Attack, Heart").
    """

    name: str
    ui: str = ""
    tree_numbers: tuple[str, ...] = ()
    entry_terms: tuple[str, ...] = ()


class Mesh:
    """Headings by name, UI, tree number and entry term. Names are compared without regard to case."""

    def __init__(self, headings: Iterable[Heading]) -> None:
        self.headings: Mapping[str, Heading] = {heading.name: heading for heading in headings}
        placed = sorted((number, one) for one in self.headings.values() for number in one.tree_numbers)
        self._numbers = [number for number, _ in placed]
        self._placed = [heading for _, heading in placed]
        self._by_key = defaultdict[str, list[Heading]](list)
        for heading in self.headings.values():
            for name in filter(None, (heading.name, heading.ui)):
                self._by_key[name.casefold()].append(heading)
        self._by_term: dict[str, Heading] = {}
        for heading in self.headings.values():
            for term in heading.entry_terms:
                self._by_term.setdefault(term.casefold(), heading)

    def __contains__(self, name_or_ui: str) -> bool:
        return name_or_ui.casefold() in self._by_key

    @property
    def entry_terms(self) -> Mapping[str, Heading]:
        """Each entry term in lower case → its heading."""
        return self._by_term

    def heading_of(self, term: str) -> str:
        """The name of the heading that a heading, UI or entry term stands for; "" where it is none.

        >>> mesh = Mesh([Heading("Myocardial Infarction", entry_terms=("Heart Attack",))])
        >>> mesh.heading_of("attack, heart")
        'Myocardial Infarction'
        """
        key = term.casefold().strip()
        if key in self._by_key:
            return self._by_key[key][0].name
        first, comma, rest = key.partition(", ")
        heading = self._by_term.get(key) or self._by_term.get(f"{rest} {first}" if comma else key)
        return heading.name if heading else ""

    def meant_by(self, names: Iterable[str]) -> frozenset[str]:
        """The headings that names, UIs and entry terms stand for and all below them, by name and UI; unknown names too.

        >>> sorted(Mesh([Heading("Stroke", "D020521", entry_terms=("Apoplexy",))]).meant_by(["apoplexy", "Unknown"]))
        ['D020521', 'Stroke', 'Unknown']
        """
        named = frozenset(self.heading_of(name) or name for name in names)
        return named | self.narrower_headings(named)

    def narrower_headings(self, names_or_uis: Iterable[str]) -> frozenset[str]:
        """The names and UIs of the given headings and of all below them; unknown ones add nothing.

        >>> above, below = Heading("Cardiovascular Diseases", "D002318", ("C14",)), Heading("Heart Diseases", "D006331",
        ...     ("C14.280",))
        >>> sorted(Mesh([above, below]).narrower_headings(["heart diseases"]))
        ['D006331', 'Heart Diseases']
        """
        found: set[str] = set()
        for name in names_or_uis:
            for given in self._by_key.get(name.casefold(), ()):
                for heading in (given, *self._below(given)):
                    found.update(filter(None, (heading.name, heading.ui)))
        return frozenset(found)

    def _below(self, given: Heading) -> Iterable[Heading]:
        for number in given.tree_numbers:
            # "." sorts before digits and letters: C14.280 is followed by C14.280.…, and only then by C14.281.
            begin, end = bisect_left(self._numbers, number + "."), bisect_left(self._numbers, number + "/")
            yield from self._placed[begin:end]
