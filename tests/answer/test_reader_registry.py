"""Readers are found by name, those of other packages by their entry points."""

import sys
from pathlib import Path

import pytest

from ragqa.answer.reader import open_reader
from ragqa.answer.reading import Reading
from ragqa.errors import UsageError
from ragqa.recipe import AnswerSettings
from ragqa.types import Question

PLUGIN = """
from ragqa.answer.reading import Reading


class Silent:
    def __init__(self, settings, encode):
        pass

    def read(self, question, documents, scores):
        return Reading("summary", abstained=True, reason="silent")
"""


def test_an_unknown_reader_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'extractive'"):
        open_reader(AnswerSettings(reader="extractiv"))


def test_a_reader_of_another_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "silent_reader.py").write_text(PLUGIN)
    metadata = tmp_path / "silent_reader-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: silent-reader\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[ragqa.readers]\nsilent = silent_reader:Silent\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    reading = open_reader(AnswerSettings(reader="silent")).read(Question("?"), [], [])
    assert isinstance(reading, Reading)
    assert reading.reason == "silent"
    sys.modules.pop("silent_reader")
