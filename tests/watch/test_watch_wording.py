"""What is printed of watching reads as people write."""

import json
import shutil
from pathlib import Path

import pytest

from ragqa.cli import run
from ragqa.cli.watch import show_report
from ragqa.watch.changes import compare
from ragqa.watch.digest import Digest, as_html, as_markdown
from ragqa.watch.outbox import Delivery
from ragqa.watch.run import RunReport
from ragqa.watch.types import Alert, Cited, Finding, Item


@pytest.mark.parametrize(
    ("n", "told"),
    [
        (1, ["1 watched, 1 new document, 1 asked again", "sent by mail: 1 alert to a@example.org"]),
        (2, ["2 watched, 2 new documents, 2 asked again", "sent by mail: 2 alerts to a@example.org"]),
    ],
)
def test_a_run_counts_in_words(n: int, told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    sent = Delivery("d", "mail", ("a", "b")[:n], "sent", "2026-01-01T00:00:00+00:00", "a@example.org")
    show_report(RunReport(n, n, n, (), (sent,)))
    assert [line for line in capsys.readouterr().out.splitlines() if line] == told


def test_new_evidence_of_no_known_design_is_named_in_digests() -> None:
    told = Finding("Q?", "question", "yes", {"yes": 0.9}, (Cited("1", "Rats", "animal or in vitro study"),))
    now = Finding(
        "Q?", "question", "yes", {"yes": 0.9}, (*told.cited, Cited("2", "A letter", "expert opinion or other"))
    )

    changes = compare(told, now, told.cited, 0.1)

    alert = Alert("i-000001", Item("i", "sample", "question", "Q?", (now,)), changes, "2026-01-01T00:00:00", "s", ())
    digest = Digest("d", "2026-01-01T00:00:00", (alert,))
    for shown in (as_markdown(digest), as_html(digest).decode()):
        assert "New evidence of a higher level: article of another kind." in shown


def test_affected_answers_are_counted_in_words(
    built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(built_sample, tmp_path / "home")
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    claim = {"text": "Statins help.", "supporting": [{"document_id": "99999999"}], "contradicting": []}
    (tmp_path / "answers.jsonl").write_text(json.dumps({"claims": [claim]}) + "\nnothing\n")

    assert run(["affected", str(tmp_path / "answers.jsonl"), "--index", "sample"]) == 0

    assert capsys.readouterr().err.splitlines() == [
        "ragqa: 1 of 1 answer is affected",
        "ragqa: 1 line is not JSON and was passed over",
    ]
