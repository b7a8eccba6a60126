"""Files of the Medical Subject Headings: NLM's descriptors or its trees, tables, and the form that a corpus keeps.

Three kinds are read: NLM's descriptors (``descYYYY.xml`` or ``.gz``, https://www.nlm.nih.gov/mesh/xmlmesh.html), which
alone have entry terms; its trees (``mtreesYYYY.bin``, lines ``Heading;C14.280.067``, without UIs); and tables separated
by tabs with a tree number, a UI (``D001281``) and a heading in any order, with or without a line of column names.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec
from lxml import etree

from ragqa.corpus.mesh import Heading, Mesh
from ragqa.corpus.sources import damage_reported, lines_of, open_source
from ragqa.decoding import from_json
from ragqa.errors import ProductError, SourceError

_TREE_NUMBER = re.compile(r"[A-Z][0-9]{2}(\.[0-9]{3})*")
_UI = re.compile(r"[DC][0-9]{6,9}")
_PARSER = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": True}
_BEGINNING = 512


def read_mesh(path: Path) -> list[Heading]:
    """Read the headings of a file, plain or gzip.

    Raises
    ------
    SourceError
        The file cannot be read or holds no heading; its XML is damaged; or a line is neither ``Heading;A01.236`` nor a
        row with tree number and heading.
    """
    with open_source(path) as file, damage_reported(path, lambda: "at its start"):
        is_xml = file.read(_BEGINNING).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
    headings = [*(_descriptors(path) if is_xml else _of_lines(path))]
    if not headings:
        raise SourceError(f"{path} holds no heading of MeSH; give NLM's descYYYY.xml or mtreesYYYY.bin")
    return headings


def encode_mesh(headings: Iterable[Heading]) -> bytes:
    """Headings as a corpus keeps them: a line of JSON each, in order of their names."""
    encoder = msgspec.json.Encoder()
    return b"".join(encoder.encode(one) + b"\n" for one in sorted(headings, key=lambda one: one.name))


def open_kept_mesh(path: Path, remedy: str) -> Mesh:
    """The headings that a corpus keeps.

    Raises
    ------
    ProductError
        The file is missing or damaged; the message ends with ``remedy``.
    """
    try:
        return Mesh(from_json(line, Heading) for line in path.read_bytes().splitlines())
    except OSError as error:
        raise ProductError(f"cannot read {path}: {error.strerror}; {remedy}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProductError(f"{path} is damaged: {error}; {remedy}") from error


def _descriptors(path: Path) -> Iterator[Heading]:
    with open_source(path) as file, damage_reported(path, lambda: "within its headings"):
        try:
            yield from _records(file)
        except etree.XMLSyntaxError as error:
            raise SourceError(f"{path} is damaged: {error}; fetch it again") from error


def _records(file: IO[bytes]) -> Iterator[Heading]:
    for _, record in etree.iterparse(file, tag="DescriptorRecord", **_PARSER):
        name = _text(record.find("DescriptorName/String"))
        terms = record.iterfind("ConceptList/Concept/TermList/Term")
        spoken = [_text(term.find("String")) for term in terms if term.get("IsPermutedTermYN") != "Y"]
        if name:
            yield Heading(
                name,
                _text(record.find("DescriptorUI")),
                tuple(filter(None, (_text(number) for number in record.iterfind("TreeNumberList/TreeNumber")))),
                tuple(dict.fromkeys(term for term in spoken if term and term != name)),
            )
        record.clear()
        while record.getprevious() is not None:
            del record.getparent()[0]


def _text(element: Any) -> str:
    return (element.text or "").strip() if element is not None else ""


def _of_lines(path: Path) -> list[Heading]:
    """A heading of each name and UI, with all its tree numbers."""
    numbers: dict[tuple[str, str], list[str]] = {}
    for tree_number, ui, name in _entries(path):
        numbers.setdefault((name, ui), []).append(tree_number)
    return [Heading(name, ui, tuple(own)) for (name, ui), own in numbers.items()]


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    for number, line in lines_of(path):
        entry = _entry(line.decode("utf-8", errors="replace").strip())
        if entry is not None:
            yield entry
        elif number > 1:
            raise SourceError(
                f"{path}, line {number}: {line[:60]!r} is no entry of a MeSH tree; write 'Heading;A01.236', or tree "
                "number, UI and heading separated by tabs"
            )


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
