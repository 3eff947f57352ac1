"""How far a run is, which the learning rate follows: by its recipe's steps or, where it is given minutes, by time."""

import math
import time
from dataclasses import dataclass, field

from semblance.retrieval.training.groups import Schedule


@dataclass(frozen=True)
class Clock:
    """The clock of a run of `steps` steps by its recipe, or of so many `minutes`, however many steps that makes.

    `first` steps and the seconds `behind` are those of earlier pieces of a cut run: the clock goes on as if the pieces
    had followed each other.
    """

    steps: int
    minutes: float | None = None
    first: int = 0
    behind: float = 0.0
    _started: float = field(default_factory=lambda: time.monotonic())

    @property
    def seconds(self) -> float:
        """The seconds that the run has taken, in all its pieces."""
        return self.behind + time.monotonic() - self._started

    def over(self, step: int) -> bool:
        """Whether so many steps are all: by the clock, where another would not fit that takes what this piece's take in
        the mean. The very first is always made."""
        if self.minutes is None:
            return step >= self.steps
        each = (self.seconds - self.behind) / max(1, step - self.first)
        return step > 0 and self.seconds + each > 60 * self.minutes

    def at(self, step: int) -> float:
        """Where on its way from 0 to `steps` the run is before this step."""
        return step if self.minutes is None else min(1.0, self.seconds / (60 * self.minutes)) * self.steps

    def shown(self, step: int) -> tuple[int, int]:
        """What is done after so many steps, and what there is to do: in steps or, by the clock, in seconds."""
        return (step, self.steps) if self.minutes is None else (int(self.seconds), round(60 * self.minutes))


def learning_rate(schedule: Schedule, at: float, steps: int) -> float:
    """Linear warm-up, then half a cosine down to zero (Loshchilov & Hutter, 2017); `at` runs from 0 to `steps`."""
    warm = schedule.warmup * steps
    if at < warm:
        return schedule.learning_rate * (at + 1) / (warm + 1)
    return schedule.learning_rate * 0.5 * (1 + math.cos(math.pi * (at - warm) / (steps - warm)))
