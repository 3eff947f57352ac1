"""Answers that are made while they are sent. Files: of pictures, read from where they were opened; and of the page."""

import logging
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from semblance.api.workers.reading import Original, Reading
from semblance.retrieval.errors import SemblanceError

log = logging.getLogger("semblance.api")


class Flowing(StreamingResponse):
    """An answer that is made while it is sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Where it cannot be made to its end it is broken off: a client must not take it for the whole."""
        try:
            await super().__call__(scope, receive, send)
        except SemblanceError as error:
            log.warning("an answer was broken off: %s", error)


class Sent(Flowing):
    """The bytes of a file, or from the first to before the last of `part`; it is closed when they are sent."""

    def __init__(self, reading: Reading, file: Original, part: tuple[int, int] | None, headers: dict[str, str]) -> None:
        self._reading, self._file, self._first = reading, file, b""
        self._start, self._end = part or (0, file.size)
        length = {"Content-Length": str(self._end - self._start)}
        if part:
            length["Content-Range"] = f"bytes {self._start}-{self._end - 1}/{file.size}"
        super().__init__(self._pieces(), 206 if part else 200, headers | length, file.media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises Gone and Busy where it cannot be read, while nothing is sent."""
        try:
            self._first = await self._piece(self._start)
            await super().__call__(scope, receive, send)
        finally:
            self._reading.close(self._file)

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self._first
        at = self._start + len(self._first)
        while at < self._end:
            yield (piece := await self._piece(at))
            at += len(piece)

    async def _piece(self, at: int) -> bytes:
        return await self._reading.piece(self._file, at, self._end)


class Whole(StaticFiles):
    """A folder of the service's own files, each sent whole: a server may pass over Range (RFC 9110, 14.2), of which
    Starlette says in plain text what is wrong."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The answer for a file."""
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]
        return await super().get_response(path, scope)
