"""The access log: a line of JSON for each request, refused ones too.

What a request says is quoted by JSON, with all but ASCII as escapes: no path can begin a line of its own, nor steer a
terminal. A line holds a path without its query, and what looks like a key is masked wherever it stands. Lines are
written by a thread of their own: a disk that hangs or is full costs lines, never an answer.
"""

import contextlib
import json
import logging
import queue
import re
import sys
import time
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, WatchedFileHandler

from starlette.types import Scope

from semblance.api.wire.problems import REQUEST_ID
from semblance.indexer.keeping import keys
from semblance.retrieval.errors import UsageError

_KEY = re.compile(rf"{keys.PREFIX}[A-Za-z0-9_-]+")
_LONGEST = 2048  # letters of a path
_WAITING = 10_000  # lines
_COMPLAINED = 60.0  # seconds between two complaints that nothing can be written

log = logging.getLogger("semblance.api")


class AccessLog:
    """The log of one service."""

    def __init__(self, where: str) -> None:
        """Append to the file `where`, or write to standard error where it is "-". Raises UsageError."""
        try:
            into = logging.StreamHandler(sys.stderr) if where == "-" else _File(where, encoding="ascii")
        except OSError as error:
            raise UsageError(
                f"The access log {where} cannot be written ({error.strerror}): name another file."
            ) from error
        waiting: queue.Queue[logging.LogRecord] = queue.Queue(_WAITING)
        self._listener = QueueListener(waiting, into)
        self._lines = logging.Logger("access")  # no child of the root's: it goes nowhere else
        self._lines.addHandler(_Queue(waiting))

    def start(self) -> None:
        """From here on lines are written."""
        self._listener.start()

    def stop(self) -> None:
        """Write what waits."""
        self._listener.stop()

    def end(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        """See watch's End."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "id": REQUEST_ID.get(),
            "client": (scope["client"] or (None,))[0],
            "key": scope.get("state", {}).get("holder") or None,
            "method": scope["method"],
            "path": scope["path"][:_LONGEST],
            "route": getattr(scope.get("route"), "path", None),
            "status": status,
            "bytes": sent,
            "seconds": round(seconds, 6),
        }
        self._lines.info("%s", _KEY.sub(f"{keys.PREFIX}...", json.dumps(line)))


class _Queue(QueueHandler):
    def enqueue(self, record: logging.LogRecord) -> None:
        """Where too many wait already the line is lost."""
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


class _File(WatchedFileHandler):
    """One that follows where the file is moved away, as logrotate does."""

    _complained = -_COMPLAINED

    def handleError(self, _: logging.LogRecord) -> None:
        """Say now and then that lines are lost."""
        if time.monotonic() - self._complained >= _COMPLAINED:
            self._complained = time.monotonic()
            log.warning(
                "the access log %s cannot be written (%s): lines are lost", self.baseFilename, sys.exc_info()[1]
            )
