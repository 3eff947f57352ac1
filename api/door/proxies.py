"""Proxies in front: what the headers of those that are trusted say of a request is believed, of nobody else.

`X-Forwarded-For` and `-Proto` are who asks and by which scheme, `-Host` the name that was asked for, `-Prefix` the path
below which the service is shown (/semblance): the app's root_path, by which /docs finds its description.
"""

import functools
import ipaddress
import re
from collections import Counter

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from semblance.api.wire.problems import problem

_PREFIX = re.compile(r"(/[\w.~-]+)+/?", re.ASCII)


class Trusted:
    """Addresses and networks: `address in trusted`."""

    def __init__(self, networks: list[str]) -> None:
        self.networks = [ipaddress.ip_network(network) for network in networks]
        self.has = functools.lru_cache(1024)(self._has)

    def __contains__(self, address: str) -> bool:
        return bool(self.networks) and self.has(address)

    def _has(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in network for network in self.networks)
        except ValueError:  # a name, or a socket without addresses
            return False


class Forwarded:
    """ASGI middleware, outside of all others and only where a proxy is trusted."""

    def __init__(self, app: ASGIApp, trusted: list[str], each: int) -> None:
        """`each`: requests at one time of one forwarded client, whose connections are the proxy's own."""
        self.app, self.each = app, each
        self.trusted = Trusted(trusted)
        self.believed = ProxyHeadersMiddleware(self._asked, trusted)  # type: ignore[arg-type]
        self.busy: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and (scope.get("client") or ("",))[0] in self.trusted:
            headers = MutableHeaders(scope=scope)
            if host := headers.get("x-forwarded-host"):
                headers["Host"] = host.rpartition(",")[2].strip()  # of several the nearest proxy's
            prefix = headers.get("x-forwarded-prefix", "")
            if _PREFIX.fullmatch(prefix):
                below(scope, prefix.rstrip("/"))
            await self.believed(scope, receive, send)  # type: ignore[arg-type]
        else:
            await self.app(scope, receive, send)

    async def _asked(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = (scope.get("client") or ("",))[0]
        if self.busy[client] >= self.each:
            detail = f"More than {self.each} requests of yours are under way: try again in a moment."
            await problem(503, detail, {"Retry-After": "2"})(scope, receive, send)
            return
        self.busy[client] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.busy[client] -= 1
            if not self.busy[client]:
                del self.busy[client]


def below(scope: Scope, prefix: str) -> None:
    """Put a request below `prefix`, whether or not the proxy has taken it off the path."""
    scope["root_path"] = prefix
    if not f"{scope['path']}/".startswith(f"{prefix}/"):
        scope["path"] = prefix + scope["path"]
        scope["raw_path"] = prefix.encode() + scope.get("raw_path", b"")
