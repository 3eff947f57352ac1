"""The pictures of the library: some of them, their files, their thumbnails."""

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from semblance.api.wire.asking import Id
from semblance.api.wire.pictures import Image, Images, ListingParams
from semblance.api.wire.problems import responses
from semblance.api.work.threads import Service
from semblance.indexer.catalog import Catalog, finding
from semblance.indexer.derived import originals, thumbnails

router = APIRouter()


@router.get("/images", responses=responses(422, 503))
def some_images(request: Request, asked: Annotated[ListingParams, Query()]) -> Images:
    """Some pictures, spread evenly over the library; or, with `cursor` or narrowed, all of them in the order of their
    ids, a page at a time."""
    own: Service = request.state.service
    narrowing, after = asked.narrowing(), None
    with Catalog.opened(own.settings.library) as catalog:
        if asked.cursor is None and not narrowing:
            entries = catalog.spread(asked.limit)
        else:
            among = catalog.among(narrowing) if narrowing else None
            entries, after = finding.listed(catalog, int(asked.cursor or 0), asked.limit, among)
    images = [Image(id=entry.id, path=entry.path) for entry in entries]
    return Images(images=images, next=None if after is None else str(after))


@router.get("/images/{id}", responses=responses(404, 410, 422, 503), response_class=FileResponse)
def original(id: Id, request: Request) -> FileResponse:
    """The picture's file, as it is on disk."""
    own: Service = request.state.service
    entry, media_type = originals.find(own.settings.library, id)
    return FileResponse(entry.path, media_type=media_type, headers={"Cache-Control": "no-cache"})


@router.get("/images/{id}/thumbnail", responses=responses(400, 404, 410, 413, 415, 422, 503), response_class=Response)
async def thumbnail(id: Id, request: Request) -> Response:
    """A JPEG of the picture, its longer side at most 320 pixels; made when first asked for, then kept."""
    own: Service = request.state.service
    library = own.settings.library
    entry, _ = await anyio.to_thread.run_sync(originals.find, library, id)
    headers = {"ETag": f'"{entry.sha256.hex()}"', "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if kept := await anyio.to_thread.run_sync(thumbnails.read, library, entry.sha256):
        return Response(kept, media_type="image/jpeg", headers=headers)
    small, as_indexed = await own.slots.run(thumbnails.make, library, entry)
    return Response(small, media_type="image/jpeg", headers=headers if as_indexed else {"Cache-Control": "no-store"})
