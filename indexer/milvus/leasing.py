"""One indexer at a time fills what is under a name, of however many machines.

Milvus has no locks. So whoever fills writes down that it does, looks whether it stands there still, and says so again
and again: a second one finds the first and refuses, and one that was overtaken all the same, having slept say,
stops before its next batch. One that is gone from its machine, or silent for long, counts no more.
"""

import os
import secrets
import socket
import time
from pathlib import Path

from semblance.indexer.milvus import schema
from semblance.indexer.milvus.connection import Server
from semblance.retrieval.errors import LibraryLocked

_KEY = "writer"
_SILENT = 180.0  # seconds after which one on another machine is taken for gone
_AGAIN = 10.0  # between two looks, each of which waits for Milvus's own tick


class Lease:
    """The right to fill; given back at the end of a `with`."""

    def __init__(self, server: Server) -> None:
        """Raises LibraryLocked where another has it, IndexAway."""
        self._server, self._said = server, 0.0
        self._own = {"host": socket.gethostname(), "process": os.getpid(), "token": secrets.token_hex(8)}
        if (there := schema.line(server, _KEY)) and _is_alive(there, server.now()):
            raise self._another()
        self._write()
        self.check()

    def check(self) -> None:
        """LibraryLocked where another has taken it."""
        if time.monotonic() - self._said < _AGAIN:
            return
        there = schema.line(self._server, _KEY)
        if there is not None and there["token"] != self._own["token"]:
            raise self._another()
        self._write()
        self._said = time.monotonic()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is None:  # else it is dead soon, and an unreachable server would only be waited for
            schema.forget(self._server, _KEY)

    def _write(self) -> None:
        schema.put(self._server, _KEY, self._own | {"at": self._server.now()})

    def _another(self) -> LibraryLocked:
        return LibraryLocked(f"Another process is filling {self._server.address}: wait for it, and run the same again.")


def _is_alive(there: dict[str, object], now: int) -> bool:
    if there["host"] == socket.gethostname() and Path("/proc/self").exists():
        return there["process"] != os.getpid() and Path(f"/proc/{there['process']}").exists()
    return (now - int(str(there["at"])) >> 18) / 1000 < _SILENT
