"""Changes that are made once, however often a client asks: by its Idempotency-Key."""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

import anyio.to_thread
from fastapi import Header, HTTPException, Request, Response

from semblance.indexer.catalog.requests import Kept, Requests
from semblance.retrieval.errors import LibraryError

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Text that a client makes up for one change: asked again with it within a day, it gets the same "
        "answer again, and nothing is done twice",
    ),
]
_KEPT = ("content-type", "location")


async def once(
    request: Request, key: str | None, content: bytes, change: Callable[[], Awaitable[Response]]
) -> Response:
    """What `change` answers; or, where the same request (method, path, `content`) was answered under this key before,
    that answer. 409 where the key stands for another, or this one is under way. What fails is not remembered."""
    if key is None:
        return await change()
    requests: Requests = request.state.service.changing.requests
    holder = str(getattr(request.state, "holder", ""))
    asked = hashlib.sha256(content)
    asked.update(f"\n{request.method} {request.url.path}?{request.url.query}".encode())
    before = await request.state.service.changing.looks.run(requests.begin, holder, key, asked.digest())
    if isinstance(before, Kept):
        return Response(before.body, before.status, {**before.headers, "Idempotency-Replayed": "true"})
    if before is None:
        raise HTTPException(409, "This Idempotency-Key stands for another request: make up a new one for each.")
    if before is False:
        raise HTTPException(409, "The same request is under way: ask again in a moment.", {"Retry-After": "1"})
    try:
        answer = await change()
    except BaseException:
        with anyio.CancelScope(shield=True), suppress(LibraryError):  # the client may have gone
            await anyio.to_thread.run_sync(requests.release, holder, key)
        raise
    headers = {name: value for name, value in answer.headers.items() if name in _KEPT}
    kept = Kept(answer.status_code, headers, bytes(answer.body))
    with anyio.CancelScope(shield=True), suppress(LibraryError):  # what was done is done, remembered or not
        await anyio.to_thread.run_sync(requests.keep, holder, key, kept)
    return answer
