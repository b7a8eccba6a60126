"""Reads documents from JSON lines: the ``corpus.jsonl`` of a BEIR folder and plain JSONL files.

One object a line. ``_id`` or ``id`` is the identifier; ``title``; ``text`` or ``abstract`` (a text, or a list of
texts or ``{"text", "label", "category"}`` objects); optional ``year``, ``date``, ``journal``, ``authors``,
``mesh``, ``keywords``, ``publication_types`` (each a text or a list of texts), ``doi``, ``pmcid``, ``language`` or
``languages``, ``version``, ``retracted``. The keys of a ``metadata`` object count as if they stood beside it.
Other keys are ignored and named in the manifest. Texts are kept as they are.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ragqa.corpus.records import IgnoredKey, Record, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.sources import json_lines
from ragqa.corpus.text import named_abstract_sections
from ragqa.errors import SourceError
from ragqa.types import Document, MeshHeading, PublicationType, Section

_KNOWN = frozenset(
    {
        "_id", "id", "title", "text", "abstract", "year", "date", "journal", "authors", "mesh", "keywords",
        "publication_types", "doi", "pmcid", "language", "languages", "version", "retracted",
    }
)  # fmt: skip


def read_jsonl(path: Path, settings: CorpusSettings) -> Iterator[Record]:  # noqa: ARG001 (a Reader)
    """Stream the documents of a JSONL file, plain or gzip.

    Raises
    ------
    SourceError
        A line is no JSON object or a value is of the wrong kind; the message has the line's number.
    """
    ignored: set[str] = set()
    for place, value in json_lines(path):
        if not isinstance(value, dict):
            raise SourceError(f"{place}: {_kind(value)} instead of an object with '_id', 'title' and 'text'")
        fields, unknown = _flatten(value)
        for key in unknown - ignored:
            ignored.add(key)
            yield IgnoredKey(key)
        yield _document(fields, place, path.name)


def _flatten(value: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    metadata = value.get("metadata")
    fields = {}
    unknown = set()
    if isinstance(metadata, dict):
        fields = {key: item for key, item in metadata.items() if key in _KNOWN}
        unknown = {f"metadata.{key}" for key in metadata if key not in _KNOWN}
    elif metadata is not None:
        unknown = {"metadata"}
    for key, item in value.items():
        if key in _KNOWN:
            fields[key] = item
        elif key != "metadata":
            unknown.add(key)
    return fields, unknown


def _document(fields: Mapping[str, Any], place: str, source: str) -> Record:
    document_id = _id(fields, place)
    if not document_id:
        return Skipped("no id")
    date = _text(fields, "date", place)
    return Document(
        id=document_id,
        sections=_sections(fields, place),
        version=_integer(fields, "version", place) or 1,
        journal=_text(fields, "journal", place),
        year=_year(fields, date, place),
        date=date,
        authors=_texts(fields, "authors", place),
        publication_types=tuple(PublicationType(name) for name in _texts(fields, "publication_types", place)),
        mesh=tuple(MeshHeading(name) for name in _texts(fields, "mesh", place)),
        keywords=_texts(fields, "keywords", place),
        doi=_text(fields, "doi", place),
        pmcid=_text(fields, "pmcid", place),
        languages=_texts(fields, "languages", place) or _texts(fields, "language", place),
        retracted=_boolean(fields, "retracted", place),
        source=source,
    )


def _sections(fields: Mapping[str, Any], place: str) -> tuple[Section, ...]:
    title = _text(fields, "title", place)
    key = "abstract" if fields.get("abstract") and not fields.get("text") else "text"
    value = fields.get(key)
    items = value if isinstance(value, list) else [value]
    parts = [part for part in (_abstract_part(item, key, place) for item in items) if part[0].strip()]
    head = (Section("title", title),) if title.strip() else ()
    return head + (named_abstract_sections(parts) if parts else ())


def _abstract_part(item: Any, key: str, place: str) -> tuple[str, str, str]:
    if item is None:
        return "", "", ""
    if isinstance(item, str):
        return item, "", ""
    if isinstance(item, dict):
        return tuple(_text(item, name, place) for name in ("text", "label", "category"))  # type: ignore[return-value]
    raise _wrong(place, key, item, "a text, or a list of texts or {text, label, category} objects")


def _id(fields: Mapping[str, Any], place: str) -> str:
    value = fields.get("_id", fields.get("id"))
    if value is None or isinstance(value, str):
        return (value or "").strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _wrong(place, "_id", value, "a text or a whole number")


def _text(fields: Mapping[str, Any], key: str, place: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(place, key, value, "a text")
    return value


def _texts(fields: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    value = fields.get(key)
    items = value if isinstance(value, list) else [value] if value else []
    if not all(isinstance(item, str) for item in items):
        raise _wrong(place, key, value, "a text or a list of texts")
    return tuple(item for item in items if item.strip())


def _integer(fields: Mapping[str, Any], key: str, place: str) -> int | None:
    value = fields.get(key)
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if value is None or value == "":
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise _wrong(place, key, value, "a whole number")
    return value


def _year(fields: Mapping[str, Any], date: str, place: str) -> int | None:
    year = _integer(fields, "year", place)
    if year is None and date[:4].isdecimal() and len(date[:4]) == 4:
        year = int(date[:4])
    if year is not None and year > 9999:
        raise _wrong(place, "year", year, "a year of at most four digits")
    return year


def _boolean(fields: Mapping[str, Any], key: str, place: str) -> bool:
    value = fields.get(key)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise _wrong(place, key, value, "true or false")


def _wrong(place: str, key: str, value: Any, allowed: str) -> SourceError:
    return SourceError(f"{place}: {key!r} is {_kind(value)} ({str(value)[:60]!r}); it must be {allowed}")


def _kind(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a whole number",
            float: "a number", type(None): "null"}[type(value)]  # fmt: skip
