"""http and https, by requests that take in no more than was asked for, and are not sent on to another host; S3's are
not either."""

from typing import Any

from semblance.retrieval.storage.taking import taken


def options() -> dict[str, Any]:
    """What fsspec's filesystem is begun with."""
    from aiohttp import TraceConfig

    trace = TraceConfig()
    trace.on_request_redirect.append(_sent_on)
    return {"client_kwargs": {"trace_configs": [trace]}}


async def _sent_on(_session: Any, _context: Any, said: Any) -> None:
    """A host that was named answers for itself: what it points to may be one that this machine alone may ask."""
    there = said.url.join(type(said.url)(said.response.headers.get("Location", "")))
    if (there.host, there.port) != (said.url.host, said.url.port) and not _is_the_same_over_https(said.url, there):
        raise PermissionError


def _is_the_same_over_https(url: Any, there: Any) -> bool:
    return url.host == there.host and (url.scheme, there.scheme) == ("http", "https") and there.is_default_port()


async def part(own: Any, path: str, at: int, end: int) -> bytes:
    """The bytes of a file from `at` to before `end`, whether or not its host knows of parts."""
    session = await own.set_session()
    headers = {"Range": f"bytes={at}-{end - 1}"}
    async with session.get(own.encode_url(path), headers=headers, **own.kwargs) as answer:
        if answer.status == 416:  # it ends before that
            return b""
        own._raise_not_found_for_status(answer, path)
        if answer.status == 200 and at:
            await taken(answer.content.read, at, keep=False)
        return await taken(answer.content.read, end - at)


def session() -> type:
    """What aiobotocore sends its requests by, which then does not follow answers to another host with what a request
    bears, a session's token among it: botocore knows itself when S3 means another region."""
    from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped]

    class Own(AIOHTTPSession):  # type: ignore[misc]
        async def _get_session(self, *args: Any, **named: Any) -> Any:
            return _Straight(await super()._get_session(*args, **named))

    return Own


class _Straight:
    """A session of aiohttp's as aiobotocore uses it."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, *args: Any, **named: Any) -> Any:
        """As it does, but for redirects."""
        return await self._session.request(*args, **named, allow_redirects=False)
