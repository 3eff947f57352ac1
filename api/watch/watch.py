"""What the door and the worker tell of what happens, put together by the settings.

Metrics are always there, and are told where things happen by Prometheus's own calls. All else is in two lists that are
empty until it is wanted: `gates`, which the door asks before a request, and `ends`, which it tells after. So what
nobody has asked for is on nobody's way.
"""

import threading
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from semblance.api.settings import Settings
from semblance.api.watch.keyed import Keyed
from semblance.api.watch.log import AccessLog
from semblance.api.watch.metrics import Metrics
from semblance.api.watch.rates import Rates, rate
from semblance.indexer.answers.asking import Answer
from semblance.retrieval.errors import UsageError

LOOK_EVERY = 1.0  # seconds, at the file of keys

Gate = Callable[[Scope, Headers], Response | None]  # a request's refusal, or None; it may note things in scope["state"]
End = Callable[[Scope, int, int, float], None]  # status, bytes of the body, seconds
Answered = Callable[[Answer, float], None]  # in the context of who asked: when the question was queued


class Watch:
    """Of one service. Attributes: `metrics`, `keyed`, `gates`, `ends`, `answered` (told of each answer)."""

    def __init__(self, settings: Settings) -> None:
        """Raises UsageError where what is wanted is not installed, or the access log cannot be written."""
        self.metrics, self.keyed = Metrics(), Keyed(settings.library)
        self.gates: list[Gate] = []
        self.ends: list[End] = []
        self.answered: list[Answered] = []
        self._stops: list[Callable[[], None]] = []
        self._log = AccessLog(settings.access_log) if settings.access_log else None
        if settings.otel:
            self._trace(settings.otel)
        if settings.rate:
            self.gates.append(Rates(rate(settings.rate)).gate)
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
        if self.keyed.asks:
            self.ask_for_keys()

    def ask_for_keys(self) -> None:
        """Put the gate of keys in its place: before that of rates, which are by key."""
        if self.keyed.gate not in self.gates:
            self.gates = [self.keyed.gate, *self.gates]

    def _trace(self, endpoint: str) -> None:
        try:
            from semblance.api.watch.tracing import Traces  # noqa: PLC0415 - nothing of it where it is not wanted
        except ImportError as error:
            raise UsageError(
                f"The setting otel needs the extra packages ({error}): pip install 'semblance[otel]'."
            ) from error
        traces = Traces(endpoint)
        self.gates.append(traces.gate)
        self.ends.append(traces.end)
        self.answered.append(traces.answered)
        self._stops.append(traces.stop)
