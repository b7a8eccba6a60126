"""What the page says and offers when something is wrong: the question stays, and there is a way on."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Route, expect

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
KEY = "a-key-made-for-this-test-only"


@dataclass
class Relay:
    """Stands between the browser and a server, as a network does; it can break off, or stall, after a statement."""

    upstream: tuple[str, int]
    mode: str = "through"
    let_go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.let_go.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self.upstream)
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
            threading.Thread(target=self._return, args=(server, client), daemon=True).start()

    @staticmethod
    def _pass(client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _return(self, server: socket.socket, client: socket.socket) -> None:
        seen, sent = b"", 0
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                seen += data
                statement = seen.find(b"event: statement")
                end = seen.find(b"\n\n", statement) + 2 if statement >= 0 else 0
                if self.mode != "through" and end > 1:
                    client.sendall(seen[sent:end])
                    # What breaks off at once may take along what the browser has not yet shown.
                    self.let_go.wait(30 if self.mode == "stall" else 0.5)
                    break
                client.sendall(data)
                sent += len(data)
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(server) -> Iterator[Relay]:
    host, port = server.address.removeprefix("http://").strip("/").split(":")
    made = Relay((host, int(port)))
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def ask(page: Page, question: str = STATINS) -> None:
    page.get_by_label("What do you want to know?").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def answered(page: Page) -> None:
    expect(page.locator(".verdict .label")).to_be_visible(timeout=30_000)
    expect(page.locator("#problem")).to_be_hidden()


def keeps_the_question(page: Page, question: str = STATINS) -> None:
    expect(page.get_by_label("What do you want to know?")).to_have_value(question)


def test_a_server_that_is_down_at_load_is_told_and_tried_again(page: Page, server) -> None:
    page.route("**/v1/**", lambda route: route.abort("connectionrefused"))
    page.goto(f"{server.address}#q=Is+it%3F&index=sample")
    expect(page.locator("#problem")).to_contain_text("cannot be reached")
    keeps_the_question(page, "Is it?")
    page.get_by_label("What do you want to know?").fill(STATINS)

    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#problem")).to_contain_text("cannot be reached")
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Try again").click()

    answered(page)
    expect(page.locator("#answer .asked")).to_have_text(STATINS)
    expect(page.locator("#index-facts")).to_contain_text("articles")


def test_a_link_asks_its_index_though_the_server_was_down_at_first(page: Page, server) -> None:
    page.route("**/v1/**", lambda route: route.abort("connectionrefused"))
    page.goto(f"{server.address}#q=What+was+the+dose%3F&index=hostile")
    expect(page.locator("#problem")).to_contain_text("cannot be reached")
    page.unroute("**/v1/**")

    page.get_by_role("button", name="Try again").click()

    expect(page.locator("#answer .asked")).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Index")).to_have_value("hostile")
    expect(page.locator("#index-facts")).to_have_text(re.compile(r"^2 articles"))
    assert "index=hostile" in page.url


def test_an_article_that_comes_late_does_not_take_the_place_of_another(page: Page, server) -> None:
    page.goto(server.address)
    ask(page)
    answered(page)
    page.get_by_text("All results").click()
    titles = page.locator(".found button.link")
    late, current = titles.nth(0), titles.nth(1)
    held: list = []
    page.route("**/v1/documents/**", lambda route: route.continue_() if held else held.append(route))
    late.click()
    expect(page.get_by_role("dialog")).to_contain_text("Loading")
    page.keyboard.press("Escape")
    current.click()
    expect(page.locator("#article-title")).to_have_text(current.inner_text())

    with page.expect_response("**/v1/documents/**"):
        held[0].continue_()
    page.wait_for_timeout(200)

    expect(page.locator("#article-title")).to_have_text(current.inner_text())


def test_what_is_opened_or_focused_stays_so_when_more_is_known_of_the_articles(page: Page, server) -> None:
    page.goto(server.address)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/records", hold)
    ask(page)
    answered(page)
    meaning, source = page.locator(".verdict details"), page.locator("#answer .sources button.link").first
    meaning.locator("summary").click()
    source.focus()

    held[0].continue_()

    expect(page.locator("#answer .sources")).to_contain_text("n = 203")
    expect(source).to_be_focused()
    assert meaning.get_attribute("open") is not None


def test_the_link_to_the_form_leaves_the_answer_where_it_is(page: Page, server) -> None:
    page.goto(server.address)
    ask(page)
    answered(page)
    page.get_by_role("link", name="Skip to the form").press("Enter")

    expect(page.get_by_label("What do you want to know?")).to_be_focused()
    answered(page)
    page.get_by_role("link", name="Check a text").click()
    page.get_by_role("link", name="Skip to the form").press("Enter")
    expect(page.locator("#check-text")).to_be_focused()


def test_a_browser_that_keeps_nothing_asks_and_is_answered(page: Page, guarded_server) -> None:
    kept = "{ get() { throw new DOMException('Access is denied for this document.', 'SecurityError'); } }"
    page.add_init_script(
        f"for (const one of ['sessionStorage', 'localStorage']) Object.defineProperty(window, one, {kept});"
    )
    page.goto(guarded_server.address)
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#index-facts")).to_contain_text("articles")

    ask(page)

    answered(page)


def test_a_page_whose_script_does_not_come_answers_by_its_form(page: Page, server) -> None:
    page.route("**/page/main.js", lambda route: route.abort("connectionreset"))
    page.goto(server.address)

    ask(page)

    expect(page).to_have_url(re.compile("/ask$"), timeout=30_000)
    expect(page.locator("body")).to_contain_text("Probably yes")


def test_a_part_of_the_page_that_does_not_come_is_fetched_again(page: Page, server) -> None:
    page.route("**/page/answer.js", lambda route: route.abort("connectionreset"))
    page.goto(server.address)
    ask(page)
    expect(page.locator("#problem")).to_contain_text("cannot be reached", timeout=30_000)
    keeps_the_question(page)
    page.unroute("**/page/answer.js")

    page.get_by_role("button", name="Try again").click()

    answered(page)


def test_a_wrong_key_is_told_and_asked_for_again(page: Page, guarded_server) -> None:
    page.goto(guarded_server.address)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_be_hidden()
    page.get_by_label("Key", exact=True).fill("wrong")
    page.get_by_role("button", name="Use it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("was not accepted")
    page.get_by_label("Key", exact=True).fill("clé secrète")
    page.get_by_role("button", name="Use it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("only unaccented letters")

    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Use it").click()

    expect(page.locator("#index-facts")).to_contain_text("articles")
    expect(page.locator("#problem")).to_be_hidden()


@pytest.mark.parametrize("way_out", ["Cancel", "Escape"])
def test_a_key_that_is_not_given_is_asked_for_when_the_person_wants_it(
    page: Page, guarded_server, way_out: str
) -> None:
    page.goto(f"{guarded_server.address}#q=Do+statins+help%3F")
    page.get_by_label("Key", exact=True).fill("half")
    if way_out == "Escape":
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#problem")).to_contain_text("answers only with a key")
    keeps_the_question(page, "Do statins help?")

    page.get_by_role("button", name="Enter a key").click()
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Use it").click()

    expect(page.locator("#answer .asked")).to_have_text("Do statins help?", timeout=30_000)


def test_an_answer_that_breaks_off_is_marked_and_keeps_its_citations(page: Page, relay: Relay) -> None:
    page.goto(relay.address)
    expect(page.locator("#index-facts")).to_contain_text("articles")
    relay.mode = "cut"
    ask(page)

    expect(page.locator("#problem")).to_contain_text("connection broke")
    expect(page.locator("#answer")).to_contain_text("Incomplete answer.")
    expect(page.locator(".verdict")).to_have_count(0)
    keeps_the_question(page)
    relay.mode = "through"
    cite = page.locator(".statement .cite").first
    cite.click()
    expect(page.locator("dialog mark.current")).to_have_text(cite.get_attribute("data-quote") or "")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Try again").click()
    answered(page)
    expect(page.locator("#answer")).not_to_contain_text("Incomplete")


def test_statements_show_their_citations_while_they_stream_and_stop_keeps_them(page: Page, relay: Relay) -> None:
    page.goto(relay.address)
    expect(page.locator("#index-facts")).to_contain_text("articles")
    relay.mode = "stall"
    ask(page)
    expect(page.locator(".statement .cite").first).to_be_visible()
    expect(page.locator("#answer .asked")).to_have_count(0)

    page.get_by_role("button", name="Stop").click()

    expect(page.locator("#problem")).to_contain_text("Stopped")
    expect(page.locator("#answer")).to_contain_text("Incomplete answer. You stopped it.")
    expect(page.locator(".statement .cite").first).to_be_visible()
    keeps_the_question(page)
    relay.mode = "through"
    page.get_by_role("button", name="Ask again").click()
    answered(page)


def test_a_server_that_was_killed_is_told(page: Page, start_server) -> None:
    with start_server("--index", "sample") as running:
        page.goto(running.address)
        expect(page.locator("#index-facts")).to_contain_text("articles")
        running.process.kill()
        running.process.wait()
        ask(page)

        expect(page.locator("#problem")).to_contain_text("cannot be reached")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        keeps_the_question(page)


def test_a_link_to_an_unknown_index_asks_nothing_until_one_is_chosen(page: Page, server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/v1/ask") else None)
    page.goto(f"{server.address}#q={STATINS.replace(' ', '+')}&index=nowhere")
    expect(page.locator("#problem")).to_contain_text("“nowhere”, which this server does not have")
    keeps_the_question(page)
    assert asked == []
    expect(page.locator("#answer")).to_be_hidden()

    page.get_by_role("button", name="Ask sample").click()

    answered(page)
    assert "index=sample" in page.url


def test_the_facts_of_the_index_are_those_of_the_link(page: Page, server) -> None:
    page.goto(f"{server.address}#q=What+was+the+dose%3F&index=hostile")
    expect(page.locator("#answer .asked")).to_be_visible(timeout=30_000)
    expect(page.locator("#index-facts")).to_have_text(re.compile(r"^2 articles"))


def test_the_answer_has_the_focus_and_is_in_view_on_a_phone(browser: Browser, server) -> None:
    with browser.new_context(viewport={"width": 360, "height": 640}, is_mobile=True, has_touch=True) as context:
        page = context.new_page()
        page.goto(server.address)
        ask(page)
        answered(page)
        expect(page.locator("#answer .asked")).to_be_focused()
        expect(page.locator(".verdict .label")).to_be_in_viewport()
