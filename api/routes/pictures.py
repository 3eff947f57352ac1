"""The pictures of the library: some of them, their files, smaller ones of them.

What is shown under an id is what was indexed, or nothing: the file is looked at as it was opened (originals.py).
"""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from semblance.api.wire import content
from semblance.api.wire.asking import Id
from semblance.api.wire.pictures import Image, Images, ListingParams, Side
from semblance.api.wire.problems import problem, responses
from semblance.api.workers.sending import Sent
from semblance.api.workers.service import Service
from semblance.indexer.catalog import Entry
from semblance.indexer.derived import thumbnails
from semblance.retrieval import decoding

router = APIRouter()

_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {"image/*": {}}},
    206: {"description": "The part of it that Range asks for", "content": {"image/*": {}}},
}
_SHARP = 90  # the quality of a JPEG that is looked at whole


@router.get("/images", responses=responses(422, 503))
def some_images(request: Request, asked: Annotated[ListingParams, Query()]) -> Images:
    """Some pictures, spread evenly over the library; or, with `cursor` or narrowed, all of them in the order of their
    ids, a page at a time."""
    own: Service = request.state.service
    narrowing, pictures, after = asked.narrowing(), own.shelf.pictures, None
    if asked.cursor is None and not narrowing:
        entries = pictures.spread(asked.limit)
    else:
        entries, after = pictures.listed(int(asked.cursor or 0), asked.limit, narrowing)
    images = [Image(id=entry.id, path=entry.path) for entry in entries]
    return Images(images=images, next=None if after is None else str(after))


@router.get("/images/{id}", responses=_FILE | responses(404, 410, 412, 416, 422, 503), response_class=Response)
async def original(id: Id, request: Request) -> Response:
    """The picture's file, as it is on disk; or a part of it, where `Range` says which."""
    own: Service = request.state.service
    entry = await known(own, id)
    file = await own.reading.open(entry)
    headers = content.headers(entry.sha256.hex(), file.modified, entry.path) | {"Accept-Ranges": "bytes"}
    said = _settled(request, headers)
    if said is None and request.method == "HEAD":
        said = Response(headers={**headers, "Content-Length": str(file.size)}, media_type=file.media_type)
    if said is None:
        part = content.part(request.headers, headers, file.size)
        if part is None or part[0] < part[1]:
            return Sent(own.reading, file, part, headers)
        some = f"The file has the bytes 0 to {file.size - 1}: ask for some of these, as Range: bytes=0-99 does."
        said = problem(416, some, {"Content-Range": f"bytes */{file.size}"})
    own.reading.close(file)
    return said


@router.get("/images/{id}/thumbnail", responses=responses(404, 410, 412, 413, 415, 422, 503), response_class=Response)
async def thumbnail(id: Id, request: Request) -> Response:
    """A JPEG of the picture, its shorter side at most 320 pixels and its longer 1,280; made when first asked for, then
    kept."""
    own: Service = request.state.service
    entry = await known(own, id)
    own.reading.close(await own.reading.open(entry))
    headers = content.headers(f"{entry.sha256.hex()}-{thumbnails.SIDE}-{thumbnails.PROPORTION:g}")
    if (said := _settled(request, headers)) is not None:
        return said
    small = await anyio.to_thread.run_sync(own.shelf.small, entry)
    if small is None:
        async with own.reading.whole(entry) as data:
            small = await own.slots.run(own.shelf.make, entry, data)
    return Response(small, media_type="image/jpeg", headers=headers)


@router.get("/images/{id}/view", responses=responses(404, 410, 412, 413, 415, 422, 503), response_class=Response)
async def view(id: Id, request: Request, side: Side = Side.USUAL) -> Response:
    """A JPEG of the whole picture, upright and in sRGB, its longer side at most `side` pixels: for what browsers do not
    show, and for what is larger than a screen. Made each time: browsers keep it."""
    own: Service = request.state.service
    entry = await known(own, id)
    own.reading.close(await own.reading.open(entry))
    headers = content.headers(f"{entry.sha256.hex()}-view-{side:d}")
    if (said := _settled(request, headers)) is not None:
        return said
    async with own.reading.whole(entry) as data:
        shown, _ = await own.slots.run(decoding.thumbnail, data, int(side), 1, _SHARP)
    return Response(shown, media_type="image/jpeg", headers=headers)


async def known(own: Service, id: int) -> Entry:
    """A picture of the library. Raises UnknownPicture."""
    return await anyio.to_thread.run_sync(own.shelf.pictures.known, id)


def _settled(request: Request, headers: dict[str, str]) -> Response | None:
    """The answer where the content needs not be sent."""
    status = content.settled(request.headers, headers)
    if status == 412:
        return problem(412, "The picture is not the one that the request goes by: ask without If-Match for what it is.")
    return Response(status_code=304, headers=headers) if status else None
