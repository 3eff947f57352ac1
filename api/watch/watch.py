"""What the door and the worker tell of what happens, put together by the settings.

Metrics are always there, and are told where things happen by Prometheus's own calls. All else is in two lists that are
empty until it is wanted: `gates`, which the door asks before a request, and `ends`, which it tells after. So what
nobody has asked for is on nobody's way.
"""

import threading
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Scope

from semblance.api.settings import RATE, Settings
from semblance.api.watch.keyed import Keyed
from semblance.api.watch.log import AccessLog
from semblance.api.watch.metrics import Metrics
from semblance.api.watch.rates import Rates
from semblance.indexer.answers.asking import Answer
from semblance.retrieval.extras import extra

LOOK_EVERY = 1.0  # seconds, at the file of keys

Gate = Callable[[Scope], Response | None]  # a request's refusal, or None; it may note things in scope["state"]
End = Callable[[Scope, int, int, float], None]  # status, bytes of the body, seconds
Answered = Callable[[Answer, float], None]  # in the context of who asked: when the question was queued


class Watch:
    """Of one service. Attributes: `metrics`, `keyed`, `gates`, `ends`, `answered` (told of each answer)."""

    def __init__(self, settings: Settings) -> None:
        """Raises UsageError where what is wanted is not installed, or the access log cannot be written."""
        self.metrics, self.keyed = Metrics(), Keyed(settings.keys or settings.library)
        self.gates: list[Gate] = []
        self.ends: list[End] = []
        self.answered: list[Answered] = []
        self._stops: list[Callable[[], None]] = []
        self._traced: list[Gate] = []
        limit = settings.rate or (RATE if settings.public else "off")
        self._rated: list[Gate] = [Rates(limit).gate] if limit != "off" else []
        self._log = AccessLog(settings.access_log) if settings.access_log else None
        if settings.otel:
            self._trace(settings.otel)
        if self._log:
            self.ends.append(self._log.end)
        self._over = threading.Event()
        self._look()

    def start(self) -> None:
        """From here on keys are followed, and lines written."""
        if self._log:
            self._log.start()
        threading.Thread(target=self._follow, name="keys", daemon=True).start()

    def stop(self) -> None:
        """Write and send what is left."""
        self._over.set()
        if self._log:
            self._log.stop()
        for stop in self._stops:
            stop()

    def _follow(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self._look()

    def _look(self) -> None:
        self.keyed.look()
        asking = [self.keyed.gate] if self.keyed.asks else []
        self.gates = [*self._traced, *asking, *self._rated]  # rates are by key

    def share(self, name: str) -> str:
        """See Keyed.share."""
        key = self.keyed.share(name)
        self._look()
        return key

    def _trace(self, endpoint: str) -> None:
        with extra("otel", "The setting otel"):
            from semblance.api.watch.tracing import Traces  # which imports nothing where it is not wanted
        traces = Traces(endpoint)
        self._traced.append(traces.gate)
        self.ends.append(traces.end)
        self.answered.append(traces.answered)
        self._stops.append(traces.stop)
