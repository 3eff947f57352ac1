"""Who may ask: a gate of the door, there from the moment that a library has keys, for as long as the service runs.

A key comes as `Authorization: Bearer KEY`, or as the cookie that `GET /?key=KEY` sets, for a page that a person opens.
The page's own files, /health and /ready need none: they are the same for everybody, and say nothing of the library to
whom has no key. Once it has asked for keys a service goes on asking: with the last one removed, or the file damaged or
deleted, nobody is let in.
"""

import hmac
import logging
import os
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from semblance.api.wire.problems import problem
from semblance.indexer.keeping import keys
from semblance.indexer.keeping.keys import Key
from semblance.retrieval.errors import LibraryError

COOKIE = "semblance_key"
_DAYS = 30 * 24 * 3600  # that a browser keeps the cookie, in seconds
_FOR_ALL = ("/", "/health", "/ready")
_PAGE = "/page/"

log = logging.getLogger("semblance.api")


class Keyed:
    """The keys of a library as its file has them, and those of this run alone."""

    def __init__(self, library: Path | None) -> None:
        """Of the keys in a library's folder, or another; None where there is none."""
        self._library = library
        self._stamp: tuple[int, int, int] | None = None
        self._known: list[Key] = []
        self._of_this_run: list[Key] = []
        self.asks = False  # and never False again

    def look(self) -> None:
        """Read the file where it is another than at the last look."""
        if self._library is None:
            return
        try:
            status = os.stat(self._library / keys.FILE)  # noqa: PTH116
            stamp = status.st_ino, status.st_size, status.st_mtime_ns
        except OSError:
            stamp = None
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._known = keys.read(self._library)
        except LibraryError as error:
            log.warning("%s", error)
            self._known, self.asks = [], True
        self.asks = self.asks or bool(self._known)

    def share(self, name: str) -> str:
        """A key that may read until the service ends, and is kept in its memory alone."""
        key, kept = keys.fresh(name)
        self._of_this_run.append(kept)
        self.asks = True
        return key

    def gate(self, scope: Scope) -> Response | None:
        """See watch's Gate: notes `scopes` and `holder` (the key's name) in scope["state"]."""
        path, method = get_route_path(scope), scope["method"]
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        offered = next((value for name, value in query if name == "key"), None) if path == "/" else None
        entering = offered is not None and method in ("GET", "HEAD")
        if not entering:
            offered = _sent(Headers(scope=scope))
        key = self._holder(offered) if offered else None
        state: dict[str, Any] = scope.setdefault("state", {})
        state["scopes"], state["holder"] = (key.scopes, key.name) if key else ((), "")
        if entering and key and offered:
            return _entered(scope, offered, [pair for pair in query if pair[0] != "key"])
        if key or (method in ("GET", "HEAD") and not entering and (path in _FOR_ALL or path.startswith(_PAGE))):
            return None
        wrong = 'Bearer error="invalid_token"' if offered else "Bearer"
        why = "This is no key of this library, or none any more" if offered else "This service asks for a key"
        how = "open the address that has one in it, or send one as `Authorization: Bearer KEY`"
        return problem(HTTPStatus.UNAUTHORIZED, f"{why}: {how}.", {"WWW-Authenticate": wrong})

    def _holder(self, key: str) -> Key | None:
        """Whose key it is. All are compared, each in the same time whatever its letters."""
        sha256 = keys.digest(key).encode()
        same = [
            each for each in (*self._known, *self._of_this_run) if hmac.compare_digest(each.sha256.encode(), sha256)
        ]
        return same[0] if same else None


def _sent(headers: Headers) -> str:
    """The key of a request, or what it sends in place of one."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _entered(scope: Scope, key: str, query: list[tuple[str, str]]) -> Response:
    """To the page, by an address that may be shown to others; relative, since a proxy may have the page elsewhere."""
    address = f"./?{urlencode(query)}" if query else "./"
    answer = Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": address, "Cache-Control": "no-store"})
    home, secure = scope.get("root_path") or "/", scope["scheme"] == "https"
    answer.set_cookie(COOKIE, key, _DAYS, path=home, secure=secure, httponly=True, samesite="strict")
    return answer
