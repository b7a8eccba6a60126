"""Figures for Prometheus. They hold counts and times only, never a question."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ragqa.serve.service import Service
from ragqa.types import Answer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The figures of one server; whichever of its processes is asked tells those of all.

    ``folder`` is where the processes of one server keep their counts, the same that ``PROMETHEUS_MULTIPROC_DIR`` named
    when prometheus_client was imported; None where there is one process alone.
    """

    def __init__(self, service: Service, folder: Path | None = None) -> None:
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
        self._running, self._waiting = (
            Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")
            for name, text in (
                ("ragqa_running", "Jobs that have a thread."),
                ("ragqa_waiting", "Jobs that wait for a thread."),
            )
        )
        service.workers.on_change = self._jobs
        self._told = self._registry
        if folder is not None:
            self._told = CollectorRegistry()
            MultiProcessCollector(self._told, str(folder))  # type: ignore[no-untyped-call]
        self._told.register(_OfIndexes(service))

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
        return generate_latest(self._told)

    def _jobs(self, running: int, waiting: int) -> None:
        self._running.set(running)
        self._waiting.set(waiting)

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
