"""The evidence table in a real browser: one row a study, own notes, kept only for whoever asks for it."""

import csv
import io
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Download, Page, expect

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
NOTE = '=HYPERLINK("x"), read\ntwice'


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, as one that nobody has used yet."""
    with browser.new_context(accept_downloads=True) as opened:
        yield opened


def asked(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    page.get_by_label("What do you want to know?").fill(STATINS)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer .asked")).to_have_text(STATINS, timeout=30_000)
    return page


def rows_of(download: Download) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(download.path().read_text("utf-8-sig"))))


def cell(page: Page, name: str) -> str:
    return page.locator(f".evidence td.{name}").first.text_content() or ""


def test_each_study_is_one_row_of_what_its_abstract_says(context: BrowserContext, server, client) -> None:
    answer = client.post("/v1/ask", json={"question": STATINS}).json()
    page = asked(context, server.address)
    (study, *others) = answer["studies"]

    expect(page.locator(".evidence tbody tr")).to_have_count(len(answer["sources"]))
    assert [study["document_id"], *(one["document_id"] for one in others)] == [
        source["document_id"] for source in answer["sources"]
    ]
    assert cell(page, "design") == study["design"] != ""
    assert cell(page, "n") == str(study["participants"]) == "203"
    assert cell(page, "direction") == study["direction"]
    assert study["quote"] in [span for statement in answer["statements"] for span in statement["spans"]]
    assert study["quote"]["quote"] in cell(page, "quote")
    assert f"PMID {study['document_id']}" in cell(page, "title")
    page.locator(".evidence td.title button").first.click()
    expect(page.locator("dialog mark.current")).to_have_text(study["quote"]["quote"])


def test_a_note_goes_into_the_file_and_nowhere_else(context: BrowserContext, server) -> None:
    page = asked(context, server.address)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.locator(".evidence textarea").first.fill(NOTE)
    with page.expect_download() as download:
        page.locator(".evidence").get_by_role("button", name="Download CSV").click()
    (row, *_) = rows_of(download.value)

    assert row["notes"] == '\'=HYPERLINK("x"), read twice'
    assert row["participants"] == "203"
    assert sent
    assert not any("HYPERLINK" in body for body in sent)
    assert page.evaluate("localStorage.length") == 0

    page.reload()

    expect(page.locator("#answer .asked")).to_have_text(STATINS, timeout=30_000)
    expect(page.locator(".evidence textarea").first).to_have_value("")


def test_notes_are_kept_where_that_is_asked_for_and_forgotten_again(context: BrowserContext, server) -> None:
    page = asked(context, server.address)
    page.get_by_label("Keep my notes").check()
    page.locator(".evidence textarea").first.fill("good")
    page.reload()
    expect(page.locator(".evidence textarea").first).to_have_value("good", timeout=30_000)

    page.get_by_label("Keep my notes").uncheck()

    assert page.evaluate("localStorage.getItem('ragqa.notes')") is None
    page.reload()
    expect(page.locator(".evidence textarea").first).to_have_value("", timeout=30_000)


def test_all_results_are_shown_and_saved_as_an_evidence_table(context: BrowserContext, server, client) -> None:
    page = asked(context, server.address)
    page.get_by_text("All results").click()
    expect(page.locator(".found li")).to_have_count(20, timeout=30_000)
    page.get_by_label("as an evidence table").check()
    table = page.locator(".results .evidence")

    expect(table.locator("tbody tr")).to_have_count(20)
    expect(page.locator(".found li")).to_have_count(0)
    with page.expect_download() as download:
        table.get_by_role("button", name="Download CSV").click()
    rows = rows_of(download.value)
    hits = client.post("/v1/search", json={"question": STATINS, "k": 20}).json()["hits"]
    assert [row["id"] for row in rows] == [hit["document_id"] for hit in hits]
    assert sum(row["design"] != "" for row in rows) > 10
    page.get_by_label("as an evidence table").uncheck()
    expect(page.locator(".found li")).to_have_count(20)


def test_what_is_blank_comes_last_however_the_table_is_sorted(context: BrowserContext, server) -> None:
    page = asked(context, server.address)
    page.get_by_text("All results").click()
    page.get_by_label("as an evidence table").check(timeout=30_000)
    table = page.locator(".results .evidence")
    for _ in range(2):
        table.get_by_role("button", name="n", exact=True).click()
        shown = [text.replace(",", "") for text in table.locator("td.n").all_text_contents()]
        told = [int(text) for text in shown if text]
        assert shown[: len(told)] == [str(n) for n in told]
        assert told in (sorted(told), sorted(told, reverse=True))
    assert 1 < len(told) < len(shown)
    assert told == sorted(told, reverse=True)
