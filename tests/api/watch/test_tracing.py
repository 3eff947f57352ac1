"""Traces, as a collector of OpenTelemetry gets them; and nothing of it where nobody asked."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.conftest import ROOT, serving, until
from tests.sites import Site

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(Site):
    """What OTLP over HTTP sends to, with all that came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.services: set[str] = set()
        self.spans: list[Span] = []


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/traces"
        for resource in sent.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.server.services.add(named["service.name"])
            self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as own:
        thread = threading.Thread(target=own.serve_forever)
        thread.start()
        yield own
        own.shutdown()
        thread.join()


def attributes(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_search_is_a_span_with_its_stages_below(library: Path, sample: Path, collector: Collector) -> None:
    address = f"http://127.0.0.1:{collector.server_address[1]}"
    picture = next(sample.rglob("*.jpg")).read_bytes()
    with serving(library, SEMBLANCE_OTEL=address, OTEL_BSP_SCHEDULE_DELAY="100", OTEL_SERVICE_NAME="ours") as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "mine"}
        assert httpx.post(f"{url}/search", files={"file": picture}, headers=headers).status_code == 200
        httpx.get(f"{url}/nowhere")
        last = httpx.get(f"{url}/images/1/similar", headers={"X-Request-ID": "last"})
        assert last.status_code == 200
        until(lambda: "POST /search" in [span.name for span in collector.spans])
    assert collector.services == {"ours"}
    (whole,) = (span for span in collector.spans if span.name == "POST /search")
    assert (whole.trace_id.hex(), whole.parent_span_id.hex(), whole.kind) == (TRACE, PARENT, Span.SPAN_KIND_SERVER)
    said = attributes(whole)
    assert (said["http.route"], said["http.response.status_code"]) == ("/search", 200)
    assert said["semblance.request_id"] == "mine"
    stages = {span.name: span for span in collector.spans if span.parent_span_id == whole.span_id}
    assert set(stages) == {"decode", "encode", "queue", "search"}
    in_turn = [stages[name] for name in ("decode", "encode", "queue", "search")]
    assert whole.start_time_unix_nano <= in_turn[0].start_time_unix_nano
    for span, after in itertools.pairwise(in_turn):
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= after.end_time_unix_nano
    assert in_turn[-1].end_time_unix_nano <= whole.end_time_unix_nano
    assert "GET /images/{id}/similar" in [span.name for span in collector.spans], "what was left was sent at the end"
    assert attributes(next(span for span in collector.spans if span.name == "GET"))["http.response.status_code"] == 404


def python(code: str, library: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, str(library)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


MAKE = """
import sys
{before}
from semblance.api.app import create_app
from semblance.api.settings import Settings
create_app(Settings(library=sys.argv[1], otel={otel!r}))
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "requests"))])
"""


def test_nothing_of_it_is_imported_where_nobody_asked_and_a_missing_extra_is_a_sentence(library: Path) -> None:
    assert python(MAKE.format(before="", otel=""), library).stdout == "[]\n"
    missing = "sys.modules['opentelemetry.sdk'] = None"
    refused = python(MAKE.format(before=missing, otel="on"), library)
    assert "UsageError" in refused.stderr
    assert "pip install 'semblance[otel]'" in refused.stderr
