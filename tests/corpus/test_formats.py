"""Corpus formats by name, ragqa's own and those of installed packages."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.formats import corpus_format, format_names
from ragqa.errors import BackendError, UsageError

MODULE = """
from ragqa.corpus.records import CorpusFormat
from ragqa.types import Document, Section

def read(path, settings):
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        yield Document(f"L{number}", (Section("abstract", line),), source=path.name)

LINES = CorpusFormat("lines", ("*.txt",), 1, read)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with two entry points, one of which does not load."""
    (tmp_path / "lines_format.py").write_text(MODULE)
    info = tmp_path / "lines_format-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lines-format\nVersion: 1\n")
    points = (
        "[ragqa.corpus_formats]\nlines = lines_format:LINES\nbroken = lines_format:NOTHING\nother = lines_format:read\n"
    )
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("lines_format", None)


def test_a_package_can_add_a_format(package: Path) -> None:
    (package / "notes.txt").write_text("One.\nTwo.\n")

    counts = build_corpus("notes", CorpusSettings((".",), "lines"), package, package / "built").counts

    assert counts["total"]["live"] == 2
    assert {"beir", "jsonl", "lines", "pubmed-xml", "pubmedqa"} <= set(format_names())


def test_a_format_that_does_not_load_is_named(package: Path) -> None:
    with pytest.raises(BackendError, match="'broken' of lines_format:NOTHING does not load"):
        corpus_format("broken")
    with pytest.raises(BackendError, match="no CorpusFormat"):
        corpus_format("other")


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'pubmed-xml'"):
        corpus_format("pubmed_xml")
