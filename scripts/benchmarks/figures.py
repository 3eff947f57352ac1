"""What every benchmark is given and gives, and how times are taken."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MILLION = 1_000_000
# -P: whatever modules lie in the working folder are not Semblance's, nor Python's.
SEMBLANCE = [sys.executable, "-P", "-m", "semblance"]
Row = dict[str, Any]  # name, value, unit, against: a line of `bench --json`


@dataclass(frozen=True)
class Asked:
    """What a benchmark may use: an empty folder of its own run, and what the command line named."""

    scratch: Path
    pictures: Path | None
    models: list[str]
    recipe: str
    codes: int = MILLION
    minutes: float = 30.0
    library: Path | None = None
    plots: Path | None = None
    sizes: tuple[int, ...] = ()
    engines: tuple[str, ...] = ()
    milvus: str | None = None


def row(name: str, value: float, unit: str, against: str = "") -> Row:
    """A figure, and what was asked of it where something was."""
    return {"name": name, "value": round(value, 3), "unit": unit, "against": against}


def in_turns(
    tasks: Sequence[Callable[[], object]], times: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """The median seconds of each task, run in turns so that a slow moment of the machine meets all of them."""
    taken: list[list[float]] = [[] for _ in tasks]
    for _ in range(times):
        for task, seconds in zip(tasks, taken, strict=True):
            started = clock()
            task()
            seconds.append(clock() - started)
    return [float(np.median(seconds)) for seconds in taken]
