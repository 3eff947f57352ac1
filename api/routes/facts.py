"""What pictures say of themselves: facts of one, what there is to narrow by, what its code remembers, the map."""

import asyncio
import contextlib

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from semblance.api.wire import content
from semblance.api.wire import facts as wire
from semblance.api.wire.asking import Id
from semblance.api.wire.problems import responses
from semblance.api.workers.service import Service
from semblance.indexer.answers.asking import Question
from semblance.indexer.catalog import Catalog, Entry, Facts, finding, said
from semblance.indexer.derived import mapping, remembered
from semblance.retrieval.errors import NoCopies, UnknownPicture

router = APIRouter()

_MOST_COPIES = 100
_CACHE = {"Cache-Control": "private, no-cache"}  # to be asked again: another codec, or more pictures, may come


@router.get("/images/{id}/facts", responses=responses(404, 422, 503))
async def facts(id: Id, request: Request) -> wire.Facts:
    """What is known of a picture: its file, its size in pixels, when it was taken, by what and where; and the ids of
    what is the same picture, by its content or its code."""
    own: Service = request.state.service
    entry, told, copies = await anyio.to_thread.run_sync(_known, own, id)
    with contextlib.suppress(NoCopies, UnknownPicture):  # or it has no such code
        answer = await asyncio.wrap_future(own.worker.ask("copies", Question(id, _MOST_COPIES)))
        copies |= {hit.id for hit in answer.results if hit.copy}
    return wire.facts(entry, told, sorted(copies - {id}))


@router.get("/images/{id}/remembered", responses=responses(404, 422, 503), response_class=Response)
async def what_the_code_remembers(id: Id, request: Request) -> Response:
    """A JPEG of what a picture's code remembers of it: what the model's decoder makes of the code."""
    own: Service = request.state.service
    codec = own.worker.state().codec
    made = await own.slots.run(remembered.jpeg, own.library, id, codec)
    headers = content.headers(f"{codec.codec_id[:16]}-{id}") | _CACHE
    if content.settled(request.headers, headers) == 304:
        return Response(status_code=304, headers=headers)
    return Response(made, media_type="image/jpeg", headers=headers)


@router.get("/facets", responses=responses(503))
def facets(request: Request) -> wire.Facets:
    """What there is to narrow by."""
    own: Service = request.state.service
    with Catalog.opened(own.library) as catalog:
        return wire.facets(said.facets(catalog))


@router.get("/map", responses={**responses(404, 503), 200: {"model": wire.Map}})
def map_of_all(request: Request) -> Response:
    """All pictures on a plane, those alike together; as `semblance map` has laid them out, with what came since."""
    own: Service = request.state.service
    with Catalog.opened(own.library) as catalog:
        found = mapping.present(catalog)
    headers = {"ETag": f'"{found.generation.number}-{found.checksum[:16]}"', **_CACHE}
    if content.settled(request.headers, headers) == 304:
        return Response(status_code=304, headers=headers)
    x, y = found.places.T.tolist()
    body = wire.Map(generation=found.generation.number, ids=found.ids.tolist(), x=x, y=y)
    return Response(body.model_dump_json(), media_type="application/json", headers=headers)


def _known(own: Service, id: int) -> tuple[Entry, Facts | None, set[int]]:
    with Catalog.opened(own.library) as catalog:
        entry = catalog.entry(id)
        if entry is None:
            raise UnknownPicture(f"There is no picture {id} in the library.")
        return entry, catalog.facts(id), {each.id for each in finding.of_content(catalog, entry.sha256)}
