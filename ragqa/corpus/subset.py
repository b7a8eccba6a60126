"""Part of the documents of its sources as a corpus: by years, journals, MeSH, languages, types, or with abstracts."""

from collections.abc import Iterable
from dataclasses import dataclass

from ragqa.corpus.mesh import Mesh
from ragqa.errors import UsageError
from ragqa.types import Document


@dataclass(frozen=True, slots=True)
class Subset:
    """Which documents a corpus takes: those that have all that is named; of several names in a list one is enough.

    Names are compared without regard to case.

    Attributes
    ----------
    year_from, year_to
        Inclusive bounds; a document without a year is left out where either is set.
    journals, languages
        Titles as the records write them; three-letter codes.
    mesh
        Headings, by name, UI or entry term; narrower ones count where the recipe has MeSH.
    publication_types
        Names or UIs.
    with_abstract
        True: only documents with an abstract.
    """

    year_from: int | None = None
    year_to: int | None = None
    journals: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    with_abstract: bool = False

    def resolved(self, mesh: Mesh | None) -> "Subset":
        """The same with names as they are compared, and all headings below those that are named.

        Raises
        ------
        UsageError
            The years are the wrong way round.
        """
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise UsageError(
                f"only.year_from is {self.year_from} and only.year_to {self.year_to}: no year lies between; give the "
                "earlier year first"
            )
        return Subset(
            self.year_from,
            self.year_to,
            _folded(self.journals),
            _folded(self.languages),
            _folded(self.mesh if mesh is None else mesh.meant_by(self.mesh)),
            _folded(self.publication_types),
            self.with_abstract,
        )

    def has(self, document: Document) -> bool:
        """Whether a document is of a subset that is :meth:`resolved`."""
        year = document.year
        if (self.year_from is not None and (year is None or year < self.year_from)) or (
            self.year_to is not None and (year is None or year > self.year_to)
        ):
            return False
        if self.with_abstract and all(section.name == "title" for section in document.sections):
            return False
        return all(
            not wanted or not {name.casefold() for name in own if name}.isdisjoint(wanted)
            for wanted, own in (
                (self.journals, (document.journal,)),
                (self.languages, document.languages),
                (self.mesh, (name for one in document.mesh for name in (one.name, one.ui))),
                (self.publication_types, (name for one in document.publication_types for name in (one.name, one.ui))),
            )
        )


EVERYTHING = Subset()


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name.casefold() for name in names}))
