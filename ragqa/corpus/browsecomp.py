"""Reads the documents of BrowseComp-Plus: its corpus, or the documents that its decrypted queries bring along.

JSON lines, plain or gzip. A line of the corpus is a document with ``docid``, ``text`` and ``url``; a line of the
queries has ``query_id`` and lists of such documents under ``gold_docs``, ``evidence_docs`` and ``negative_docs``. A
text that opens with a heading between two lines of ``---`` gets its title and date from there.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ragqa.corpus.records import IgnoredKey, Record, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.sources import json_lines
from ragqa.errors import SourceError
from ragqa.types import Document, Section

DOCUMENT_LISTS = ("gold_docs", "evidence_docs", "negative_docs")
_KNOWN = frozenset({"docid", "text"})
_HEADING = re.compile(r"---[ \t]*\r?\n(?P<lines>(?:[A-Za-z_ ]+:[^\n]*\n)+)---[ \t]*(?:\r?\n|\Z)")
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?\Z")


def read_browsecomp(path: Path, settings: CorpusSettings) -> Iterator[Record]:  # noqa: ARG001 (a Reader)
    """Stream the documents of a file, each once; a later text under the same id is skipped and counted.

    Raises
    ------
    SourceError
        A line is no JSON object of either kind, or a document has no id or no text; the message has the line's number.
    """
    texts: dict[str, int] = {}
    ignored: set[str] = set()
    for place, row in json_lines(path):
        for where, fields in _documents(row, place):
            for key in fields.keys() - _KNOWN - ignored:
                ignored.add(key)
                yield IgnoredKey(key)
            document_id, text = docid_of(fields, where), _text(fields, where)
            if document_id not in texts:
                texts[document_id] = hash(text)
                yield _document(document_id, text, path.name)
            elif texts[document_id] != hash(text):
                yield Skipped("another text under an id that was there before")


def docid_of(fields: Mapping[str, Any], where: str) -> str:
    """The id of a document, a text or a whole number; raises :class:`SourceError` where it has none."""
    value = fields.get("docid")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        found = f"{str(value)[:60]!r}" if "docid" in fields else "missing"
        raise SourceError(f"{where}: 'docid' must be a non-empty text; it is {found}")
    return value.strip()


def _documents(row: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The documents of a line, each with where it stands."""
    if isinstance(row, dict) and "docid" in row:
        yield place, row
        return
    if not isinstance(row, dict) or "query_id" not in row:
        raise SourceError(
            f"{place}: an object with 'docid' and 'text' (the corpus), or with 'query_id' (the decrypted queries), is "
            f"expected, not {str(row)[:60]!r}"
        )
    for name in DOCUMENT_LISTS:
        documents = row.get(name) or []
        if not isinstance(documents, list) or not all(isinstance(one, dict) for one in documents):
            raise SourceError(f"{place}: {name!r} must be a list of documents; it is {str(documents)[:60]!r}")
        for number, one in enumerate(documents, start=1):
            yield f"{place}, {name} {number}", one


def _text(fields: Mapping[str, Any], where: str) -> str:
    value = fields.get("text")
    if not isinstance(value, str):
        found = f"{str(value)[:60]!r}" if "text" in fields else "missing"
        raise SourceError(
            f"{where}: 'text' must be a text; it is {found}. Give documents with their texts, or the corpus beside them"
        )
    return value


def _document(document_id: str, text: str, source: str) -> Document:
    heading = _HEADING.match(text)
    about: dict[str, str] = {}
    if heading is not None:
        pairs = (line.split(":", 1) for line in heading["lines"].splitlines())
        about = {key.strip().lower(): value.strip().strip("\"'") for key, value in pairs}
    body = text[heading.end() :] if heading is not None and about.get("title") else text
    sections = [Section("title", about["title"])] if about.get("title") else []
    if body.strip():
        sections.append(Section("abstract", body))
    date = about.get("date", "")
    date = date if _DATE.match(date) else ""
    return Document(document_id, tuple(sections), date=date, year=int(date[:4]) if date else None, source=source)
