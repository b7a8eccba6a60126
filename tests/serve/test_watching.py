"""Questions watched on a server: off by default, each key its own, and no file is ever read for a client."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from ragqa.serve import key_file
from ragqa.serve.key_file import Key

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
KEYS = {name: f"the-key-of-{name}-in-this-test" for name in ("ours", "theirs", "without")}


@pytest.fixture(scope="module")
def watching_server(start_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    path = tmp_path_factory.mktemp("watch-keys") / "keys.toml"
    made = datetime(2026, 1, 1, tzinfo=UTC)
    key_file.write(path, {name: Key(key_file.digest(key), made) for name, key in KEYS.items()})
    options = ("--set", 'watch.keys=["ours", "theirs"]', "--set", "watch.most=2")
    with start_server("--keys-file", str(path), *options) as running:
        yield running


@pytest.fixture
def clients(watching_server) -> Iterator[dict[str, httpx.Client]]:
    opened = {name: watching_server.client(headers={"authorization": f"Bearer {key}"}) for name, key in KEYS.items()}
    yield opened
    for client in opened.values():
        if client.get("/v1/watch").status_code == 200:
            for item in client.get("/v1/watch").json()["items"]:
                client.delete(f"/v1/watch/{item['id']}")
        client.close()


def watched(client: httpx.Client) -> list[dict]:
    return client.get("/v1/watch").json()["items"]


def test_what_is_asked_at_once_finds_no_more_room_than_there_is(clients) -> None:
    questions = [f"Do statins reduce the {risk} risk?" for risk in ("cardiac", "renal", "hepatic", "bleeding")]

    with ThreadPoolExecutor(4) as threads:
        added = list(threads.map(lambda text: clients["ours"].post("/v1/watch", json={"question": text}), questions))

    assert sorted(one.status_code for one in added) == [200, 200, 422, 422]
    assert len(watched(clients["ours"])) == 2


def test_nobody_may_unless_the_server_says_so(client, clients) -> None:
    for one in (client, clients["without"]):
        assert one.get("/v1/indexes").json()["watch"] is False
        for refused in (
            one.get("/v1/watch"),
            one.post("/v1/watch", json={"question": STATINS}),
            one.delete("/v1/watch/abcdef"),
        ):
            assert refused.status_code == 403
            assert "watch.keys" in refused.json()["detail"]
    assert clients["ours"].get("/v1/indexes").json()["watch"] is True


def test_each_key_watches_sees_and_ends_its_own(clients) -> None:
    mine = clients["ours"].post("/v1/watch", json={"question": STATINS}).json()
    same = clients["theirs"].post("/v1/watch", json={"question": STATINS}).json()

    assert mine["title"] == STATINS
    assert mine["verdict"] == "yes"
    assert mine["id"] != same["id"]
    assert watched(clients["ours"]) == [mine]
    assert clients["theirs"].delete(f"/v1/watch/{mine['id']}").status_code == 404
    assert watched(clients["ours"]) == [mine]
    assert clients["ours"].delete(f"/v1/watch/{mine['id']}").status_code == 200
    assert watched(clients["ours"]) == []
    assert watched(clients["theirs"]) == [same]


def test_the_same_is_watched_once_and_not_more_than_allowed(clients) -> None:
    ours = clients["ours"]
    assert ours.post("/v1/watch", json={"question": STATINS}).status_code == 200
    again = ours.post("/v1/watch", json={"question": STATINS})
    assert again.status_code == 422
    assert "watched already" in again.json()["detail"]
    assert ours.post("/v1/watch", json={"question": "What are the effects of statins?"}).status_code == 200

    third = ours.post("/v1/watch", json={"question": "Is telmisartan good for the liver?"})

    assert third.status_code == 422
    assert "2 things" in third.json()["detail"]


@pytest.mark.parametrize("ending", ["txt", "json", "with words"])
def test_no_file_of_the_server_is_read(clients, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"secret.{ending}"
    path.write_text("Aspirin reduces mortality in patients with SECRET disease.")

    answer = clients["ours"].post("/v1/watch", json={"question": str(path)})

    assert "SECRET" not in answer.text
    assert answer.status_code == 200 if ending == "with words" else answer.status_code == 422


def test_the_page_watches_an_answer_and_ends_it(browser: Browser, watching_server, clients) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(f"sessionStorage.setItem('ragqa.key', '{KEYS['ours']}')")
        page.goto(watching_server.address)
        page.get_by_label("What do you want to know?").fill(STATINS)
        page.get_by_role("button", name="Ask", exact=True).click()
        page.get_by_role("button", name="Watch", exact=True).click(timeout=30_000)
        expect(page.locator("#answer")).to_contain_text("Watched.", timeout=30_000)
        page.get_by_text("Watched questions").click()
        expect(page.locator("#watched li")).to_contain_text([STATINS])
        assert [item["title"] for item in watched(clients["ours"])] == [STATINS]

        page.get_by_role("button", name="Watch no longer").click()

        expect(page.locator("#watched")).to_contain_text("Nothing yet.")
        expect(page.locator("#watched summary")).to_be_focused()
        assert watched(clients["ours"]) == []
        assert watched(clients["theirs"]) == []


def test_the_page_offers_no_watching_where_it_is_not_allowed(browser: Browser, server) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address)
        page.get_by_label("What do you want to know?").fill(STATINS)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator("#answer .asked")).to_have_text(STATINS, timeout=30_000)

        expect(page.get_by_role("button", name="Watch", exact=True)).to_have_count(0)
        expect(page.locator("#watched")).to_be_hidden()
