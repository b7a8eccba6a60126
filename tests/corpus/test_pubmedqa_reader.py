"""PubMedQA files as a corpus of abstracts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ragqa.corpus.pubmedqa import read_pubmedqa
from ragqa.corpus.records import IgnoredKey
from ragqa.corpus.settings import CorpusSettings
from ragqa.errors import SourceError
from ragqa.types import Document, MeshHeading, Section

SETTINGS = CorpusSettings((), "pubmedqa")
INSTANCE = {
    "QUESTION": "Does it help?",
    "CONTEXTS": ["We asked.", "It did."],
    "LABELS": ["AIMS", "RESULTS"],
    "MESHES": ["Humans"],
    "YEAR": "2003",
    "LONG_ANSWER": "It helps.",
    "final_decision": "yes",
    "extra": 1,
}


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, indent=1))
    return path


def test_contexts_and_conclusion_become_the_abstract(tmp_path: Path) -> None:
    ignored, found = read_pubmedqa(write(tmp_path / "pqa.json", {"11": INSTANCE}), SETTINGS)

    assert ignored == IgnoredKey("extra")
    assert found == Document(
        "11",
        (
            Section("title", "Does it help?"),
            Section("abstract.0", "We asked.", "AIMS"),
            Section("abstract.1", "It did.", "RESULTS", "RESULTS"),
            Section("abstract.2", "It helps.", "CONCLUSIONS", "CONCLUSIONS"),
        ),
        year=2003,
        date="2003",
        mesh=(MeshHeading("Humans"),),
        source="pqa.json",
    )


def test_conclusion_and_question_can_be_left_out(tmp_path: Path) -> None:
    bare = replace(SETTINGS, include_conclusion=False, question_as_title=False)

    found = list(read_pubmedqa(write(tmp_path / "pqa.json", {"11": INSTANCE}), bare))[-1]

    assert isinstance(found, Document)
    assert [section.text for section in found.sections] == ["We asked.", "It did."]


def test_errors_name_line_and_pmid(tmp_path: Path) -> None:
    path = write(tmp_path / "pqa.json", {"11": INSTANCE, "12": {"QUESTION": "x"}})
    line = path.read_text().splitlines().index(' "12": {') + 1

    with pytest.raises(SourceError, match=rf"line {line}, PMID 12: .*CONTEXTS"):
        list(read_pubmedqa(path, SETTINGS))
    path.write_text('{\n"11": {\n')
    with pytest.raises(SourceError, match=r"line 3: not a PubMedQA file"):
        list(read_pubmedqa(path, SETTINGS))
