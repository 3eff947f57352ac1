"""What stands before the app: whom the service answers, how much it reads, what a browser may do with the answers."""

import re
import time
import uuid
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semblance.api.door.foreign import ALWAYS, PAGES, Names
from semblance.api.door.proxies import Forwarded
from semblance.api.door.receiving import DROPPED, SMALL, Receiving
from semblance.api.settings import Settings
from semblance.api.watch.metrics import METHODS, OTHER
from semblance.api.watch.watch import Watch
from semblance.api.wire.problems import REQUEST_ID, problem, too_large
from semblance.api.workers.threads import CLIENT

FORM_BYTES = 64 * 1024  # what a multipart body has beside the picture
_PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; frame-ancestors 'none'"
)
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")  # ids of requests that a client, or a proxy in front, may give


@dataclass
class Answer:
    """`send` of one request: puts on each answer what it must bear, and notes its status and the bytes of its body."""

    send: Send
    path: str
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR  # which what fails gets from who stands before the door
    sent: int = 0

    async def __call__(self, message: Message) -> None:
        """Send one message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            out = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                out[name] = value
            out["X-Request-ID"] = REQUEST_ID.get()
            if self.path == "/" or self.path.startswith("/page/"):
                out["Content-Security-Policy"] = _PAGE_POLICY
                out.setdefault("Cache-Control", "no-cache")  # asked again: an upgrade must not mix old with new
        self.sent += len(message.get("body", b""))
        await self.send(message)


class Guard:
    """ASGI middleware. In this order: a request's names and origin; the gates of `watch`, each of which may refuse it;
    the size of its body (413, by what it announces before it is read, else as soon as it is over), and room for it
    (503). What became of it `watch` is told at last."""

    def __init__(self, app: ASGIApp, names: Names, max_upload_mb: int, receiving: Receiving, watch: Watch) -> None:
        self.app, self.names, self.max_upload_mb, self.watch = app, names, max_upload_mb, watch
        self.limit = max_upload_mb * 2**20 + FORM_BYTES
        self.receiving = receiving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, headers = time.perf_counter(), Headers(scope=scope)
        given = headers.get("x-request-id", "")
        REQUEST_ID.set(given if _SANE.fullmatch(given) else uuid.uuid4().hex)
        answer = Answer(send, path := scope["path"].removeprefix(scope.get("root_path", "")))
        held, client = 0, (scope["client"] or ("",))[0]
        CLIENT.set(client)
        refusal: Response | None = None
        if path != "/health":
            method = scope["method"] if path in PAGES else ""
            fetched = *(headers.get(f"sec-fetch-{what}") for what in ("site", "mode", "dest")), method
            why = self.names.refusal(tuple(headers.getlist("host")), headers.get("origin"), fetched)
            refusal = problem(*why) if why else None
        for gate in self.watch.gates:
            refusal = refusal or gate(scope)
        size = self.limit if "transfer-encoding" in headers else int(headers.get("content-length", "0"))
        if refusal is None and size > SMALL:
            refusal = self._no_room(client, size)
            held = 0 if refusal else size
        if "transfer-encoding" in headers:
            receive = partial(self._counted, receive, [0])
        try:
            await (refusal or self.app)(scope, receive, answer)
        finally:
            if held:
                self.receiving.give(client, held)
            route = getattr(scope.get("route"), "path", "/page" if path.startswith("/page/") else OTHER)
            labels = scope["method"] if scope["method"] in METHODS else OTHER, route, str(int(answer.status))
            self.watch.metrics.requests.labels(*labels).observe(seconds := time.perf_counter() - begun)
            if answer.status >= HTTPStatus.BAD_REQUEST:
                kind = scope.get("state", {}).get("kind") or HTTPStatus(answer.status).phrase
                self.watch.metrics.errors.labels(kind).inc()
            for end in self.watch.ends:
                end(scope, answer.status, answer.sent, seconds)

    def _no_room(self, client: str, size: int) -> Response | None:
        """The refusal of an upload that is too large, or for which there is no room now; else the room is taken."""
        if size > self.limit:
            close = {"Connection": "close"} if size > DROPPED * self.limit else None
            return problem(413, too_large(self.max_upload_mb), close)
        if self.receiving.take(client, size):
            return None
        return problem(503, "Too much is being uploaded at one time: try again in a moment.", {"Retry-After": "2"})

    async def _counted(self, receive: Receive, read: list[int]) -> Message:
        """`receive` of a body that announces no length."""
        message = await receive()
        read[0] += len(message.get("body", b""))
        if read[0] > self.limit:
            raise HTTPException(413, too_large(self.max_upload_mb))
        return message


def install(app: FastAPI, settings: Settings, watch: Watch) -> None:
    """Put the guard before an app, and before that, where a proxy is trusted, what believes it."""
    names = Names(settings.host, settings.allow_host)
    receiving = Receiving(settings.receiving_mb * 2**20, settings.max_upload_mb * 2**20 + FORM_BYTES)
    app.add_middleware(Guard, names=names, max_upload_mb=settings.max_upload_mb, receiving=receiving, watch=watch)
    if settings.trust_proxy:  # the last that is added is the first that is asked
        app.add_middleware(Forwarded, trusted=settings.trust_proxy, each=settings.connections_each)
