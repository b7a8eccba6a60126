"""A misspelt filter is refused with what was meant, over HTTP and on the page, and names are completed."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


@pytest.fixture
def page(browser: Browser, server) -> Iterator[Page]:
    with browser.new_context() as context:
        opened = context.new_page()
        opened.goto(server.address)
        yield opened


def names(client: httpx.Client, **asked: object) -> list[str]:
    listed = client.get("/v1/filters", params=asked).raise_for_status().json()  # type: ignore[arg-type]
    return [one["name"] for one in listed["names"]]


@pytest.mark.parametrize(("path", "more"), [("/v1/ask", {}), ("/v1/ask", {"stream": True}), ("/v1/search", {})])
def test_a_misspelt_filter_is_refused_with_what_was_meant(client: httpx.Client, path: str, more: dict) -> None:
    body = {"question": STATINS, "filter": {"mesh": ["Atrial Fibrilation"]}, **more}

    refused = client.post(path, json=body)

    assert refused.status_code == 422
    assert "did you mean 'Atrial Fibrillation'?" in refused.json()["detail"]


def test_names_are_listed_by_their_beginnings(client: httpx.Client) -> None:
    assert "Atrial Fibrillation" in names(client, kind="mesh", prefix="atr")
    assert names(client, kind="publication_types", prefix="RANDOM", k=1) == ["Randomized Controlled Trial"]
    assert names(client, kind="languages", prefix="germ") == ["ger"]
    assert names(client, kind="journals", prefix="lan", index="sample") == ["Lancet (London, England)"]
    assert names(client, kind="journals", index="hostile") == []
    assert len(names(client, kind="mesh")) == 20


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"kind": "authors"}, 422), ({"kind": "mesh", "k": 0}, 422), ({"kind": "mesh", "index": "x"}, 404)],
)
def test_what_has_no_names_is_refused(client: httpx.Client, asked: dict, status: int) -> None:
    assert client.get("/v1/filters", params=asked).status_code == status


def test_the_page_completes_each_value_of_a_filter_and_keeps_those_before(page: Page) -> None:
    page.locator("#filters summary").click()
    field = page.get_by_label("MeSH headings")
    options = page.locator("#mesh-names option")

    field.press_sequentially("atrial f")
    expect(options.first).to_have_attribute("value", "Atrial Fibrillation")
    field.fill("Atrial Fibrillation; coronary artery b")

    expect(options.first).to_have_attribute("value", "Atrial Fibrillation; Coronary Artery Bypass")
    page.get_by_label("Languages").fill("germ")
    languages = page.locator("#languages-names option")
    expect(languages).to_have_count(1)  # at first all of them are offered
    expect(languages.first).to_have_attribute("value", "ger")


def test_the_page_says_what_was_meant_with_the_filters_open(page: Page, server) -> None:
    page.goto(f"{server.address}#q=Do+statins+help%3F&mesh=Atrial+Fibrilation")
    page.reload()

    expect(page.locator("#problem")).to_contain_text("did you mean 'Atrial Fibrillation'?")
    expect(page.locator("#filters")).to_have_attribute("open", "")
    page.locator("#filters summary").click()
    page.get_by_label("What do you want to know?").fill(STATINS)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#filters")).to_have_attribute("open", "")
    page.get_by_label("MeSH headings").fill("Atrial Fibrillation")
    page.get_by_role("button", name="Ask", exact=True).click()

    expect(page.locator("#answer .asked")).to_have_text(STATINS, timeout=30_000)
    expect(page.locator("#problem")).to_be_hidden()
    assert re.search(r"mesh=Atrial\+Fibrillation", page.url)
