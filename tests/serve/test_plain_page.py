"""The page without JavaScript: a form, a whole page as the answer, and its exports."""

import pytest
from playwright.sync_api import Browser, expect

from ragqa.serve.plain_page import KINDS

KEY = "a-key-made-for-this-test-only"
STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
VERDICT = "Probably yes, from 1 cohort or case-control study (n = 203)."


def test_a_browser_without_scripts_asks_follows_up_and_saves(browser: Browser, server) -> None:
    with browser.new_context(java_script_enabled=False, accept_downloads=True) as context:
        page = context.new_page()
        page.goto(server.address)
        kinds = page.get_by_label("Kind of answer").locator("option")
        assert [kind.get_attribute("value") for kind in kinds.all()] == ["", *KINDS]
        page.get_by_label("What do you want to know?").fill(STATINS)
        page.get_by_role("button", name="Ask", exact=True).click()

        expect(page.locator("#answer")).to_contain_text(VERDICT)
        expect(page.locator("#answer")).not_to_contain_text("Yes (")
        expect(page.locator("#answer").get_by_role("link").first).to_have_attribute(
            "href", "https://pubmed.ncbi.nlm.nih.gov/21881325/"
        )
        assert "statins" not in page.url
        with page.expect_download() as download:
            page.get_by_role("button", name="RIS").click()
        assert "TY  - JOUR" in download.value.path().read_text()
        with page.expect_download() as download:
            page.get_by_role("button", name="Markdown").click()
        assert download.value.path().read_text().startswith(f"## {STATINS}\n\n{VERDICT} ")
        with page.expect_download() as download:
            page.get_by_role("button", name="HTML").click()
        assert f"<p><strong>{VERDICT}</strong></p>" in download.value.path().read_text()

        page.get_by_label("Ask a follow-up").fill("And in women?")
        page.get_by_role("button", name="Follow up").click()
        expect(page.locator("#answer")).to_contain_text("Read as: Do preoperative statins")
        expect(page.locator("#answer h2")).to_contain_text("grafting in women?")


def test_filters_and_kind_are_heeded_and_kept(client) -> None:
    form = {"question": "What are the effects of statins?", "year_to": "2000", "type": "summary", "mesh": " ; "}
    text = client.post("/ask", data=form).text

    assert 'name="year_to" type="number" min="1700" max="2100" value="2000"' in text
    assert '<option value="summary" selected>' in text
    found = client.post("/v1/ask", json={"question": form["question"], "type": "summary", "filter": {"year_to": 2000}})
    assert all(source["document_id"] in text for source in found.json()["sources"])


def test_hostile_texts_stay_texts(client) -> None:
    question = '"><script>window.hacked=1</script> What was the daily dose of tocopherol?'
    text = client.post("/ask", data={"question": question, "index": "hostile", "type": '"><b>'}).text
    assert client.post("/ask", data={"question": question, "index": "hostile"}).status_code == 200
    shown = text + client.post("/ask", data={"question": question, "index": "hostile"}).text

    assert "<script" not in shown
    assert "<img" not in shown
    assert '"><b>' not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({"question": ""}, 422, "question is empty"),
        ({"question": "Is it?", "index": "other"}, 404, "no index"),
        ({"question": "Is it?", "year_from": "soon"}, 422, "year_from"),
        ({"question": "x" * 3000}, 422, "characters"),
    ],
)
def test_what_is_wrong_is_said_on_the_page_which_keeps_the_question(client, form, status, told) -> None:
    response = client.post("/ask", data=form)

    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert told in response.text.partition('role="alert">')[2].partition("</p>")[0].lower()
    assert f">{form['question']}</textarea>" in response.text


def test_a_follow_up_that_fails_keeps_what_was_asked_before(client) -> None:
    form = {"question": "And in women?", "earlier": [STATINS], "year_from": "soon"}
    before = f'<input type="hidden" name="earlier" value="{STATINS}">'
    assert before in client.post("/ask", data=form).text.partition('id="ask"')[2].partition("</form>")[0]
    assert (
        before in client.post("/key", data={**form, "key": "x"}).text.partition('id="ask"')[2].partition("</form>")[0]
    )

    again = client.post("/ask", data={**form, "year_from": ""}).text
    assert "Read as: Do preoperative statins" in again


def test_a_dialogue_without_scripts_does_not_end_at_some_length(client) -> None:
    most = 60
    page = client.post("/ask", data={"question": STATINS, "earlier": ["Is halofantrine ototoxic?"] * most})

    assert page.text.partition('class="follow"')[2].partition("</form>")[0].count('name="earlier"') == most


def test_a_key_is_given_without_scripts_and_the_question_kept(browser: Browser, guarded_server) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(guarded_server.address)
        page.get_by_label("What do you want to know?").fill(STATINS)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.get_by_role("heading", name="This server asks for a key")).to_be_visible()

        page.get_by_label("Key").fill("wrong")
        page.get_by_role("button", name="Use it").click()
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("not accepted")

        page.get_by_label("Key").fill(KEY)
        page.get_by_role("button", name="Use it").click()
        expect(page.get_by_label("What do you want to know?")).to_have_value(STATINS)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("#answer")).to_contain_text("Probably yes")

        (cookie,) = context.cookies(f"{guarded_server.address}ask")
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert cookie["path"] == "/ask"
        assert cookie["expires"] == -1
        assert KEY not in page.content()


def test_the_cookie_opens_nothing_but_the_page_without_scripts(guarded_server) -> None:
    with guarded_server.client(cookies={"ragqa_key": KEY}) as client:
        assert client.get("/ask").status_code == 200
        assert client.get("/v1/indexes").status_code == 401
        assert client.get("/metrics").status_code == 401


def test_no_other_site_hands_a_browser_a_key(client) -> None:
    response = client.post("/key", data={"key": KEY}, headers={"sec-fetch-site": "cross-site"})

    assert response.status_code == 422
    assert "set-cookie" not in response.headers


def test_what_is_no_key_is_told_and_an_empty_one_forgets(client) -> None:
    refused = client.post("/key", data={"key": "ä b; Path=/", "question": "<b>Is it?"})
    forgotten = client.post("/key", data={"key": " "})

    assert refused.status_code == 422
    assert "set-cookie" not in refused.headers
    assert 'value="&lt;b&gt;Is it?"' in refused.text
    assert "Max-Age=0" in forgotten.headers["set-cookie"]


def test_an_unknown_form_of_articles_is_refused_in_words(client) -> None:
    response = client.post("/ask/articles", data={"ids": "21881325", "format": "docx"})

    assert response.status_code == 422
    assert "must be one of ris, nbib, bibtex, csv" in response.text


def test_what_the_server_refuses_is_a_page_for_a_browser_and_json_for_others(client) -> None:
    too_long = {"question": "x" * 70_000}
    shown = client.post("/ask", data=too_long, headers={"accept": "text/html,*/*;q=0.8"})
    told = client.post("/ask", data=too_long)

    assert shown.status_code == told.status_code == 413
    assert "The request body is longer than the 65,536 bytes that this server takes." in shown.text
    assert shown.headers["content-type"].startswith("text/html")
    assert told.headers["content-type"] == "application/problem+json"


def test_a_key_is_needed_where_there_are_keys(guarded_server) -> None:
    with guarded_server.client() as client:
        assert client.post("/ask", data={"question": STATINS}).status_code == 401
