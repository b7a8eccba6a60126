"""What stands first in an answer on the page, and what is left of it on paper."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
UNDECIDED = "Can ultrasound replace biopsy?"
MISTAKEN = "Why does a longer wait before appendectomy lead to more complications?"
RETRACTED = "Does the MMR vaccine cause autism?"
A4_PIXELS = {"width": 718, "height": 1047}

IS_BEFORE = """([one, other]) => Boolean(document.querySelector(one)
  .compareDocumentPosition(document.querySelector(other)) & Node.DOCUMENT_POSITION_FOLLOWING)"""
COLOURS = """() => ["ink", "soft", "accent", "good", "bad"].map((name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`))"""
TOO_WIDE = """() => [...document.querySelectorAll("#answer :not(thead, thead *)")]
  .filter((node) => node.checkVisibility() && node.getBoundingClientRect().right > innerWidth + 1)
  .map((node) => node.outerHTML.slice(0, 100))"""


@pytest.fixture
def page(browser: Browser, server) -> Iterator[Page]:
    with browser.new_context() as context:
        opened = context.new_page()
        opened.goto(server.address)
        yield opened


def ask(page: Page, question: str) -> None:
    page.get_by_label("What do you want to know?").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer .asked")).to_be_visible(timeout=30_000)


def test_a_verdict_that_is_withheld_is_told_before_the_statements_with_its_probabilities(page: Page) -> None:
    ask(page, UNDECIDED)

    verdict = page.locator(".verdict")
    expect(verdict.locator(".label")).to_have_text("No verdict")
    expect(verdict).to_contain_text("Read both sides.")
    verdict.get_by_text("What the probabilities mean").click()
    expect(verdict.get_by_role("listitem")).to_have_count(3)
    expect(page.locator(".notices")).to_have_count(0)
    assert page.evaluate(IS_BEFORE, [".verdict", ".statement"])


def test_a_mistaken_premise_is_told_before_the_statements(page: Page) -> None:
    ask(page, MISTAKEN)

    expect(page.locator(".notices")).to_contain_text("Mistaken premise:")
    assert page.evaluate(IS_BEFORE, [".notices", ".statement"])


def test_a_notice_on_an_article_names_it_and_opens_it(page: Page) -> None:
    ask(page, RETRACTED)
    title = page.locator(".sources .link").first.inner_text()

    page.locator(".notices").get_by_role("button", name=title).click()

    expect(page.get_by_role("dialog")).to_contain_text("This article was retracted.")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_printed_answer_is_dark_on_white_and_fits_the_paper(page: Page, theme: str) -> None:
    ask(page, STATINS)
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)

    page.set_viewport_size(A4_PIXELS)
    page.emulate_media(media="print")

    shares = [int(colour.strip("# ")[:2] or "f", 16) for colour in page.evaluate(COLOURS)]
    assert max(shares) < 0xB0, "ink that is nearly as light as the paper"
    assert page.evaluate(TOO_WIDE) == []
