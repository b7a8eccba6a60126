"""The MeSH tree: which headings are narrower than a given one.

A heading has one or more tree numbers; ``C14.280.067`` is narrower than ``C14.280``. Two kinds of files are read:
NLM's ``mtreesYYYY.bin`` (lines ``Heading;C14.280.067``, without UIs), and tables separated by tabs with a tree
number, a UI (``D001281``) and a heading in any order, with or without a line of column names.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ragqa.corpus.sources import lines_of
from ragqa.errors import SourceError

_TREE_NUMBER = re.compile(r"[A-Z][0-9]{2}(\.[0-9]{3})*")
_UI = re.compile(r"[DC][0-9]{6,9}")


class MeshTree:
    """Headings by their tree numbers. Names are compared without regard to case."""

    def __init__(self, entries: Iterable[tuple[str, str, str]]) -> None:
        """Build the tree from ``(tree number, UI or "", heading)`` entries."""
        self._entries = sorted(entries)
        self._numbers = [number for number, _, _ in self._entries]
        self._numbers_of: defaultdict[str, list[str]] = defaultdict(list)
        for number, ui, heading in self._entries:
            self._numbers_of[heading.casefold()].append(number)
            if ui:
                self._numbers_of[ui.casefold()].append(number)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name_or_ui: str) -> bool:
        return name_or_ui.casefold() in self._numbers_of

    @property
    def headings(self) -> frozenset[str]:
        """The names of all headings."""
        return frozenset(heading for _, _, heading in self._entries)

    def narrower_headings(self, names_or_uis: Iterable[str]) -> frozenset[str]:
        """The names and UIs of the given headings and of all below them; unknown ones add nothing.

        >>> tree = MeshTree([("C14", "D002318", "Cardiovascular Diseases"), ("C14.280", "D006331", "Heart Diseases")])
        >>> sorted(tree.narrower_headings(["heart diseases"]))
        ['D006331', 'Heart Diseases']
        """
        found: set[str] = set()
        for name in names_or_uis:
            for number in self._numbers_of.get(name.casefold(), ()):
                start = bisect_left(self._numbers, number)
                # "." sorts before digits and letters: C14.280 is followed by C14.280.…, and only then by C14.281.
                for other, ui, heading in self._entries[start : bisect_left(self._numbers, number + "/")]:
                    if other == number or other.startswith(number + "."):
                        found.update((heading, ui) if ui else (heading,))
        return frozenset(found)


def read_mesh_tree(path: Path) -> MeshTree:
    """Read a MeSH tree file, plain or gzip.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is neither ``Heading;A01.236`` nor a row with tree number and heading.
    """
    return MeshTree(_entries(path))


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    n_entries = 0
    for number, line in lines_of(path):
        entry = _entry(line.decode("utf-8", errors="replace").strip())
        if entry is not None:
            n_entries += 1
            yield entry
        elif number > 1:
            raise SourceError(
                f"{path}, line {number}: {line[:60]!r} is no entry of a MeSH tree; write 'Heading;A01.236', or tree "
                "number, UI and heading separated by tabs"
            )
    if not n_entries:
        raise SourceError(f"{path} holds no entry of a MeSH tree")


def _entry(line: str) -> tuple[str, str, str] | None:
    if "\t" not in line:
        heading, _, tree_number = line.rpartition(";")
        return (tree_number, "", heading) if heading and _TREE_NUMBER.fullmatch(tree_number) else None
    tree_number = ui = heading = ""
    for cell in (cell.strip() for cell in line.split("\t")):
        if not tree_number and _TREE_NUMBER.fullmatch(cell):
            tree_number = cell
        elif not ui and _UI.fullmatch(cell):
            ui = cell
        elif not heading:
            heading = cell
    return (tree_number, ui, heading) if tree_number and heading else None
