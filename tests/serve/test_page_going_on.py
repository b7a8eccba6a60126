"""Going on from an answer in a real browser: follow-ups, going back, related questions."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
GAMBLING = "Which antipsychotic drug may be a risk factor for pathological gambling?"


@pytest.fixture
def asked() -> list[str]:
    """The questions that reached the server."""
    return []


@pytest.fixture
def page(browser: Browser, server, asked: list[str]) -> Iterator[Page]:
    with browser.new_context() as context:
        opened = context.new_page()

        def note(request) -> None:
            if request.url.endswith("/v1/ask"):
                asked.append(request.post_data_json["question"])

        opened.on("request", note)
        opened.goto(server.address)
        yield opened


def ask(page: Page, question: str) -> None:
    page.get_by_label("What do you want to know?").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer .asked")).to_have_text(question, timeout=30_000)


def follow(page: Page, question: str) -> None:
    page.get_by_label("Ask a follow-up").fill(question)
    page.get_by_role("button", name="Follow up").click()


def test_a_follow_up_is_read_with_what_was_asked_before(page: Page, server) -> None:
    ask(page, STATINS)
    follow(page, "And in women?")

    read = STATINS.replace("?", " in women?")
    expect(page.locator("#answer .asked")).to_have_text(read, timeout=30_000)
    expect(page.locator("#answer")).to_contain_text("You asked “And in women?”")
    expect(page.get_by_label("What do you want to know?")).to_have_value(read)
    follow(page, "And in men?")
    expect(page.locator("#answer .asked")).to_have_text(STATINS.replace("?", " in men?"), timeout=30_000)
    assert page.url.startswith(f"{server.address}#"), "the questions must not be sent in the address"


def test_a_dialogue_does_not_end_at_some_length(page: Page, server) -> None:
    earlier = [("earlier", "Is halofantrine ototoxic?")] * 60
    page.goto(f"{server.address}#{urlencode([('q', STATINS), *earlier])}")
    expect(page.locator("#answer .asked")).to_have_text(STATINS, timeout=30_000)
    follow(page, "And in women?")

    expect(page.locator("#answer .asked")).to_have_text(STATINS.replace("?", " in women?"), timeout=30_000)
    expect(page.locator("#problem")).to_be_hidden()


def test_a_new_question_after_a_follow_up_stands_alone(page: Page) -> None:
    ask(page, STATINS)
    follow(page, "And in women?")
    expect(page.locator("#answer")).to_contain_text("You asked", timeout=30_000)

    ask(page, GAMBLING)

    assert "earlier=" not in page.url


def test_what_can_be_read_in_several_ways_is_asked_back(page: Page) -> None:
    ask(page, STATINS)
    follow(page, "What about aspirin?")

    expect(page.locator("#answer .label")).to_have_text("Which do you mean?", timeout=30_000)
    expect(page.locator("#answer .notices")).to_have_count(0)
    expect(page.get_by_label("What do you want to know?")).to_have_value("What about aspirin?")


def test_going_back_shows_the_answer_without_asking_again(page: Page, asked: list[str]) -> None:
    ask(page, STATINS)
    follow(page, "And in women?")
    expect(page.locator("#answer")).to_contain_text("You asked", timeout=30_000)
    ask(page, GAMBLING)
    assert len(asked) == 3

    page.go_back()
    expect(page.locator("#answer")).to_contain_text("You asked “And in women?”")
    page.go_back()
    expect(page.locator("#answer .asked")).to_have_text(STATINS)
    expect(page.get_by_label("What do you want to know?")).to_have_value(STATINS)
    expect(page.locator(".verdict .label")).to_have_text("Probably yes")
    page.go_forward()
    expect(page.locator("#answer")).to_contain_text("You asked “And in women?”")
    assert len(asked) == 3

    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#stages .done")).to_have_count(3, timeout=30_000)
    assert len(asked) == 4, "who asks again gets a new answer"


def test_a_related_question_is_one_click_away(page: Page) -> None:
    related = [{"question": "Is <b>gout</b> linked to gambling?", "document_id": "1"}]
    page.route("**/v1/related", lambda route: route.fulfill(json={"questions": related}))
    ask(page, GAMBLING)

    page.get_by_role("link", name="Is <b>gout</b> linked to gambling?").click()

    expect(page.locator("#answer .asked")).to_have_text("Is <b>gout</b> linked to gambling?", timeout=30_000)


def test_related_questions_come_from_the_titles_of_the_index(client) -> None:
    response = client.post("/v1/related", json={"question": STATINS, "n": 3})
    titles = client.post("/v1/search", json={"question": STATINS, "k": 100}).json()["hits"]
    ids = {hit["document_id"] for hit in titles}

    assert response.status_code == 200
    assert len(response.json()["questions"]) <= 3
    assert all(one["document_id"] in ids and one["question"].endswith("?") for one in response.json()["questions"])
