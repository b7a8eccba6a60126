"""All that was found, in a real browser: sorted, narrowed, page by page, marked, saved."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


@pytest.fixture
def results(browser: Browser, server) -> Iterator[Locator]:
    """All results of the question, opened; whatever the browser complains about fails the test."""
    with browser.new_context(accept_downloads=True) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(server.address)
        ask(page)
        page.get_by_text("All results").click()
        opened = page.locator(".results")
        expect(opened.locator(".found li")).to_have_count(20, timeout=30_000)
        yield opened
        assert complaints == []


def ask(page: Page) -> None:
    page.get_by_label("What do you want to know?").fill(STATINS)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer .asked")).to_have_text(STATINS, timeout=30_000)


def years(results: Locator) -> list[int]:
    told = results.locator(".found li > .faint:first-of-type").all_text_contents()
    return [int(found[0]) for text in told if (found := re.findall(r"\b(?:19|20)\d\d\b", text))]


def titles(results: Locator) -> list[str]:
    return results.locator(".found button.link").all_text_contents()


def test_all_hits_come_page_by_page_in_the_order_of_the_search(results: Locator, client) -> None:
    hits = client.post("/v1/search", json={"question": STATINS, "k": 100}).json()["hits"]
    shown = titles(results)
    while results.get_by_role("button", name="Next").is_enabled():
        results.get_by_role("button", name="Next").click()
        shown += titles(results)

    assert shown == [hit["source"]["title"] for hit in hits]
    assert len(shown) > 20
    results.get_by_role("button", name="Previous").click()
    assert titles(results) == shown[(len(shown) - 1) // 20 * 20 - 20 :][:20]


def test_the_focus_stays_with_the_results(results: Locator) -> None:
    count = results.locator("p[role=status]")
    results.get_by_role("button", name="Next").press("Enter")
    expect(count).to_be_focused()

    results.get_by_text("Narrow by").click()
    results.locator("button.year").first.press("Enter")
    results.get_by_role("button", name="Show all again").press("Enter")
    expect(count).to_be_focused()


def test_they_are_sorted_by_year_and_by_level_of_evidence(results: Locator, client) -> None:
    results.get_by_label("Order").select_option("newest first")
    newest = years(results)
    results.get_by_label("Order").select_option("oldest first")
    oldest = years(results)
    results.get_by_label("Order").select_option("strongest evidence first")
    levels = client.get("/v1/indexes").json()["evidence_levels"]
    shown = [levels.index(tag) for tag in results.locator(".tag").all_text_contents() if tag in levels]

    assert newest == sorted(newest, reverse=True)
    assert oldest == sorted(oldest)
    assert newest != oldest
    assert shown == sorted(shown)


def test_it_is_told_what_was_cited_what_was_only_read_and_what_was_not(results: Locator, client) -> None:
    answer = client.post("/v1/ask", json={"question": STATINS}).json()
    cited = {source["title"] for source in answer["sources"] if source["cited"]}
    n_read = len(answer["hits"])
    lines = results.locator(".found li")

    for place, title in enumerate(titles(results)):
        text = lines.nth(place).text_content() or ""
        assert (title in cited) == (lines.nth(place).locator(".tag").last.text_content() == "cited")
        assert ("not read: only the best" in text) == (place >= n_read)
        assert ("read but not cited: " in text) == (place < n_read and title not in cited)


def test_words_of_the_question_are_marked_in_the_best_sentence(results: Locator) -> None:
    marked = results.locator(".found li").first.locator(".fits mark").all_text_contents()

    assert {"statin", "fibrillation"} & {word.lower().strip(".,").rstrip("s") for word in marked}


def test_they_are_narrowed_and_what_is_left_is_saved(results: Locator, client) -> None:
    hits = client.post("/v1/search", json={"question": STATINS, "k": 100}).json()["hits"]
    trials = [hit for hit in hits if "Randomized Controlled Trial" in hit["source"]["publication_types"]]
    results.get_by_text("Narrow by").click()
    results.get_by_role("checkbox", name="Randomized Controlled Trial").check()

    expect(results.get_by_role("status").last).to_contain_text(f"{len(trials)} of the {len(hits)}")
    assert 0 < len(trials) < len(hits)
    begins = list[int]()
    for bar in results.locator(".year").all():
        label = bar.get_attribute("aria-label") or ""
        if int(label[:4]) >= 2010:
            bar.click()
            begins.append(int(label[:4]))
    late = [hit for hit in trials if (hit["source"]["year"] or 0) >= min(begins)]
    assert 0 < len(late) < len(trials)
    expect(results.locator(".found li")).to_have_count(min(20, len(late)))
    with results.page.expect_download() as download:
        results.get_by_role("button", name="Save these as RIS").click()
    assert download.value.path().read_text().count("TY  - JOUR") == len(late)

    results.get_by_role("button", name="Show all again").click()
    expect(results.locator(".found li")).to_have_count(20)


def test_a_failure_is_told_and_tried_again(browser: Browser, server) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address)
        ask(page)
        page.route("**/v1/search", lambda route: route.fulfill(status=503, json={"detail": "the queue is full"}))
        page.get_by_text("All results").click()
        expect(page.locator(".results").get_by_role("alert")).to_have_text("the queue is full")
        page.unroute("**/v1/search")

        page.locator(".results").get_by_role("button", name="Try again").click()

        expect(page.locator(".found li")).to_have_count(20, timeout=30_000)
