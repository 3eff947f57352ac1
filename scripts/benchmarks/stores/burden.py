"""What another process takes of the machine that is measured: Linux says it under /proc, others 0."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Took:
    """Seconds that something took, and of the processor those that a server took meanwhile."""

    seconds: float
    server: float


def took(work: Callable[[], object], process: int | None) -> Took:
    """How long `work` takes, and what the process of this number does of it."""
    started, before = time.perf_counter(), busy(process)
    work()
    return Took(time.perf_counter() - started, busy(process) - before)


def busy(process: int | None) -> float:
    """Seconds that it took of the processor so far, on all cores."""
    try:
        said = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: int | None) -> int:
    """Bytes that it has in memory and that no file backs."""
    try:
        said = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in said.splitlines() if line.startswith("RssAnon"))
