"""Building what a library is to be searched by, beside a service: in a process of its own (indexer/child.py), one at a
time. What is built lies in the library, where the thread that owns that finds it and goes over to it (engines.py).
"""

import json
import logging
import math
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semblance.api.workers.child import Child
from semblance.indexer.catalog import Purpose
from semblance.indexer.derived import doubts
from semblance.indexer.derived.engines import Loaded
from semblance.retrieval.errors import LibraryError, LibraryLocked

AGAIN = 600.0  # seconds after one that failed, or changed nothing
_SOON, _LOCKED = 2.0, 30.0  # and after one that changed something, and where another process was at it
_STOPS_WITHIN = 4.5  # seconds

log = logging.getLogger("semblance.api")


class Building:
    """Of one service. Attribute: `at_work`, whether something is being built."""

    def __init__(self, library: Path | None, index: str) -> None:
        """Without a library nothing is ever wanted."""
        self._told = {"kind": "build", "library": str((library or Path()).absolute()), "index": index}
        self._child: Child | None = None
        self._not_before, self._stopped = -math.inf, False

    @property
    def at_work(self) -> bool:
        """Whether a process builds."""
        return self._child is not None

    def see(self, standing: Mapping[Purpose, Loaded]) -> None:
        """Begin to build where something is wanted, unless that is under way or was tried a while ago; never waits."""
        if not any(loaded.wanted for loaded in standing.values()):
            return
        if self._child is None and not self._stopped and time.monotonic() >= self._not_before:
            self._not_before = time.monotonic() + AGAIN
            try:
                self._child = child = Child({**self._told, "wrong": doubts.wrong()}, lambda _: None)
            except LibraryError as error:
                log.warning("%s", error)
                return
            wanted = ", ".join(sorted({loaded.wanted for loaded in standing.values() if loaded.wanted}))
            log.info("an index is being built (%s): until it is there, %s", wanted, _meanwhile(standing))
            threading.Thread(target=self._wait, args=(child,), name="building", daemon=True).start()

    def stop(self) -> None:
        """Ask what builds to end, and wait for it: some seconds at most."""
        self._stopped = True
        if child := self._child:
            child.interrupt()
            if child.runs(_STOPS_WITHIN):
                child.kill()

    def _wait(self, child: Child) -> None:
        while child.runs(60):
            pass
        said = list[str]()
        with child.out:
            if child.code == 0:
                child.out.seek(0)
                said = json.loads(child.out.readline())["said"]
                log.info("%s", " ".join(said) or "there was no index to build")
        if said:
            self._not_before = time.monotonic() + _SOON
        elif isinstance(child.error, LibraryLocked):  # somebody else builds it
            self._not_before = time.monotonic() + _LOCKED
        elif child.code and not self._stopped:
            log.warning("%s", child.error or "The process that built an index has ended: it is tried again later.")
        self._child = None


def _meanwhile(standing: Mapping[Purpose, Any]) -> str:
    return ", ".join(f"what is {purpose} is searched by {each.choice.engine}" for purpose, each in standing.items())
