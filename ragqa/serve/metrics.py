"""Figures for Prometheus. They hold counts and times only, never a question."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ragqa.serve.service import Service
from ragqa.types import Answer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The figures of one server."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "ragqa_requests", "Requests by route, method and status.", ["route", "method", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._request_seconds = Histogram(
            "ragqa_request_seconds", "Seconds from the first byte of a request to the last of its response.", ["route"],
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._stage_seconds = Histogram(
            "ragqa_stage_seconds", "Seconds of each stage of answering.", ["stage"], buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self._answers = Counter(
            "ragqa_answers", "Answers by outcome: answered, abstained, degraded.", ["index", "outcome"],
            registry=self._registry,
        )  # fmt: skip
        workers = service.workers
        for name, text, value in (
            ("ragqa_running", "Jobs that have a thread.", lambda: workers.running),
            ("ragqa_waiting", "Jobs that wait for a thread.", lambda: workers.waiting),
        ):
            Gauge(name, text, registry=self._registry).set_function(value)
        self._registry.register(_OfIndexes(service))

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def answer(self, index: str, answer: Answer) -> None:
        """Count one answer and its stages."""
        degraded = any(notice.kind == "degraded" for notice in answer.notices)
        outcome = "degraded" if degraded else "abstained" if answer.abstained else "answered"
        self._answers.labels(index, outcome).inc()
        self._stages(answer.timings_ms)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _stages(self, timings_ms: Mapping[str, float]) -> None:
        for stage, value in timings_ms.items():
            self._stage_seconds.labels(stage).observe(value / 1000)


class _OfIndexes(Collector):
    """What is told of the states of the indexes that are served at the moment."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures of all indexes."""
        documents = GaugeMetricFamily("ragqa_documents", "Documents of each index.", labels=["index"])
        text = "When the state of each index that is served was made."
        created = GaugeMetricFamily("ragqa_index_created_timestamp_seconds", text, labels=["index"])
        for info in self._service.indexes():
            documents.add_metric([info.name], info.documents)
            created.add_metric([info.name], datetime.fromisoformat(info.created).timestamp())
        yield from (documents, created)
