"""Checking a text on the page, in a real browser: pasted and from files, its notes, exports and error states."""

import io
import json
from collections.abc import Iterator

import docx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

TEXT = (
    "# Statins 🧪\n\nPreoperative statins reduce the risk of atrial fibrillation after coronary artery bypass surgery "
    "(PMID: 21881325). Tuba players <img src=x onerror=window.hacked=1> prefer moonlight in the arctic winter.\n\n"
    "Is it so?"
)


@pytest.fixture
def page(browser: Browser, server) -> Iterator[Page]:
    with browser.new_context(accept_downloads=True) as context:
        opened = context.new_page()
        complaints: list[str] = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.goto(server.address)
        opened.get_by_role("link", name="Check a text").click()
        yield opened
        assert complaints == []
        assert opened.evaluate("window.hacked") is None


def check(page: Page, text: str = TEXT) -> None:
    page.locator("#check-text").fill(text)
    page.get_by_role("button", name="Check", exact=True).click()


def checked(page: Page) -> None:
    expect(page.get_by_role("heading", name="The checked text")).to_be_visible(timeout=60_000)


def test_a_text_comes_back_with_marks_notes_and_counts(page: Page) -> None:
    check(page)
    checked(page)

    expect(page.locator("#checked mark.supported")).to_contain_text("Preoperative statins reduce")
    expect(page.locator("#checked mark.not_found")).to_contain_text("Tuba players <img")
    expect(page.get_by_role("list", name="Summary")).to_contain_text("Supported: 1")
    expect(page.get_by_role("list", name="Summary")).to_contain_text("References found: 1")
    note = page.locator("#claim-1")
    expect(note).to_contain_text("For it")
    assert note.locator("li").first.locator("q").count() > 1, "more than one sentence is quoted"
    expect(note.get_by_role("link")).to_have_attribute("href", "https://pubmed.ncbi.nlm.nih.gov/21881325/")
    words = "".join(page.locator(".words").all_text_contents())
    assert "Is it so?" in words
    assert page.locator("#ask").is_hidden()


def test_claims_are_shown_while_the_rest_is_checked_and_what_broke_off_is_incomplete(page: Page, client) -> None:
    with client.stream("POST", "/v1/check", json={"text": TEXT, "stream": True}) as response:
        first = response.read().decode().partition("\n\n")[0] + "\n\n"
    page.route(
        "**/v1/check",
        lambda route: route.fulfill(body=first, headers={"content-type": "text/event-stream"}),
    )
    check(page)

    expect(page.locator("#checked")).to_contain_text("Incomplete.")
    expect(page.locator("#checked .note")).to_have_count(1)
    expect(page.locator("#check-problem")).to_contain_text("connection broke")
    expect(page.locator("#check-text")).to_have_value(TEXT)
    page.unroute("**/v1/check")
    page.get_by_role("button", name="Check again").click()
    checked(page)
    expect(page.locator("#check-problem")).to_be_hidden()


def test_files_are_checked(page: Page) -> None:
    document = docx.Document()
    document.add_paragraph("Preoperative statins reduce atrial fibrillation after coronary artery bypass surgery.")
    file = io.BytesIO()
    document.save(file)
    page.locator("#check-text").fill("Something else was written here.")
    page.locator("#check-file").set_input_files({"name": "a.DOCX", "mimeType": "", "buffer": file.getvalue()})
    expect(page.locator("#check-text")).to_have_value("")
    page.get_by_role("button", name="Check", exact=True).click()

    checked(page)
    expect(page.locator("#checked mark.supported")).to_have_count(1)


def test_a_check_that_cannot_begin_leaves_the_one_before_it_at_work(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/check", hold)
    check(page)
    expect(page.locator("#check-status")).to_have_text("Reading the text …")
    page.locator("#check-text").fill("")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#check-problem")).to_contain_text("Paste a text")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()

    held[0].continue_()

    checked(page)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("scan.pdf", b"no pdf", "no PDF file"),
        ("table.xlsx", b"x", "of a kind that cannot be read"),
        ("big.txt", b"x" * 6_500_000, "at most 6 MB"),
        ("question.txt", b"Is it so?", "no claim"),
    ],
)
def test_a_file_that_cannot_be_checked_is_refused_in_words(page: Page, name: str, content: bytes, told: str) -> None:
    page.locator("#check-file").set_input_files({"name": name, "mimeType": "", "buffer": content})
    page.get_by_role("button", name="Check", exact=True).click()

    expect(page.locator("#check-problem")).to_contain_text(told)
    expect(page.locator("#check-problem").get_by_role("button")).to_have_count(0)


def test_an_empty_text_and_a_server_that_is_gone_are_told(page: Page) -> None:
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#check-problem")).to_contain_text("Paste a text")
    page.route("**/v1/check", lambda route: route.abort("connectionrefused"))

    check(page)

    expect(page.locator("#check-problem")).to_contain_text("cannot be reached")
    expect(page.locator("#check-problem")).to_contain_text("Your text is kept")
    expect(page.locator("#check-text")).to_have_value(TEXT)


def test_a_checked_text_is_saved_as_a_page_and_as_a_table(page: Page) -> None:
    check(page)
    checked(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Page", exact=True).click()
    saved = download.value.path().read_text()
    assert "&lt;img" in saved
    assert "<img" not in saved
    assert "Supported: 1" in saved
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    assert len(download.value.path().read_text("utf-8-sig").splitlines()) == 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"references": [{"supports": [[7, "supports"]]}]}, "names claim 7"),
        ({"claims": [{"supporting": [{"url": "javascript:alert(1)"}]}]}, "must begin with https://"),
        ({"claims": [{"text": "\ud800"}]}, "surrogate"),
    ],
)
def test_what_was_never_checked_here_is_not_written(client, change, told) -> None:
    span = {"block": 0, "begin": 0, "end": 1, "text": "A"}
    cited = {"document_id": "1", "section": "title", "begin": 0, "end": 1, "quote": "A", "probability": 1}
    claim = {**span, "read": "A", "verdict": "supported", "probability": 1}
    claims = [{**claim, **one} for one in change.get("claims", [{}])]
    for one in claims:
        one["supporting"] = [{**cited, **given} for given in one.get("supporting", [])]
    references = [{**span, "status": "found", **one} for one in change.get("references", [])]
    whole = {"blocks": [["paragraph", "A"]], "claims": claims, "references": references, "skipped": [], "summary": {}}

    response = client.post(
        "/v1/check/render",
        content=json.dumps({"checked": whole, "format": "html"}),
        headers={"content-type": "application/json"},
    )

    assert response.status_code == 422
    assert told in response.json()["detail"]


def test_one_can_go_between_asking_and_checking(page: Page) -> None:
    page.locator("#check-text").fill(TEXT)
    page.get_by_role("link", name="Ask", exact=True).click()
    expect(page.locator("#ask")).to_be_visible()
    expect(page.locator("#check")).to_be_hidden()

    page.go_back()

    expect(page.locator("#check-text")).to_have_value(TEXT)
    expect(page.get_by_role("link", name="Check a text")).to_have_attribute("aria-current", "page")
