"""Past answers that cite what is now retracted or gone."""

import json
from pathlib import Path

import pytest

from ragqa import products
from ragqa.cli import run
from ragqa.errors import SourceError
from ragqa.watch.affected import affected

GONE, SOUND = "99999901", "19852337"


def answer(question: str, *cited: str, shown_as_retracted: bool = False) -> dict[str, object]:
    sources = [{"document_id": one, "title": "T", "cited": True, "retracted": shown_as_retracted} for one in cited]
    return {"question": {"text": question}, "sources": sources, "notices": []}


def test_runs_answers_and_the_audit_trail_are_gone_through(sample_home: Path, tmp_path: Path) -> None:
    retracted = _retracted()
    lines = [
        {"id": "1", "question": "first", "answer": answer("first", SOUND, retracted)},
        {"id": "2", "question": "second", "answer": answer("second", SOUND)},
        {"id": "3", "question": "third", "answer": answer("third", retracted, shown_as_retracted=True)},
    ]
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"torn')
    (folder / "answer.json").write_text(json.dumps(answer("fourth", GONE)))
    audit = [
        {"request_id": "r1", "reads": [{"index": "sample", "state": "s", "documents": [GONE]}]},
        {"request_id": "r2", "reads": [{"index": "other", "state": "s", "documents": [GONE]}]},
    ]
    (folder / "audit.jsonl").write_text("".join(json.dumps(line) + "\n" for line in audit))

    with products.open_store("sample") as store:
        report = affected(folder, store, "sample")

    assert {(one.what, one.document_id, one.status) for one in report.affected} == {
        ("first", retracted, "retracted"),
        ("fourth", GONE, "deleted"),
        ("request r1", GONE, "deleted"),
    }
    assert (report.n_answers, report.n_unreadable) == (5, 1)


def test_a_folder_without_answers_is_told(sample_home: Path, tmp_path: Path) -> None:
    with products.open_store("sample") as store, pytest.raises(SourceError, match="no answer"):
        affected(tmp_path, store, "sample")


def test_the_command_lists_them(sample_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(answer("Which?", GONE)))

    assert run(["affected", str(path), "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert [one["status"] for one in found["affected"]] == ["deleted"]


def _retracted() -> str:
    with products.open_store("sample") as store:
        return next(document.id for batch in store.scan() for _, document in batch if document.retracted)


def test_what_an_answer_did_not_show_is_told_even_where_it_showed_a_concern(sample_home: Path, tmp_path: Path) -> None:
    retracted = _retracted()
    noted = answer("noted", retracted)
    noted["notices"] = [{"kind": "expression_of_concern", "document_id": retracted}]
    reference = {"text": "A trial.", "status": "concern", "document_id": retracted}
    lines = [noted, {"claims": [], "references": [reference, {**reference, "text": "Known.", "status": "retracted"}]}]
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    with products.open_store("sample") as store:
        report = affected(tmp_path, store, "sample")

    assert [(one.what, one.status) for one in report.affected] == [("noted", "retracted"), ("A trial.", "retracted")]


@pytest.mark.parametrize(
    "line",
    [
        '{"reads": [{"index": "sample", "documents": 5}]}',
        '{"sources": [{"document_id": "\\ud800", "cited": true}]}',
        '{"claims": [{"supporting": 1}, 2, null], "references": {}}',
        "[" * 100_000,
    ],
)
def test_lines_of_another_form_are_passed_over(sample_home: Path, tmp_path: Path, line: str) -> None:
    sound = json.dumps(answer("Which?", GONE))
    (tmp_path / "lines.jsonl").write_text(f"{line}\n{sound}\n")

    with products.open_store("sample") as store:
        report = affected(tmp_path, store, "sample")

    assert [(one.place, one.what, one.status) for one in report.affected] == [(2, "Which?", "deleted")]
