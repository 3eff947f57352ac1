"""uvicorn, as this service needs it: connections with limits, and a stop that ends within five seconds.

The stop, from the signal on: streams end and no connection is taken any more; after DECODING_STOPS_WITHIN what is
being decoded is given up; after STOP_WITHIN what is still under way is cancelled, and the library is closed; after
GONE_WITHIN the process ends, whatever hangs: a thread that waits for a dead disk cannot be stopped in any other way.
Nothing is lost by it: what is committed is on disk, and processes that decode end with the pipe they are spoken to by.
"""

import asyncio
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from semblance.api.door.connections import Connection
from semblance.api.door.places import Door
from semblance.api.settings import Settings

DECODING_STOPS_WITHIN = 1.0  # seconds: what a picture of usual size takes is answered still
STOP_WITHIN = 3.0  # for requests under way; without a bound one stalled upload holds the service for ever
GONE_WITHIN = 4.2
_SAID_EVERY = 5.0  # seconds: a flood of connections is no flood of lines
_FILES = 256  # descriptors for all else: the library, pictures, uploads that are spooled
_BACKLOG = 512  # connections taken at one turn; where descriptors run out, asyncio logs a line for each

log = logging.getLogger("semblance.api")


class Seldom(logging.Filter):
    """Lets the same message through once in a while, with how often it came meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[tuple[Any, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged."""
        kind = (record.msg, record.exc_info and record.exc_info[0])
        said, kept_back = self.last.get(kind, (-_SAID_EVERY, 0))
        if time.monotonic() - said < _SAID_EVERY:
            self.last[kind] = (said, kept_back + 1)
            return False
        self.last[kind] = (time.monotonic(), 0)
        if kept_back:
            record.msg = f"{record.msg} (and {kept_back:,} times before)"
        return True


def places(wanted: int) -> int:
    """How many connections there can be of those wanted, after as many files as may be were asked for: each takes two
    descriptors at most, its socket and what it uploads."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + _FILES
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        soft = needed
    return wanted if soft == resource.RLIM_INFINITY else max(8, min(wanted, (soft - _FILES) // 2))


class Server(uvicorn.Server):
    """The service over one listening socket."""

    def __init__(
        self, app: FastAPI, settings: Settings, on_start: Callable[[], None], leave: Callable[[int], None]
    ) -> None:
        """`on_start` is called once requests are answered; `leave` with the signal, to end the process at once."""
        self.door = Door(settings, places(settings.connections))
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(Connection, door=self.door),  # type: ignore[arg-type]
                ws="none",
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # see door/proxies.py
                backlog=_BACKLOG,
                ssl_certfile=settings.cert,
                ssl_keyfile=settings.key_file,
                timeout_graceful_shutdown=STOP_WITHIN,  # type: ignore[arg-type]
            )
        )
        self.on_start, self.leave, self.state = on_start, leave, app.state
        app.state.connections = lambda: len(self.door.inside)
        app.state.ended = self._ended
        self.said, self.told = -_SAID_EVERY, 0
        for name in ("uvicorn.error", "asyncio"):
            logging.getLogger(name).addFilter(Seldom())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """From here on requests are answered and signals are handled."""
        await super().startup(sockets)
        self.on_start()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % 10 == 0:
            self.door.look()
            self._tell()
        return await super().on_tick(counter)

    def _tell(self) -> None:
        ended, now = self.door.refused + self.door.timed_out, len(self.door.inside)
        if ended > self.told and time.monotonic() - self.said >= _SAID_EVERY:
            log.warning("%d connections turned away or too slow; %d are open", ended - self.told, now)
            self.said, self.told = time.monotonic(), ended

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Within GONE_WITHIN seconds the process has ended."""
        loop = asyncio.get_running_loop()
        self.state.closing()
        loop.call_later(DECODING_STOPS_WITHIN, self.state.stop)
        loop.call_later(STOP_WITHIN - 0.2, self._break_off)
        await super().shutdown(sockets)

    def _ended(self) -> dict[str, float]:
        door = self.door
        return {"refused": door.refused, "too slow": door.timed_out, "malformed": door.malformed}

    def _break_off(self) -> None:
        """End what is still under way, which is no error to report."""
        logging.getLogger("uvicorn.error").disabled = True
        for connection in list(self.door.inside):
            connection.transport.abort()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal stops the service, the second ends it at once."""
        if self.should_exit:
            self._end()
            return
        super().handle_exit(sig, frame)
        last = threading.Timer(GONE_WITHIN, self._end)
        last.daemon = True
        last.start()

    def _end(self) -> None:
        self.leave(self._captured_signals[0])
