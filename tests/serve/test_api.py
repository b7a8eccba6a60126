"""The HTTP interface of a running server: what it answers, and how it refuses."""

import json
import re
from pathlib import Path

import httpx
import pytest
from jsonschema import Draft202012Validator

from ragqa.serve.guard import SECURITY_HEADERS

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


def events_of(text: str) -> list[tuple[str, dict]]:
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("event: ")]
    return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in blocks]


def test_ask_answers_with_pmids_and_quotes_that_stand_in_the_documents(client: httpx.Client) -> None:
    answer = client.post("/v1/ask", json={"question": STATINS}).raise_for_status().json()

    assert answer["verdict"] == "yes"
    spans = [span for statement in answer["statements"] for span in statement["spans"]]
    assert spans
    for span in spans:
        assert span["document_id"].isdecimal()
        document = client.get(f"/v1/documents/{span['document_id']}").raise_for_status().json()["document"]
        text = next(section["text"] for section in document["sections"] if section["name"] == span["section"])
        assert text[span["begin"] : span["end"]] == span["quote"]


def test_ask_gives_what_the_engine_gives(
    client: httpx.Client, served_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import msgspec

    import ragqa

    monkeypatch.setenv("RAGQA_HOME", str(served_home))
    with ragqa.open("sample") as engine:
        expected = msgspec.to_builtins(engine.ask(STATINS, type="yesno"))

    got = client.post("/v1/ask", json={"question": STATINS, "type": "yesno"}).json()

    assert got.keys() == expected.keys()
    assert got["timings_ms"].keys() == expected["timings_ms"].keys()
    for key in expected.keys() - {"timings_ms", "verdict_probabilities", "hits"}:
        assert got[key] == json.loads(json.dumps(expected[key])), key
    assert [hit["document_id"] for hit in got["hits"]] == [hit["document_id"] for hit in expected["hits"]]


def test_ask_streams_stages_then_statements_then_the_answer(client: httpx.Client) -> None:
    response = client.post("/v1/ask", json={"question": STATINS, "stream": True})

    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    kinds = [kind for kind, _ in events]
    answer = events[-1][1]
    assert [data["name"] for kind, data in events if kind == "stage"] == ["retrieve", "rerank", "read"]
    assert kinds[-1] == "answer"
    assert kinds.count("answer") == 1
    assert [data for kind, data in events if kind == "statement"] == answer["statements"]


def test_ask_streams_when_the_accept_header_asks_for_it(client: httpx.Client) -> None:
    response = client.post("/v1/ask", json={"question": STATINS}, headers={"accept": "text/event-stream"})

    assert events_of(response.text)[-1][0] == "answer"


def test_filters_are_obeyed(client: httpx.Client) -> None:
    body = {"question": "randomized trial of treatment", "k": 5, "filter": {"year_from": 2009, "year_to": 2011}}

    hits = client.post("/v1/search", json=body).raise_for_status().json()["hits"]

    assert len(hits) == 5
    assert {hit["source"]["year"] for hit in hits} <= {2009, 2010, 2011}
    assert [hit["rank"] for hit in hits] == [1, 2, 3, 4, 5]


def test_documents_are_found_by_any_id(client: httpx.Client) -> None:
    shown = client.get("/v1/documents/a%2Fb%3Fc%23d", params={"index": "hostile"}).raise_for_status().json()

    assert shown["document"]["id"] == "a/b?c#d"
    assert shown["source"]["url"] == ""


def test_indexes_are_listed_with_the_default_first(client: httpx.Client) -> None:
    listed = client.get("/v1/indexes").raise_for_status().json()

    assert [(index["name"], index["default"]) for index in listed["indexes"]] == [("sample", True), ("hostile", False)]
    assert listed["indexes"][1]["documents"] == 2
    assert listed["evidence_levels"][0].startswith("systematic review")


def test_health_readiness_and_figures(client: httpx.Client) -> None:
    client.post("/v1/ask", json={"question": STATINS}).raise_for_status()

    assert client.get("/healthz").json()["status"] == "alive"
    assert client.get("/readyz").json()["indexes"] == ["sample", "hostile"]
    figures = client.get("/metrics").text
    assert re.search(r'ragqa_requests_total\{method="POST",route="/v1/ask",status="200"\} [1-9]', figures)
    assert re.search(r'ragqa_answers_total\{index="sample",outcome="answered"\} [1-9]', figures)
    assert 'ragqa_stage_seconds_count{stage="rerank"}' in figures
    assert STATINS not in figures


def test_every_response_has_an_id_and_security_headers(client: httpx.Client) -> None:
    for path in ("/", "/healthz", "/v1/indexes", "/nowhere"):
        response = client.get(path)
        assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])
        for name, value in SECURITY_HEADERS.items():
            assert response.headers[name] == value
    assert client.get("/healthz", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    forged = client.get("/healthz", headers={"x-request-id": 'x"} {"forged": 1}'})
    assert re.fullmatch(r"[0-9a-f]{32}", forged.headers["x-request-id"])


def test_the_openapi_document_has_examples_that_work(client: httpx.Client) -> None:
    document = client.get("/openapi.json").raise_for_status().json()

    schemas = document["components"]["schemas"]
    routes = {"AskRequest": "/v1/ask", "SearchRequest": "/v1/search", "ChatRequest": "/v1/chat/completions"}
    for name, route in routes.items():
        for example in schemas[name]["examples"]:
            Draft202012Validator({**schemas[name], "components": {"schemas": schemas}}).validate(example)
            client.post(route, json=example).raise_for_status()
    assert "Problem" in schemas


def test_the_openapi_document_describes_the_answer(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    answer = client.post("/v1/ask", json={"question": STATINS}).json()

    schema = document["paths"]["/v1/ask"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/page/../app.py", "/page/%2e%2e/app.py", "/page/nothing.js"])
def test_nothing_else_is_served(path: str, client: httpx.Client) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_page_files_are_sent_again_only_when_they_changed(client: httpx.Client) -> None:
    first = client.get("/page/main.js")
    again = client.get("/page/main.js", headers={"if-none-match": first.headers["etag"]})

    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (again.status_code, again.content) == (304, b"")
