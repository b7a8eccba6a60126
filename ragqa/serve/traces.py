"""Traces for OpenTelemetry: a span for each request, and below it one for each stage. Off unless an address is set.

They hold names, times and counts, never a question. ``traceparent`` of a request is followed (W3C Trace Context).
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragqa import __version__
from ragqa.errors import BackendError
from ragqa.serve.settings import Traces
from ragqa.stages import OnStage, StageDone

if TYPE_CHECKING:
    from opentelemetry.trace import Span
else:
    Span = Any

_PATH = "/v1/traces"
_SECONDS = 3.0
"""How long a receiver may take; what it does not take is dropped."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """The request that is being worked on: its span, and how one below it begins."""

    span: Span
    begin: Callable[..., Span]
    """Takes a name, attributes, and when it began in nanoseconds since 1970."""


_under_way: ContextVar[_UnderWay] = ContextVar("request_under_way")


class Tracer:
    """Sends the spans of a server to an OTLP receiver; close it, so that the last ones are sent.

    Raises
    ------
    BackendError
        OpenTelemetry is not installed.
    """

    def __init__(self, settings: Traces) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise BackendError(f"{error.name} is not installed; run: pip install 'ragqa[traces]'") from error
        resource = Resource.create({"service.name": "ragqa", "service.version": __version__})
        self._provider: Any = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=settings.endpoint.rstrip("/") + _PATH, timeout=_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer: Any = self._provider.get_tracer("ragqa", __version__)

    @contextlib.contextmanager
    def request(self, method: str, headers: Mapping[bytes, str], facts: Mapping[str, Any]) -> Iterator[None]:
        """One request, worked on within the block; ``facts`` are those of the log, complete when it ends."""
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {"traceparent": headers.get(b"traceparent", ""), "tracestate": headers.get(b"tracestate", "")}
        parent = TraceContextTextMapPropagator().extract(carrier)
        span: Span = self._tracer.start_span(method, parent, kind=SpanKind.SERVER)
        inside = set_span_in_context(span)

        def begin(name: str, attributes: Mapping[str, Any], began_ns: int) -> Span:
            span: Span = self._tracer.start_span(name, inside, attributes=attributes, start_time=began_ns)
            return span

        _under_way.set(_UnderWay(span, begin))
        try:
            yield
        finally:
            _describe(span, method, facts)
            span.end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def noting(index: str, then: OnStage | None) -> OnStage | None:
    """What notes the stages of a question as spans and tells ``then`` of them; ``then`` itself where nothing is traced.

    Call it where the request is worked on; the result may be called in any thread.
    """
    current = _under_way.get(None)
    if current is None:
        return then

    def note(stage: StageDone) -> None:
        ended = time.time_ns()
        attributes = {"ragqa.index": index, "ragqa.documents": stage.n_documents}
        current.begin(stage.name, attributes, ended - round(stage.ms * 1e6)).end(ended)
        if then is not None:
            then(stage)

    return note


def _describe(span: Span, method: str, facts: Mapping[str, Any]) -> None:
    """Give the span of a request the names of OpenTelemetry's conventions for HTTP servers."""
    from opentelemetry.trace import StatusCode

    route, status = facts.get("route", "other"), facts.get("status", 0)
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    for fact, attribute in (("key", "ragqa.key"), ("index", "ragqa.index"), ("client", "client.address")):
        if fact in facts:
            span.set_attribute(attribute, str(facts[fact]))
    if status >= 500:
        span.set_status(StatusCode.ERROR)
