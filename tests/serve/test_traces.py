"""Traces: what an OTLP receiver gets of a question, and that there are none unless they are asked for."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ragqa.cli import run

trace_service = pytest.importorskip(
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="needs: pip install 'ragqa[traces]'"
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def receiver() -> Iterator[tuple[str, list]]:
    """An OTLP receiver: its address, and the spans that it got."""
    spans: list = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            if self.path != "/v1/traces":
                spans.append(self.path)
                return
            request = trace_service.ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", spans
        server.shutdown()
        thread.join()


def test_a_question_is_a_span_with_its_stages_below(start_server, receiver: tuple[str, list]) -> None:
    address, spans = receiver
    with start_server("--index", "hostile", "--set", f"traces.endpoint={address}") as server:
        with server.client() as client:
            body = {"question": "What was the daily dose of tocopherol?"}
            client.post("/v1/ask", json=body, headers={"traceparent": f"00-{TRACE}-{CALLER}-01"}).raise_for_status()
            client.post("/v1/ask", json={**body, "stream": True}).raise_for_status()
            client.get("/v1/documents/none")
        server.process.terminate()
        server.process.wait(60)

    for _ in range(100):
        if len(spans) >= 9:
            break
        time.sleep(0.05)
    requests = [span for span in spans if span.name.startswith(("POST", "GET"))]
    asked, streamed, document = sorted(requests, key=lambda span: span.start_time_unix_nano)
    assert (asked.name, document.name) == ("POST /v1/ask", "GET /v1/documents/{document_id:path}")
    assert (asked.trace_id.hex(), asked.parent_span_id.hex()) == (TRACE, CALLER)
    for request in (asked, streamed):
        stages = [span for span in spans if span.parent_span_id == request.span_id]
        assert [stage.name for stage in stages] == ["retrieve", "rerank", "read"]
        for stage in stages:
            assert request.start_time_unix_nano <= stage.start_time_unix_nano <= stage.end_time_unix_nano
            assert stage.end_time_unix_nano <= request.end_time_unix_nano
    statuses = [
        attribute.value.int_value for span in requests for attribute in span.attributes if "status" in attribute.key
    ]
    assert sorted(statuses) == [200, 200, 404]
    assert "tocopherol" not in str(spans)


def test_nothing_is_sent_unless_it_is_asked_for(start_server, receiver: tuple[str, list]) -> None:
    """Neither by ragqa nor by the packages that it uses, whatever the environment says to them."""
    address, spans = receiver
    before = len(spans)
    exporters = {f"OTEL_{kind}_EXPORTER": "otlp" for kind in ("TRACES", "METRICS", "LOGS")}
    to = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    with start_server("--index", "hostile", FASTAPI_OTEL_AUTO_CONFIGURE="true", **exporters, **to) as server:
        with server.client() as client:
            client.post("/v1/ask", json={"question": "dose"}).raise_for_status()
            client.post("/v1/ask", json={"question": ["dose"]})
        server.process.terminate()
        server.process.wait(60)

    assert len(spans) == before


def test_a_receiver_that_is_away_harms_nothing(start_server) -> None:
    with (
        start_server("--index", "hostile", "--set", "traces.endpoint=http://127.0.0.1:9") as server,
        server.client() as client,
    ):
        assert client.post("/v1/search", json={"question": "dose"}).status_code == 200


def test_what_is_not_installed_is_told(sample_home, monkeypatch, capsys) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    assert run(["serve", "--port", "0", "--set", "traces.endpoint=http://127.0.0.1:9"]) == 1
    assert "pip install 'ragqa[traces]'" in capsys.readouterr().err
