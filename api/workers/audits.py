"""Which answers are audited, and what came of it.

An audit is a step at a time of the thread that owns the library, when nobody waits for that. One whose way of asking
has changed meanwhile is given up.
"""

import logging
import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from semblance.api.watch.metrics import Metrics
from semblance.api.workers.records import Held
from semblance.indexer.answers import auditing
from semblance.indexer.answers.asking import Answer, Question, Way
from semblance.retrieval.errors import SemblanceError

EVERY = 5.0  # seconds at least, from the end of one to the next

log = logging.getLogger("semblance.api")


@dataclass(frozen=True)
class Audited:
    """What has come of all audits: how many answers, their mean recall, how many lacked a picture, the last's time."""

    answers: int = 0
    recall: float = 1.0
    short: int = 0
    last: str | None = None


class Audits:
    """Of one service. Attributes: `under_way` (whether there is a step to do), `so_far`."""

    def __init__(self, share: float, metrics: Metrics) -> None:
        """Every answer after so many that `share` of all is taken; none where it is 0."""
        self.every = round(1 / share) if share else math.inf
        self.count = 0
        self.under_way, self.so_far = False, Audited()
        self._metrics, self._not_before = metrics, -math.inf

    def take(self, way: Way[Any], question: Question[Any], given: Answer) -> None:
        """Begin with an answer, unless there is one under way or has been a moment ago."""
        if not self.under_way and time.monotonic() >= self._not_before:
            self.under_way = True
            self._way, self._given, self._k = way, given, question.k
            self._steps: Generator[None, None, float] = auditing.recall(way, question, given)

    def step(self, library: Held | None) -> None:
        """Go on a little."""
        if library is None or library.ways.get(self._given.engine) is not self._way:
            self._end()
            return
        try:
            next(self._steps)
        except StopIteration as done:
            self._note(done.value)
            self._end()
        except SemblanceError:  # the picture that asked is forgotten, say
            self._end()
        except Exception:
            log.exception("an answer cannot be audited")
            self._end()

    def _end(self) -> None:
        self._steps.close()
        self.under_way, self._not_before = False, time.monotonic() + EVERY

    def _note(self, recall: float) -> None:
        was, engine = self.so_far, self._given.engine
        self._metrics.recall.labels(engine).observe(recall)
        if recall < 1:
            self._metrics.short.labels(engine).inc()
            log.warning(
                "audit: an answer by %s had %.1f %% of what an exact search finds (the %d nearest of %d pictures)",
                *(engine, 100 * recall, self._k, self._given.library_size),
            )
        mean = (was.recall * was.answers + recall) / (was.answers + 1)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.so_far = Audited(was.answers + 1, mean, was.short + (recall < 1), now)
