"""JSON lines and BEIR: which keys become what, and errors with line numbers."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ragqa.corpus.jsonl import read_jsonl
from ragqa.corpus.records import IgnoredKey, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.errors import SourceError
from ragqa.types import Document, MeshHeading, PublicationType, Section

SETTINGS = CorpusSettings((), "jsonl")


def read(path: Path, *lines: Any) -> list[object]:
    data = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return list(read_jsonl(path, SETTINGS))


def test_beir_gives_title_and_abstract_as_they_are(tmp_path: Path) -> None:
    line = {"_id": "MED-10", "title": "Statin use", "text": " Two\nlines. ", "metadata": {"year": "2011", "url": "x"}}

    found = read(tmp_path / "corpus.jsonl", line, "", {"_id": "2", "title": "", "text": "Only text.", "metadata": {}})

    assert found == [
        IgnoredKey("metadata.url"),
        Document(
            "MED-10",
            (Section("title", "Statin use"), Section("abstract", " Two\nlines. ")),
            year=2011,
            source="corpus.jsonl",
        ),
        Document("2", (Section("abstract", "Only text."),), source="corpus.jsonl"),
    ]


def test_optional_keys_are_read_and_unknown_ones_named_once(tmp_path: Path) -> None:
    rich = {
        "id": 7,
        "title": "T",
        "abstract": [{"text": "A.", "label": "AIM"}, "B."],
        "date": "2001-02",
        "journal": "J",
        "authors": ["Ada"],
        "mesh": ["Humans"],
        "keywords": "one",
        "publication_types": ["Review"],
        "language": "eng",
        "version": 2,
        "retracted": True,
        "colour": "red",
    }

    first, found, second = read(tmp_path / "rich.jsonl.gz", rich, {"id": "8", "colour": "blue"})

    assert first == IgnoredKey("colour")
    assert found == Document(
        "7",
        (Section("title", "T"), Section("abstract.0", "A.", "AIM"), Section("abstract.1", "B.")),
        version=2,
        journal="J",
        year=2001,
        date="2001-02",
        authors=("Ada",),
        publication_types=(PublicationType("Review"),),
        mesh=(MeshHeading("Humans"),),
        keywords=("one",),
        languages=("eng",),
        retracted=True,
        source="rich.jsonl.gz",
    )
    assert second == Document("8", source="rich.jsonl.gz")


def test_a_line_without_id_is_skipped(tmp_path: Path) -> None:
    assert read(tmp_path / "a.jsonl", {"text": "x"}) == [Skipped("no id")]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "line 2: not JSON"),
        ("[" * 100_000, "line 2: not JSON"),
        ('{"_id": "\\ud800"}', "line 2"),
        ("[1]", "line 2: a list instead of an object"),
        ('{"_id": 1.5}', "line 2: '_id' is a number"),
        ('{"_id": "1", "text": 3}', "line 2: 'text' is a whole number"),
        ('{"_id": "1", "year": "soon"}', "line 2: 'year' is a text"),
        ('{"_id": "1", "mesh": [1]}', "line 2: 'mesh' is a list"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(SourceError, match=what.replace("[", r"\[")):
        read(tmp_path / "bad.jsonl", {"_id": "0"}, line)


def test_a_truncated_gzip_says_after_which_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    lines = "".join(json.dumps({"_id": str(i), "text": str(i**50)}) + "\n" for i in range(5000))
    path.write_bytes(gzip.compress(lines.encode())[:-2000])

    with pytest.raises(SourceError, match=r"cut\.jsonl\.gz is truncated: the gzip data end after line \d+"):
        list(read_jsonl(path, SETTINGS))
