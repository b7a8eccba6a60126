"""Reads the abstracts of PubMedQA's JSON files (``ori_pqal.json``, ``ori_pqaa.json``, ``ori_pqau.json``).

A file is one object, PMID → instance. CONTEXTS become the labelled sections of the abstract (LABELS), LONG_ANSWER,
the conclusion that the data set takes away from the abstract, its last section; MESHES and YEAR are kept. QUESTION
stands in for the title: in the labelled and unlabelled sets it *is* the title of the article, in the artificial set
the title turned into a question. The answers (final_decision) are not part of a corpus and are left aside.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ragqa.corpus.records import IgnoredKey, Record, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.sources import damage_reported, open_source
from ragqa.corpus.text import named_abstract_sections
from ragqa.errors import SourceError
from ragqa.types import Document, MeshHeading, Section

_CATEGORIES = {"BACKGROUND", "OBJECTIVE", "METHODS", "RESULTS", "CONCLUSIONS"}
_ANSWERS = {"final_decision", "reasoning_required_pred", "reasoning_free_pred"}


class _Instance(msgspec.Struct):
    """What is read of one instance."""

    CONTEXTS: list[str]
    QUESTION: str = ""
    LABELS: list[str] = []
    MESHES: list[str] = []
    YEAR: str | int | None = None
    LONG_ANSWER: str = ""


def read_pubmedqa(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Stream the abstracts of a PubMedQA file; the file itself is held in memory while it is read.

    Raises
    ------
    SourceError
        The file cannot be read or has another form; the message names the line.
    """
    with open_source(path) as file, damage_reported(path, lambda: "while unpacking"):
        data = file.read()
    try:
        instances = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        line = _line(data, _position(str(error), len(data)))
        raise SourceError(f"{path}, line {line}: not a PubMedQA file ({error}); expected an object by PMID") from error
    decoder = msgspec.json.Decoder(_Instance)
    keys = msgspec.json.Decoder(dict[str, msgspec.Raw])
    ignored: set[str] = set()
    position = 0
    for document_id, raw in instances.items():
        position = max(position, data.find(f'"{document_id}"'.encode(), position))
        try:
            instance = decoder.decode(raw)
            unknown = set(keys.decode(raw)) - set(_Instance.__struct_fields__) - _ANSWERS - ignored
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            place = f"{path}, line {_line(data, position)}, PMID {document_id}"
            raise SourceError(f"{place}: {error}; an instance needs CONTEXTS, a list of texts") from error
        yield from map(IgnoredKey, sorted(unknown))
        ignored |= unknown
        yield _document(document_id.strip(), instance, settings, path.name)


def _document(document_id: str, instance: _Instance, settings: CorpusSettings, source: str) -> Record:
    if not document_id:
        return Skipped("no PMID")
    parts = [(text, label, _category(label)) for text, label in zip(instance.CONTEXTS, _labels(instance), strict=True)]
    if settings.include_conclusion:
        parts.append((instance.LONG_ANSWER, "CONCLUSIONS", "CONCLUSIONS"))
    parts = [part for part in parts if part[0].strip()]
    year = str(instance.YEAR or "").strip()
    known_year = year.isascii() and year.isdecimal() and len(year) == 4
    title = instance.QUESTION if settings.question_as_title else ""
    return Document(
        id=document_id,
        sections=(
            *((Section("title", title),) if title.strip() else ()),
            *(named_abstract_sections(parts) if parts else ()),
        ),
        year=int(year) if known_year else None,
        date=year if known_year else "",
        mesh=tuple(MeshHeading(name) for name in instance.MESHES),
        source=source,
    )


def _labels(instance: _Instance) -> Sequence[str]:
    """One label for each context; where the file has not as many, none is trusted."""
    same = len(instance.LABELS) == len(instance.CONTEXTS)
    return instance.LABELS if same else [""] * len(instance.CONTEXTS)


def _category(label: str) -> str:
    return label.upper() if label.upper() in _CATEGORIES else ""


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _position(message: str, default: int) -> int:
    """The byte that a msgspec message names, as in ``JSON is malformed: … (byte 12)``."""
    number = message.rpartition("(byte ")[2].rstrip(")")
    return int(number) if number.isdecimal() else default
