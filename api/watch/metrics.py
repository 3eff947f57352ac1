"""What Prometheus reads at /metrics. The names are the usual ones: OpenTelemetry's for what HTTP servers measure.

A service has a registry of its own, so two in one process do not count for each other. Labels take few values whatever
is asked: a route stands for its paths, and what no route or standard method is counts as one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPMethod

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    Summary,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

METHODS = frozenset[str](HTTPMethod)
OTHER = "_OTHER"

# Seconds; those of requests are what OpenTelemetry's conventions for HTTP metrics advise.
_OF_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_OF_STAGES = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

Measured = tuple[str, str, str, dict[str, float]]  # name, what it is, its label or "", values by that
Now = Callable[[], Iterable[Measured]]


class Metrics:
    """The metrics of one service, each to be told by the library's own calls where it happens."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("http_request_method", "http_route", "http_response_status_code")
        self.requests = self._histogram("http_server_request_duration", "A request, to its end", labels, _OF_REQUESTS)
        self.stages = self._histogram("semblance_stage_duration", "A part of a search", ("stage", "engine"), _OF_STAGES)
        self.errors = Counter("semblance_errors", "Requests that got no answer", ["kind"], registry=self.registry)
        said = "Of the pictures that an exact search finds, the share that was in an answer"
        self.recall = Summary("semblance_audit_recall", said, ["engine"], registry=self.registry)
        said = "Audited answers that lacked a picture"
        self.short = Counter("semblance_audit_short_answers", said, ["engine"], registry=self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def _histogram(self, name: str, said: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
        return Histogram(name, f"{said}.", labels, unit="seconds", buckets=buckets, registry=self.registry)

    def read(self, now: Now) -> None:
        """Ask `now` for what is measured when it is asked for."""
        self.registry.register(_Standing(now))


class _Standing(Collector):
    """What a service has at the moment."""

    def __init__(self, now: Now) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        for name, said, label, values in self._now():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(f"semblance_{name}", f"{said}.", labels=[label] if label else [])
            for which, value in values.items():
                family.add_metric([which] if label else [], value)
            yield family
