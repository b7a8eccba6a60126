"""The question browser: every question with its gold, hits and answers, what changed first."""

import json
import re
from pathlib import Path

import pytest

from ragqa.evaluate.report.model import sections_of
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.report.questions import questions_of
from ragqa.evaluate.runs.imported import import_run
from ragqa.evaluate.runs.run import Request


@pytest.fixture
def runs(small_beir: Path, tmp_path: Path) -> list[Path]:
    """Two foreign runs that differ on q5 and q6 alone; q7 is in neither."""
    queries = small_beir / "queries.jsonl"
    rows = [json.loads(line) for line in queries.read_text().splitlines()]
    rows[3]["text"] = "Does <script>alert(1)</script> help?"
    queries.write_text("".join(json.dumps(row) + "\n" for row in rows))
    good = [f"q{n} Q0 d{n} 1 2.0 tag\n" for n in range(20) if n != 7]
    bad = [line.replace(" d6 ", " 12345 ").replace(" d5 ", " nothing ") for line in good]
    paths = []
    for name, lines in (("good", good), ("bad", bad)):
        (tmp_path / name).write_text("".join(lines))
        paths.append(import_run(tmp_path / name, Request("beir", data=small_beir)).path)
    return paths


def test_what_changed_comes_first_with_hits_gold_and_outcome(runs: list[Path]) -> None:
    (section,) = sections_of(runs)
    questions = questions_of(section)

    assert len(questions) == 20
    assert {question.id for question in questions[:2]} == {"q5", "q6"}
    assert questions[2].id == "q7", "then what is worst"
    changed = next(question for question in questions if question.id == "q6")
    good, bad = changed.attempts
    assert changed.change == pytest.approx((good.value or 0) - (bad.value or 0))
    assert (good.hits[0].grade, good.hits[0].address, bad.outcome) == (1, "", "wrong")
    assert (bad.hits[0].grade, bad.hits[0].address) == (None, "https://pubmed.ncbi.nlm.nih.gov/12345/")
    assert "d6" in [one.document_id for one in changed.gold_documents]


def test_the_page_holds_every_question_escaped_and_is_linked_from_the_report(runs: list[Path], tmp_path: Path) -> None:
    report, _ = write_report(runs, tmp_path / "report")

    assert 'href="questions-1.html"' in report.read_text()
    page = (tmp_path / "report" / "questions-1.html").read_text()
    assert page.count("<details ") == 20
    assert "<script>alert" not in page
    assert "Does &lt;script&gt;alert(1)&lt;/script&gt; help?" in page
    assert page.count('data-change="changed"') == 2
    assert 'data-by="outcome"' in page
    assert not re.search(r'(?:src|<link[^>]*href)="', page), "it loads nothing"
