"""Queries as PubMed takes them, over HTTP, on the command line and on the page."""

from playwright.sync_api import Browser, expect

from ragqa.cli import run

QUERY = "statin[ti] OR statins[ti]"
WRONG = "statin[xx] AND 2005[dp]"


def test_the_api_finds_what_the_query_says_and_tells_how_many(client) -> None:
    found = client.post("/v1/search", json={"question": QUERY, "fielded": True, "k": 1}).json()
    plain = client.post("/v1/search", json={"question": QUERY, "k": 1}).json()

    assert len(found["hits"]) == 1
    assert found["total"] > 1
    assert "statin" in found["hits"][0]["source"]["title"].lower()
    assert plain["total"] is None


def test_the_api_refuses_a_wrong_query_with_its_place(client) -> None:
    refused = client.post("/v1/search", json={"question": WRONG, "fielded": True})

    assert refused.status_code == 422
    assert "statin▸[xx]" in refused.json()["detail"]


def test_the_command_line_tells_how_many_there_are(sample_home, capsys) -> None:
    assert run(["search", QUERY, "--fielded", "-k", "1"]) == 0
    assert "found in all" in capsys.readouterr().out
    assert run(["search", WRONG, "--fielded"]) == 2
    assert "statin▸[xx]" in capsys.readouterr().err


def test_the_page_shows_articles_alone_and_goes_back_to_them(browser: Browser, server, client) -> None:
    total = client.post("/v1/search", json={"question": "review[pt]", "fielded": True}).json()["total"]
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address)
        page.get_by_label("Kind of answer").select_option("articles")
        expect(page.locator("#query-help")).to_be_visible()
        page.get_by_label("What do you want to know?").fill("review[pt]")
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator(".results-head")).to_contain_text(f"{total} articles found", timeout=30_000)
        expect(page.locator(".verdict, .statement, #stages li:visible")).to_have_count(0)

        page.get_by_label("What do you want to know?").fill(WRONG)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("#problem")).to_contain_text("statin▸[xx]")

        page.go_back()
        expect(page.locator(".results-head")).to_contain_text(f"{total} articles found", timeout=30_000)
