"""The web page in a real browser (Debian's Chromium): asking, citations, hostile text, keyboard, memory."""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


@pytest.fixture
def page(browser: Browser, server) -> Iterator[Page]:
    """The page, opened; whatever the browser complains about fails the test."""
    context = browser.new_context(accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    requests: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(server.address)
    yield opened
    assert complaints == []
    assert [url for url in requests if not url.startswith((server.address, "blob:"))] == []
    context.close()


def ask(page: Page, question: str = STATINS) -> None:
    page.get_by_label("What do you want to know?").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer .asked")).to_have_text(question, timeout=30_000)


def test_a_question_is_answered_and_a_citation_opens_at_its_quote(page: Page) -> None:
    ask(page)

    expect(page.locator(".verdict .label")).to_have_text("Probably yes")
    expect(page.locator("#stages .done")).to_have_count(3)
    cites = page.locator(".statement .cite")
    assert cites.count() >= 1
    for place in range(cites.count()):
        quote = cites.nth(place).get_attribute("data-quote")
        cites.nth(place).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("mark.current")).to_have_count(1)
        assert dialog.locator("mark.current").text_content() == quote
        expect(dialog.get_by_role("link", name=re.compile(r"^\d+$"))).to_have_attribute(
            "href", re.compile(r"^https://pubmed\.ncbi\.nlm\.nih\.gov/\d+/$")
        )
        expect(dialog).to_contain_text("Evidence")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()


def test_a_verdict_tells_from_which_studies_it_comes(page: Page) -> None:
    ask(page)
    verdict = page.locator(".verdict")

    expect(verdict.locator(".basis")).to_have_text("from 1 cohort or case-control study (n = 203)")
    expect(verdict.get_by_role("img")).to_have_attribute("aria-label", re.compile("1 cohort or case-control study"))
    expect(verdict.get_by_role("list")).to_be_hidden()
    verdict.get_by_text("what it means").click()
    expect(verdict.get_by_role("list")).to_be_visible()
    expect(verdict).to_contain_text("neither an effect size")


VERDICT = """async ([label, share, conflict]) => {
  const { verdictView } = await import("/page/verdict.js");
  const levels = ["randomised controlled trial", "cohort or case-control study"];
  const sources = [0, 1, 2].map((n) => ({ document_id: String(n), evidence_level: levels[n ? 1 : 0], cited: true }));
  const answer = { verdict: label, verdict_probabilities: { [label]: share }, sources,
    notices: conflict ? [{ kind: "conflicting", message: "" }] : [] };
  const records = new Map([["0", { participants: 50 }], ["1", { participants: 30 }], ["2", { participants: null }]]);
  const view = verdictView(answer, levels, records);
  return [view.className, ...[...view.querySelectorAll(".label, .basis, .conflict")].map((node) => node.textContent)];
}"""


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (("yes", 0.95, False), "verdict yes", "Yes, as far as these articles tell"),
        (("no", 0.75, False), "verdict no", "Probably no"),
        (("yes", 0.69, False), "verdict weak", "Unclear, leaning to yes"),
        (("maybe", 0.8, False), "verdict maybe", "Unclear"),
        (("no", 0.75, True), "verdict no", "Probably no"),
    ],
)
def test_weak_and_disputed_verdicts_are_shown_as_such(page: Page, given: tuple, kind: str, words: str) -> None:
    shown = page.evaluate(VERDICT, list(given))

    basis = "from 1 randomised controlled trial (n = 50) and 2 cohort or case-control studies (n ≥ 30)"
    assert [text.replace("\u00a0", " ") for text in shown[:3]] == [
        kind,
        words,
        ("Weak: " if "weak" in kind else "") + basis,
    ]
    assert ("disagree" in shown[-1]) == given[2]


def test_everything_works_by_keyboard_and_focus_comes_back(page: Page) -> None:
    page.get_by_label("What do you want to know?").focus()
    page.keyboard.type(STATINS)
    page.keyboard.press("Enter")
    expect(page.locator("#answer .asked")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("status")).to_contain_text("The answer is here. Probably yes.")
    cite = page.locator(".statement .cite").first
    cite.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("mark.current")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")

    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(cite).to_be_focused()


def test_every_control_has_a_name(page: Page) -> None:
    ask(page)
    page.locator("#filters summary").click()

    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea, a")]
          .filter((node) => node.checkVisibility())
          .filter((node) => !(node.getAttribute("aria-label") || node.labels?.length || node.textContent.trim()))
          .map((node) => node.outerHTML)"""
    )

    assert nameless == []
    assert page.locator("main").count() == page.locator("header").count() == page.locator("footer").count() == 1


def test_hostile_texts_stay_texts(page: Page) -> None:
    page.get_by_label("Index").select_option("hostile")
    ask(page, "<img src=x onerror=window.hacked=4> What was the daily dose of tocopherol?")
    page.locator("#answer button.link").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".abstract").first).to_be_visible()

    assert page.evaluate("window.hacked") is None
    assert page.locator("#answer script, #answer img, #answer b, dialog script, dialog img, dialog b").count() == 0
    assert "<script>" in (dialog.text_content() or "")


def test_marks_count_signs_as_the_server_does(page: Page, client) -> None:
    question = "What was the daily dose of tocopherol in patients?"
    answer = client.post("/v1/ask", json={"question": question, "index": "hostile"}).json()
    spans = [span for statement in answer["statements"] for span in statement["spans"]]
    assert any(ord(sign) > 0xFFFF for span in spans for sign in span["quote"]), "the quote has no astral sign"
    page.get_by_label("Index").select_option("hostile")
    ask(page, question)

    for place in range(page.locator(".statement .cite").count()):
        cite = page.locator(".statement .cite").nth(place)
        cite.click()
        expect(page.locator("dialog mark.current")).to_have_text(cite.get_attribute("data-quote") or "")
        page.keyboard.press("Escape")


def test_filters_limit_the_answer_and_travel_in_the_address(page: Page, server, browser: Browser) -> None:
    page.locator("#filters summary").click()
    page.get_by_label("to", exact=True).fill("2000")
    ask(page, "Is treatment effective in patients?")
    years = [int(text) for text in page.locator("td[data-label=Year]").all_text_contents() if text]
    assert years
    assert max(years) <= 2000
    assert "year_to=2000" in page.url
    assert page.url.startswith(f"{server.address}#"), "the question must not be sent in the address"

    other = browser.new_page()
    other.goto(page.url)

    expect(other.locator("#answer .asked")).to_have_text("Is treatment effective in patients?", timeout=30_000)
    assert other.get_by_label("to", exact=True).input_value() == "2000"
    other.close()


def test_the_evidence_table_sorts_and_downloads(page: Page) -> None:
    ask(page, "What are the effects of statins?")
    page.get_by_role("button", name="Year", exact=True).click()
    years = [int(text) for text in page.locator("td[data-label=Year]").all_text_contents() if text]
    assert years == sorted(years)
    expect(page.locator("th", has_text="Year")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="Year", exact=True).click()
    expect(page.locator("th", has_text="Year")).to_have_attribute("aria-sort", "descending")

    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()

    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert len(rows) == page.locator("tbody tr").count()
    assert rows[0]["id"].isdecimal()
    assert rows[0]["url"].startswith("https://pubmed")


def test_an_answer_is_copied_as_markdown_with_references(page: Page) -> None:
    ask(page)
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    text = page.evaluate("navigator.clipboard.readText()")

    assert text.startswith(f"## {STATINS}")
    assert re.search(r"\nProbably yes, from 1 [a-z -]+ \(n = 203\)\. .* \[1\] ", text)
    assert re.search(r"- \[1\] .*PMID \d+\. <https://pubmed\.ncbi\.nlm\.nih\.gov/\d+/>", text)


def test_an_answer_is_copied_for_a_word_processor(page: Page) -> None:
    ask(page)
    page.get_by_role("button", name="Copy formatted").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    kinds = page.evaluate("navigator.clipboard.read().then((items) => items[0].types)")

    assert {"text/html", "text/plain"} <= set(kinds)


@pytest.mark.parametrize(("name", "record"), [("RIS", "TY  - JOUR"), ("NBIB", "PMID- "), ("BibTeX", "@article{pmid")])
def test_all_that_was_found_is_saved_for_a_reference_manager_with_one_click(
    page: Page, client, name: str, record: str
) -> None:
    ask(page)
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Save all found as {name}").click()

    found = client.post("/v1/search", json={"question": STATINS, "k": 100}).json()["hits"]

    assert len(found) > 20
    assert download.value.path().read_text().count(record) == len(found)


def test_questions_are_kept_only_for_whoever_asks_and_forgotten_on_demand(page: Page, server, browser: Browser) -> None:
    ask(page)
    page.goto(server.address)
    page.locator("#history summary").click()
    assert page.evaluate("localStorage.getItem('ragqa.questions')") is None
    expect(page.locator("#history").get_by_role("link")).to_have_count(0)
    page.get_by_label("Keep my questions").check()
    ask(page)
    page.goto(server.address)
    page.locator("#history summary").click()
    expect(page.locator("#history").get_by_role("link", name=STATINS)).to_be_visible()
    stranger = browser.new_page()
    stranger.goto(server.address)
    expect(stranger.locator("#welcome")).to_be_visible()
    expect(stranger.locator("#history").get_by_role("link")).to_have_count(0)
    stranger.close()

    page.get_by_role("button", name="Forget them").click()

    expect(page.locator("#history").get_by_role("link")).to_have_count(0)
    assert page.evaluate("localStorage.getItem('ragqa.questions')") is None


def test_turning_the_memory_off_forgets(page: Page) -> None:
    page.locator("#history summary").click()
    page.get_by_label("Keep my questions").check()
    ask(page)
    assert page.evaluate("localStorage.getItem('ragqa.questions')")

    page.get_by_label("Keep my questions").uncheck()

    assert (
        page.evaluate("[localStorage.getItem('ragqa.questions'), localStorage.getItem('ragqa.remember')]") == [None] * 2
    )


def test_a_server_can_forbid_browsers_to_keep_questions(start_server, browser: Browser) -> None:
    with start_server("--index", "sample", "--set", "page.history=false") as shared, browser.new_context() as context:
        page = context.new_page()
        page.goto(shared.address)
        page.evaluate("localStorage.setItem('ragqa.questions', '[]'); localStorage.setItem('ragqa.remember', '1')")
        page.reload()
        ask(page)

        expect(page.locator("#history")).to_be_hidden()
        assert page.evaluate("localStorage.getItem('ragqa.questions')") is None


def test_it_is_told_up_to_when_the_corpus_reaches(page: Page, client) -> None:
    reaches = client.get("/v1/indexes").json()["indexes"][0]["reaches"]
    found = client.post("/v1/search", json={"question": "patients", "k": 100}).json()["hits"]
    assert reaches[:4] >= str(max(hit["source"]["year"] for hit in found if hit["source"]["year"]))
    expect(page.locator("#index-facts")).to_contain_text(f"the newest of {reaches}")

    ask(page)

    expect(page.locator("#answer")).to_contain_text(f"The newest article in this corpus is from {reaches}")


def test_a_retracted_article_is_warned_about(page: Page, client) -> None:
    found = client.post("/v1/search", json={"question": "retracted", "k": 100}).json()["hits"]
    retracted = next(hit["document_id"] for hit in found if hit["source"]["retracted"])

    page.evaluate("async (id) => (await import('/page/article.js')).openArticle('sample', id, [], null)", retracted)

    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("retracted")


def test_an_empty_question_is_pointed_out(page: Page) -> None:
    page.get_by_role("button", name="Ask", exact=True).click()

    expect(page.get_by_role("alert")).to_contain_text("Write a question first")
    expect(page.get_by_label("What do you want to know?")).to_be_focused()


def test_the_colours_follow_the_system_or_the_button(browser: Browser, server) -> None:
    with browser.new_context(color_scheme="dark") as context:
        page = context.new_page()
        page.goto(server.address)
        paper = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(paper)
        page.get_by_role("button", name="Colours").click()
        light = page.evaluate(paper)
        page.reload()

        assert dark != light
        assert page.evaluate(paper) == light


def test_nothing_is_cut_off_on_a_phone(browser: Browser, server) -> None:
    with browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True) as context:
        page = context.new_page()
        page.goto(server.address)
        ask(page)
        page.locator("#filters summary").click()

        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.locator(".cite").first.click()
        expect(page.locator("dialog mark.current")).to_be_in_viewport()


def test_a_key_is_asked_for_once(guarded_server, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(guarded_server.address)
        page.get_by_label("Key", exact=True).fill("a-key-made-for-this-test-only")
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#index-facts")).to_contain_text("articles")

        ask(page)

        expect(page.locator(".verdict .label")).to_have_text("Probably yes")
