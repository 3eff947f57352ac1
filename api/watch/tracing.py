"""Traces by OpenTelemetry, where the setting `otel` asks for them: a span for each request, of its stages spans below.

OTEL_* variables say what the setting does not: the service's name, what share is sampled, headers of the exporter. A
request that brings a trace (`traceparent`) goes on with it. Only here is anything of OpenTelemetry imported, and only
when asked for. Stages are told after they are done, by the times in their answer: nothing waits for a trace.
"""

import threading
import time
from contextvars import ContextVar
from http import HTTPStatus

from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from semblance.api.watch.metrics import METHODS, OTHER
from semblance.api.wire.problems import REQUEST_ID
from semblance.indexer.answers.asking import Answer

BY_VARIABLES = "on"  # in place of an endpoint
_NANO = 1_000_000_000
_SENT_WITHIN = 1.0  # seconds

_CURRENT: ContextVar[Span | None] = ContextVar("span", default=None)


class Traces:
    """The traces of one service."""

    def __init__(self, endpoint: str) -> None:
        """Send to `endpoint`, an address of OTLP over HTTP (http://localhost:4318), or where OTEL_ variables say."""
        named = Resource({SERVICE_NAME: "semblance"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=named, shutdown_on_exit=False)
        address = None if endpoint == BY_VARIABLES else f"{endpoint.rstrip('/').removesuffix('/v1/traces')}/v1/traces"
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(address)))
        self._tracer = self._provider.get_tracer("semblance")

    def stop(self) -> None:
        """Send what is left, where somebody takes it."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(_SENT_WITHIN)

    def gate(self, scope: Scope) -> Response | None:
        """See watch's Gate: begins the request's span, and refuses nobody."""
        method = scope["method"] if scope["method"] in METHODS else OTHER
        span = self._tracer.start_span(method, propagate.extract(dict(Headers(scope=scope))), SpanKind.SERVER)
        span.set_attributes({"http.request.method": method, "url.path": scope["path"], "url.scheme": scope["scheme"]})
        span.set_attribute("semblance.request_id", REQUEST_ID.get())
        scope.setdefault("state", {})["span"] = span
        _CURRENT.set(span)
        return None

    def end(self, scope: Scope, status: int, sent: int, _: float) -> None:
        """See watch's End."""
        span: Span | None = scope.get("state", {}).get("span")
        if span is None:  # refused before this gate
            return
        route = getattr(scope.get("route"), "path", None)
        if route is not None:
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.route", route)
        span.set_attributes({"http.response.status_code": status, "http.response.body.size": sent})
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            span.set_status(StatusCode.ERROR)
        span.end()

    def answered(self, answer: Answer, asked: float) -> None:
        """In the context of a request: tell its stages. `asked` is when its question was queued (time.time())."""
        parent = _CURRENT.get()
        if parent is None:
            return
        times, now, context = answer.timings_ms, time.time(), set_span_in_context(parent)
        encoding, searching = asked - times.encode / 1000, now - times.search / 1000
        for stage, begun, ended in (
            ("decode", encoding - times.decode / 1000, encoding),
            ("encode", encoding, asked),
            ("queue", asked, searching),
            ("search", searching, now),
        ):
            span = self._tracer.start_span(stage, context, start_time=int(begun * _NANO))
            span.set_attribute("semblance.engine", answer.engine)
            span.end(int(max(begun, ended) * _NANO))
