"""The question browser: every question with its gold, hits and answers, what changed first."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragqa.evaluate.report.model import sections_of
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.report.questions import questions_of
from ragqa.evaluate.runs.imported import import_run
from ragqa.evaluate.runs.request import Request

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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
    assert "<script>alert" not in page
    assert not re.search(r'(?:src|<link[^>]*href)="', page), "it loads nothing"
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert len(json.loads(data)) == 20


def test_the_page_shows_filters_and_opens_questions_in_a_browser(
    runs: list[Path], tmp_path: Path, browser: "Browser"
) -> None:
    write_report(runs, tmp_path / "report")
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: errors.append(dialog.message))

    page.goto((tmp_path / "report" / "questions-1.html").as_uri())

    assert page.locator("details").count() == 20
    assert "Does <script>alert(1)</script> help?" in page.locator("main").inner_text()
    page.select_option('[data-by="change"]', "changed")
    assert page.locator("details").count() == 2
    assert page.locator("#count").inner_text() == "2 questions"
    page.locator("summary").nth(1).click()
    assert page.locator("details[open] a").first.get_attribute("href") == "https://pubmed.ncbi.nlm.nih.gov/12345/"
    page.fill("#words", "no such words")
    assert "No question fits" in page.locator("main").inner_text()
    page.close()
    assert errors == []


def test_of_three_systems_any_two_can_be_set_against_each_other(
    runs: list[Path], small_beir: Path, tmp_path: Path, browser: "Browser"
) -> None:
    lines = (tmp_path / "good").read_text().replace(" d9 ", " nothing ")
    (tmp_path / "third").write_text(lines)
    third = import_run(tmp_path / "third", Request("beir", data=small_beir), label="third & last").path
    write_report([*runs, third], tmp_path / "report")
    page = browser.new_page()
    page.goto((tmp_path / "report" / "questions-1.html").as_uri())

    def changed() -> set[str]:
        return {row.inner_text() for row in page.locator("summary > .soft:nth-of-type(1)").all()}

    page.select_option('[data-by="change"]', "changed")
    assert changed() == {"q5", "q6"}
    page.select_option('[data-side="1"]', label="against third & last")
    assert changed() == {"q9"}
    assert "A \u2212 C +" in page.locator("summary").first.inner_text()
    assert "good and third & last" in page.locator("#between").inner_text()
    page.select_option('[data-side="0"]', "1")
    assert changed() == {"q5", "q6", "q9"}
    page.close()


def test_a_page_of_thousands_makes_elements_of_those_that_are_looked_at(
    small_beir: Path, tmp_path: Path, browser: "Browser"
) -> None:
    queries = small_beir / "queries.jsonl"
    rows = [json.loads(line) for line in queries.read_text().splitlines()]
    more = [{"_id": f"m{n}", "text": f"Question {n}?"} for n in range(2000)]
    queries.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))
    qrels = small_beir / "qrels" / "test.tsv"
    qrels.write_text(qrels.read_text() + "".join(f"m{n}\td1\t1\n" for n in range(2000)))
    (tmp_path / "run").write_text("".join(f"m{n} Q0 d{n % 3} 1 2.0 tag\n" for n in range(2000)))
    write_report([import_run(tmp_path / "run", Request("beir", data=small_beir)).path], tmp_path / "report")
    page = browser.new_page()

    page.goto((tmp_path / "report" / "questions-1.html").as_uri())

    assert page.locator("#count").inner_text() == "2,020 questions"
    assert page.locator("details").count() == 50
    page.click("#more")
    assert page.locator("details").count() == 100
    page.fill("#words", "question 1999?")
    assert page.locator("details").count() == 1
    page.close()
