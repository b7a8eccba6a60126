"""Taking articles and answers along: files for reference managers, and answers as text."""

import asyncio
import csv
import io
import threading

import httpx
import pytest

from ragqa.serve import settings
from ragqa.serve.service import Service
from ragqa.types import Document

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


@pytest.fixture(scope="module")
def hits(server) -> list[str]:
    with server.client() as client:
        found = client.post("/v1/search", json={"question": STATINS, "k": 5}).json()["hits"]
    return [hit["document_id"] for hit in found]


def export(client: httpx.Client, ids: list[str], form: str, index: str = "sample") -> httpx.Response:
    return client.post("/v1/export", json={"ids": ids, "format": form, "index": index})


@pytest.mark.parametrize(
    ("form", "media_type", "name"),
    [
        ("ris", "application/x-research-info-systems", "articles.ris"),
        ("nbib", "application/nbib", "articles.nbib"),
        ("bibtex", "application/x-bibtex", "articles.bib"),
        ("csv", "text/csv", "articles.csv"),
    ],
)
def test_articles_are_exported_in_the_order_of_their_ids(client, hits, form: str, media_type: str, name: str) -> None:
    response = export(client, hits, form).raise_for_status()

    assert response.headers["content-type"].startswith(media_type)
    assert response.headers["content-disposition"] == f'attachment; filename="{name}"'
    places = [response.text.index(identifier) for identifier in hits]
    assert places == sorted(places)


def test_an_id_that_is_given_twice_is_exported_once(client, hits) -> None:
    rows = list(csv.DictReader(io.StringIO(export(client, [*hits, hits[0]], "csv").text)))
    assert len(rows) == len(hits)


def test_hostile_texts_start_no_fields(client) -> None:
    text = export(client, ["h1", "a/b?c#d"], "ris", "hostile").text
    assert text.count("\r\nER  - ") == text.count("TY  - JOUR") == 2


def test_unknown_ids_and_too_many_are_refused_in_words(client, hits) -> None:
    unknown = export(client, [hits[0], "nowhere"], "ris")
    assert unknown.status_code == 404
    assert "'nowhere'" in unknown.json()["detail"]
    many = export(client, [str(number) for number in range(101)], "ris")
    assert many.status_code == 422
    assert "this server gives 100" in many.json()["detail"]
    form = export(client, hits, "word")
    assert form.status_code == 422
    assert "'bibtex'" in form.json()["detail"]


@pytest.mark.parametrize(
    ("form", "beginning"), [("markdown", "## Do pre"), ("html", "<h2>Do pre"), ("csv", "\ufeffnumber")]
)
def test_an_answer_is_written_as_text(client, form: str, beginning: str) -> None:
    answer = client.post("/v1/ask", json={"question": STATINS}).json()
    parts = (
        "verdict",
        "verdict_probabilities",
        "exact_answers",
        "statements",
        "sources",
        "abstained",
        "reason",
        "notices",
    )
    body = {"format": form, "question": STATINS, **{part: answer[part] for part in parts}}

    text = client.post("/v1/render", json=body).raise_for_status().text

    assert text.startswith(beginning) or text.startswith(beginning.removeprefix("\ufeff"))
    assert answer["sources"][0]["title"].rstrip(".") in text


def test_audited_are_the_documents_that_were_taken_along(start_server, tmp_path, hits) -> None:
    trail = tmp_path / "audit.jsonl"
    with start_server("--index", "sample", "--set", f"audit.to={trail}") as running, running.client() as client:
        export(client, hits, "ris").raise_for_status()
    assert all(identifier in trail.read_text() for identifier in hits)


def test_records_tell_addresses_participants_and_what_fits(client) -> None:
    body = {"ids": ["21881325"], "question": STATINS}
    (record,) = client.post("/v1/records", json=body).raise_for_status().json()["records"]

    assert record["participants"] == 203
    assert record["source"]["evidence_level"] == "cohort or case-control study"
    assert "statin" in record["sentence"]
    assert record["words"]
    assert all(word in record["sentence"] for word in record["words"])


def test_records_of_nothing_that_was_asked_have_no_sentence(client) -> None:
    body = {"ids": ["h1"], "index": "hostile"}
    (record,) = client.post("/v1/records", json=body).raise_for_status().json()["records"]
    assert (record["sentence"], record["words"], record["doi_url"]) == ("", [], "")


def test_the_event_loop_is_free_while_something_is_made_of_articles(served_home, monkeypatch) -> None:
    monkeypatch.setenv("RAGQA_HOME", str(served_home))
    service = Service.open(settings.load("server", ['indexes=["hostile"]']))
    made, asked_for = threading.Event(), threading.Event()

    def make(documents: list[Document]) -> list[str]:
        asked_for.set()
        assert made.wait(30), "the event loop did not go on"
        return [document.id for document in documents]

    async def meanwhile() -> list[str]:
        making = asyncio.create_task(service.documents(None, ["h1"], make))
        while not asked_for.is_set():
            await asyncio.sleep(0.01)
        made.set()
        return await making

    try:
        assert asyncio.run(meanwhile()) == ["h1"]
    finally:
        service.close()
