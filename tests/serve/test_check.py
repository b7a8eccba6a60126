"""Texts checked over HTTP and MCP: whole and as events, files, and what is refused."""

import asyncio
import base64
import io
import json
import threading

import docx
import pytest

from ragqa.check.text.blocks import blocks_of
from ragqa.serve import settings
from ragqa.serve.service import Service

TEXT = (
    "Preoperative statins reduce the risk of atrial fibrillation after coronary artery bypass surgery (PMID: 21881325)"
    ". Tuba players in the arctic winter prefer moonlight."
)


def test_a_text_is_checked_whole_and_as_events(client):
    whole = client.post("/v1/check", json={"text": TEXT}).json()
    assert [claim["verdict"] for claim in whole["claims"]] == ["supported", "not_found"]
    assert whole["claims"][0]["supporting"][0]["document_id"] == "21881325"
    assert whole["references"][0]["supports"] == [[0, "supports"]]
    with client.stream("POST", "/v1/check", json={"text": TEXT, "stream": True}) as response:
        lines = [line for line in response.iter_lines() if line.startswith(("event:", "data:"))]
    events = [(kind[7:], json.loads(data[6:])) for kind, data in zip(lines[::2], lines[1::2], strict=True)]
    assert [kind for kind, _ in events] == ["claim", "claim", "reference", "checked"]
    assert events[-1][1] == whole
    assert [data for kind, data in events if kind == "claim"] == whole["claims"]


def test_a_file_is_checked(client):
    document = docx.Document()
    document.add_paragraph(TEXT)
    file = io.BytesIO()
    document.save(file)
    content = base64.b64encode(file.getvalue()).decode()
    found = client.post("/v1/check", json={"file": content, "form": "docx"}).json()
    assert found["summary"]["claims_supported"] == 1


def test_a_file_is_read_by_the_thread_that_checks_it(served_home, monkeypatch):
    monkeypatch.setenv("RAGQA_HOME", str(served_home))
    service = Service.open(settings.load("server", ['indexes=["hostile"]']))
    at_work = []

    def blocks():
        at_work.append(threading.current_thread().name.partition("_")[0])
        return blocks_of("Tocopherol was given to mice at a low dose.")

    try:
        checked = asyncio.run(service.check(None, blocks))
    finally:
        service.close()
    assert len(checked.claims) == 1
    assert at_work == ["work"], "reading is a part of the job, of which there are only so many at once"


def test_long_texts_are_taken_where_questions_are_not(client):
    text = f"{TEXT}\n\n" + "Is it so? " * 20_000
    assert client.post("/v1/check", json={"text": text}).status_code == 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "give either 'text' or 'file'"),
        ({"text": "Is it safe?"}, "no claim that could be checked"),
        ({"text": TEXT, "file": "eA=="}, "give either 'text' or 'file'"),
        ({"file": "not base64", "form": "pdf"}, "'file' is not Base64"),
        ({"file": "ö»", "form": "pdf"}, "'file' is not Base64"),
        ({"file": "eA==", "form": "pdf"}, "no PDF file"),
        ({"text": TEXT, "form": "docx"}, "read from bytes"),
    ],
)
def test_what_cannot_be_checked_is_refused_in_words(client, body, told):
    response = client.post("/v1/check", json=body)
    assert 400 <= response.status_code < 500
    assert told in response.json()["detail"]


def test_an_unknown_index_is_not_answered_from_another(client):
    response = client.post("/v1/check", json={"text": TEXT, "index": "other"})
    assert response.status_code == 404
