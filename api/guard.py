"""What stands before the app: whom the service answers, how much it reads, what a browser may do with the answers."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semblance.api.wire.problems import problem, too_large

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_FORM_BYTES = 64 * 1024  # what a multipart body has beside the picture
_PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; frame-ancestors 'none'"
)


class Guard:
    """ASGI middleware.

    A service on the loopback address answers only to loopback names, so that no web page can reach somebody's pictures
    by pointing a name of its own there (DNS rebinding). A body over the limit is refused with 413: by its announced
    length before it is read, else as soon as it is over.
    """

    def __init__(self, app: ASGIApp, host: str, max_upload_mb: int) -> None:
        self.app, self.max_upload_mb = app, max_upload_mb
        self.limit = max_upload_mb * 2**20 + _FORM_BYTES
        self.loopback_only = host in ("localhost", "127.0.0.1", "::1")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        if self.loopback_only and name not in _LOOPBACK:
            refusal = problem(421, f"This service answers on this machine only, not as {name!r}.")
            await refusal(scope, receive, send)
            return
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > self.limit:
            if int(announced) <= 8 * self.limit:
                await self._drain(receive, int(announced))
            await problem(413, too_large(self.max_upload_mb))(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.limit:
                await self._drain(receive, 8 * self.limit)
                raise HTTPException(413, too_large(self.max_upload_mb))
            return message

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out["X-Content-Type-Options"] = "nosniff"
                out["Referrer-Policy"] = "no-referrer"
                if scope["path"] == "/" or scope["path"].startswith("/page/"):
                    out["Content-Security-Policy"] = _PAGE_POLICY
                    out["Cache-Control"] = "no-cache"  # asked again each time: an upgrade must not mix old with new
            await send(message)

        await self.app(scope, counted if "transfer-encoding" in headers else receive, with_policy)

    async def _drain(self, receive: Receive, left: int) -> None:
        """Read and drop at most `left` bytes: a client that is still sending does not hear the answer."""
        while left > 0:
            message = await receive()
            left -= len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return
