"""The documents of BrowseComp-Plus: of its corpus, and of its decrypted queries."""

import json
from pathlib import Path

import pytest

from ragqa.corpus.browsecomp import read_browsecomp
from ragqa.corpus.records import IgnoredKey, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.errors import SourceError
from ragqa.types import Document, Section

HEADED = "---\ntitle: Isle of Man: a history\nauthor: A. Cain\ndate: 2019-04-02\n---\nThe isle lies in the Irish Sea."


def records(folder: Path, *rows: object, end: str = "\n") -> list[object]:
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + end for row in rows), encoding="utf-8", newline="")
    return list(read_browsecomp(path, CorpusSettings((".",), "browsecomp-plus")))


def documents(found: list[object]) -> dict[str, Document]:
    return {one.id: one for one in found if isinstance(one, Document)}


def test_a_heading_gives_title_and_date_and_other_texts_stay_whole(tmp_path: Path) -> None:
    plain = "--- no heading: this is text ---\nIt goes on."
    found = records(tmp_path, {"docid": 7, "text": HEADED, "url": "x"}, {"docid": "8", "text": plain}, end="\r\n")

    assert documents(found)["7"].sections == (
        Section("title", "Isle of Man: a history"),
        Section("abstract", "The isle lies in the Irish Sea."),
    )
    assert (documents(found)["7"].date, documents(found)["7"].year) == ("2019-04-02", 2019)
    assert documents(found)["8"].sections == (Section("abstract", plain),)
    assert [one for one in found if isinstance(one, IgnoredKey)] == [IgnoredKey("url")]


def test_documents_of_queries_come_once_and_a_second_text_is_counted(tmp_path: Path) -> None:
    one, two = {"docid": "1", "text": "One."}, {"docid": "2", "text": "Two."}
    found = records(
        tmp_path,
        {"query_id": "a", "gold_docs": [one], "evidence_docs": [one, two]},
        {"query_id": "b", "negative_docs": [{"docid": "2", "text": "Otherwise."}], "evidence_docs": None},
    )

    assert list(documents(found)) == ["1", "2"]
    assert documents(found)["2"].sections[0].text == "Two."
    assert sum(isinstance(record, Skipped) for record in found) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'{"docid": "1", "text": "a"}\n{"docid": "2", "te', "line 2: not JSON, or cut off"),
        (b'{"_id": "1", "text": "a"}\n', "line 1: an object with 'docid'"),
        (b"[1]\n", "line 1: an object with 'docid'"),
        (b'{"docid": " ", "text": "a"}\n', "line 1: 'docid' must be a non-empty text"),
        (b'{"docid": "1", "text": 3}\n', "line 1: 'text' must be a text; it is '3'"),
        (b'{"docid": "1", "text": "\xff"}\n', "line 1: not JSON"),
        (b'{"query_id": "q", "gold_docs": {"docid": "1"}}\n', "line 1: 'gold_docs' must be a list of documents"),
        (b'{"query_id": "q", "gold_docs": [{"docid": "1"}]}\n', "line 1, gold_docs 1: 'text' must be a text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.jsonl").write_bytes(content)
    with pytest.raises(SourceError, match=message):
        list(read_browsecomp(tmp_path / "bad.jsonl", CorpusSettings((".",), "browsecomp-plus")))
