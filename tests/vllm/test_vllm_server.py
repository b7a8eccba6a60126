"""``ragqa serve`` in front of the real vLLM: statements pass through as they are written, and a frozen vLLM is left."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

QUESTIONS = [
    f"What is known about {drug} and {disease} after {event}?"
    for drug in ("statins", "preoperative statins", "statin therapy")
    for disease in ("atrial fibrillation", "AF")
    for event in ("bypass surgery", "coronary artery bypass grafting", "cardiac operations", "stroke")
]
Told = tuple[float, str, Any]


@pytest.fixture
def address(vllm: Any, sample_home: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server whose answers the vLLM server writes."""
    overrides = [*vllm.overrides(temperature=1.0, max_tokens=1200), "rerank.reranker=none"]
    settings = ["limits.generator_seconds=20.0", "limits.request_seconds=120.0", *overrides]
    command = [sys.executable, "-m", "ragqa", "serve", "--port", "0"]
    command += [word for setting in settings for word in ("--set", setting)]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=dict(os.environ)) as process,
    ):
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+/", process.stdout.readline())
            assert found, (tmp_path / "log").read_text()
            yield found[0]
        finally:
            process.terminate()


def heard(address: str, question: str) -> list[Told]:
    """The events of one streamed answer with the time at which each was there."""
    told: list[Told] = []
    body = {"question": question, "type": "summary", "stream": True}
    with httpx.stream("POST", f"{address}v1/ask", json=body, timeout=180) as response:
        kind = ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                told.append((time.monotonic(), kind, json.loads(line.removeprefix("data: "))))
    return told


def test_statements_come_while_the_answer_is_being_written(address: str) -> None:
    """A random model often breaks off or abstains; it is asked until it has answered."""
    for question in QUESTIONS:
        told = heard(address, question)
        answer = told[-1][2]
        if answer["statements"]:
            break
    else:
        pytest.fail(f"the model wrote no answer; the last: {answer['reason']}, {answer['notices']}")

    statements = [(when, data) for when, kind, data in told if kind == "statement"]
    (read_ended,) = (when for when, kind, data in told if kind == "stage" and data["name"] == "read")
    assert told[-1][1] == "answer"
    assert [data for _, data in statements] == answer["statements"]
    assert statements[0][0] < read_ended
    assert answer["generation"]["models"] == ["tiny"]


def test_an_openai_client_reads_a_generated_answer(address: str) -> None:
    with openai.OpenAI(base_url=f"{address}v1", api_key="none", max_retries=0, timeout=180) as client:
        stream = client.chat.completions.create(
            model="sample", messages=[{"role": "user", "content": QUESTIONS[0]}], stream=True
        )
        chunks = list(stream)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).strip()
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_frozen_generator_is_left_and_found_again(vllm: Any, address: str) -> None:
    body = {"question": "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"}
    with httpx.Client(base_url=address, timeout=180) as client:
        vllm.signal(signal.SIGSTOP)
        try:
            degraded = client.post("/v1/ask", json=body).raise_for_status().json()
        finally:
            vllm.signal(signal.SIGCONT)
        assert client.get("/readyz").json()["degraded"] == ["sample"]
        time.sleep(11)  # the server leaves the generator alone for ten seconds
        again = client.post("/v1/ask", json=body).raise_for_status().json()

        assert degraded["verdict"] == "yes"
        assert "degraded" in [notice["kind"] for notice in degraded["notices"]]
        assert again["generation"] is not None
        assert client.get("/readyz").json()["degraded"] == []
