"""One connection: how long its client may take, and how much it may say before it is known what it wants.

A subclass of uvicorn's protocol on httptools, whose parser is C: on h11, which is Python, a request costs a millisecond
more. What h11 would bound, the size of a header, is bounded here.
"""

import functools
import math
import socket
import time
from asyncio import AbstractEventLoop, Transport
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from semblance.api.door.foreign import ALWAYS
from semblance.api.door.places import ANSWER, BODY, ENDED, HEADER, KEPT, Door, client_key
from semblance.api.door.receiving import DROPPED
from semblance.api.wire.problems import problem

HEADER_BYTES = 32 * 1024
_MANY = "Too many connections are open: try again in a moment."
_MAPPED = "::ffff:"
_STEP = 64 * 1024  # bytes of an answer that the system holds beside what is on its way to the client
_UNSENT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_LINGER = 2.0  # seconds that a client has to hear why its connection ends


@functools.cache
def last_words(status: int, detail: str) -> bytes:
    """The answer of a connection that is ended, as it is sent."""
    after = {"Retry-After": "2"} if status == 503 else {}
    said = problem(status, detail, {**ALWAYS, **after, "Connection": "close"})
    lines = b"".join(b"%s: %s\r\n" % field for field in said.raw_headers)
    return b"%s%s\r\n%s" % (STATUS_LINE[status], lines, bytes(said.body))


class Connection(HttpToolsProtocol):
    """A client's connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
        *,
        door: Door,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.door, self.settings, self.client_key = door, door.settings, ""
        self.stage, self.said, self.dropped = HEADER, 0, 0
        self.since = time.monotonic()
        self.due = self.since + self.settings.header_seconds
        self.whole_by = self.written_by = math.inf
        self.unread = 0  # bytes, when it was last looked

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Let in, or told to come again."""
        peer = transport.get_extra_info("peername")
        self.client_key = client_key(peer[0]) if isinstance(peer, tuple) else ""
        if (own := transport.get_extra_info("socket")) is not None and own.family != socket.AF_UNIX:
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does where the listener says it is TCP
            if _UNSENT is not None:  # else the system takes megabytes at one time, and a slow client looks dead
                own.setsockopt(socket.IPPROTO_TCP, _UNSENT, _STEP)
        self.transport = transport
        if self.door.enter(self):
            super().connection_made(transport)
            if self.client is not None and self.client[0].startswith(_MAPPED):  # IPv4 by a socket of both kinds
                self.client = self.client[0].removeprefix(_MAPPED), self.client[1]
            return
        self.stage = ENDED
        self.door.refused += 1
        transport.write(last_words(503, _MANY))
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Its place is free."""
        self.door.leave(self)
        if self.flow is not None:
            super().connection_lost(exc)

    # ---- what comes in ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Some of a request."""
        now = time.monotonic()
        if self.stage == ENDED:
            return
        if self.stage == KEPT:
            self.stage, self.said, self.due = HEADER, 0, now + self.settings.header_seconds
        if self.stage == HEADER:
            self.said += len(data)
        elif self.stage == BODY:
            self.due = min(now + self.settings.body_seconds, self.whole_by)
            self.dropped += len(data) if self.cycle.response_complete else 0
        super().data_received(data)
        if self.stage == HEADER and self.said > HEADER_BYTES:
            self.send_400_response("")
        elif self.dropped > DROPPED * self.settings.max_upload_mb * 2**20:
            self.transport.abort()

    def _unsupported_upgrade_warning(self) -> None:
        """Of a client that offers another protocol; it is answered by this one, and nothing is to be installed."""

    def on_message_begin(self) -> None:
        """A request; the first that is heard of one behind another."""
        super().on_message_begin()
        self.header_bytes = 0
        if self.stage != HEADER:
            self.stage, self.said, self.due = HEADER, 1, time.monotonic() + self.settings.header_seconds

    def on_url(self, url: bytes) -> None:
        """Its target, or a piece of it."""
        super().on_url(url)
        self._counted(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its fields."""
        super().on_header(name, value)
        self._counted(len(name) + len(value) + 4)  # as it is sent

    def _counted(self, size: int) -> None:
        self.header_bytes += size
        if self.header_bytes > HEADER_BYTES:
            raise ValueError("too long")  # to the parser, which gives up: see send_400_response

    def on_headers_complete(self) -> None:
        """It is known what is wanted, and how much comes still."""
        now, settings = time.monotonic(), self.settings
        fields = dict(self.headers)
        announced = fields.get(b"content-length", b"")
        size = int(announced) if announced.isdigit() else settings.max_upload_mb * 2**20
        self.stage, self.dropped = BODY, 0
        self.due = now + settings.body_seconds
        self.whole_by = self.due + size / settings.slowest_upload
        if self.parser.should_upgrade() and (announced.strip(b"0") or b"transfer-encoding" in fields):
            # The parser takes what comes then for the other protocol's, and a body's content for a next request.
            self._refuse(400, "A request with a body cannot ask for another protocol (Upgrade): leave that out.")
            raise ValueError("upgrade")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is there."""
        self.stage, self.due = ANSWER, math.inf
        super().on_message_complete()

    # ---- what goes out ---------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """There is more of the answer than the client has read."""
        self.written_by, self.unread = time.monotonic() + self.settings.write_seconds, self._unread()
        super().pause_writing()

    def _unread(self) -> int:
        size: int = self.transport.get_write_buffer_size()
        return size

    def resume_writing(self) -> None:
        """It goes on."""
        self.written_by = math.inf
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Answered: kept for the next request, where the client has said all of this one."""
        more, now = self.stage == BODY, time.monotonic()
        last = not self.pipeline
        super().on_response_complete()
        if more and self.expect_100_continue:  # it may send the body or not: nobody knows where the next request begins
            self._end()
        elif last and not more:
            self._unset_keepalive_if_required()  # uvicorn's, which knows nothing of a request that has begun to come
            self.stage = KEPT if self.stage == ANSWER else self.stage
            seconds = self.settings.keep_seconds if self.stage == KEPT else self.settings.header_seconds
            self.since, self.due = now, now + seconds

    def shutdown(self) -> None:
        """The service stops: an answer that streams without an end is ended."""
        super().shutdown()
        if self.cycle is not None and self.cycle.response_started and self.cycle.chunked_encoding:
            self.transport.close()

    # ---- what ends it ----------------------------------------------------------------------------------------------

    def overdue(self) -> None:
        """The client has taken longer than it may."""
        now = time.monotonic()
        busy = self.cycle is not None and not self.cycle.response_complete
        if self.written_by < now and (left := self._unread()) < self.unread:  # slowly, but it reads
            self.written_by, self.unread = now + self.settings.write_seconds, left
        if min(self.due, self.written_by) >= now:
            return
        if self.transport.is_closing() or self.stage == ENDED or self.written_by < now:
            self.door.timed_out += self.stage != ENDED
            self.transport.abort()
        elif self.flow.read_paused or (busy and self.stage == HEADER):  # it waits for the service, not the other way
            self.due = now + 1
        elif self.stage == KEPT or not self.said:
            self.door.timed_out += self.stage != KEPT
            self._end()
        else:
            self.door.timed_out += 1
            self._refuse(408, "The request has not come in time: send it again.")

    def send_400_response(self, _: str) -> None:
        """A request that is none, or whose header is too long."""
        self.door.malformed += 1
        if self.stage == ENDED:  # told already
            return
        if max(self.said if self.stage == HEADER else 0, self.header_bytes) <= HEADER_BYTES:
            self._refuse(400, "This is no HTTP request that the service understands.")
        elif len(self.url) > HEADER_BYTES // 2:
            self._refuse(414, "The address that is asked for is too long.")
        else:
            self._refuse(431, f"The header of the request is over {HEADER_BYTES // 1024} kB, the limit.")

    def _refuse(self, status: int, detail: str) -> None:
        """The connection's last answer, where none is under way."""
        if self.pipeline:  # an earlier request's is, which is not this cycle
            self.transport.abort()
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started:
                self.transport.abort()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(last_words(status, detail))
        self._end()

    def _end(self) -> None:
        """Say no more; what the client is still sending is read for a moment, else it would not hear what was said."""
        self.stage, self.due = ENDED, time.monotonic() + _LINGER
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
