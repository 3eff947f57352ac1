"""The routes: thin, each the way of one request."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, File, HTTPException, Query, Request, UploadFile
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from pydantic import ValidationError

from semblance.api.problems import responses, too_large
from semblance.api.schemas import Health, Image, Images, Ready, SearchParams, SimilarParams
from semblance.api.settings import Settings
from semblance.api.worker import Worker
from semblance.indexer.answers.asking import Answer, Question
from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import originals, thumbnails
from semblance.retrieval import decoding
from semblance.retrieval.errors import Busy, DamagedPicture, NoCopies, Overtaken, PictureTooLarge

router = APIRouter()
T = TypeVar("T")

_ANEW = 3  # times at most that a question is made: a service looks for another codec once a second


class Slots:
    """A bounded number of pictures decoded at one time, and a bounded number that wait for their turn."""

    def __init__(self, slots: int, waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(slots)
        self._crew = decoding.Crew()
        self._room = slots + waiting

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run `work` in a thread when there is a slot. Raises Busy where too many wait already."""
        if self._room == 0:
            raise Busy("The service has too many pictures waiting to be decoded: try again in a moment.")
        self._room -= 1
        decoding.CREW.set(self._crew)  # for the thread too, which is given this request's context
        try:
            return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)
        finally:
            self._room += 1

    def stop(self) -> None:
        """Give up what is being decoded: whoever waits for it hears that the service stops."""
        self._crew.end()


@dataclass(frozen=True)
class Service:
    """What the routes lean on: `request.state.service`, set by the app's lifespan."""

    settings: Settings
    worker: Worker
    slots: Slots


async def search_params(request: Request, params: Annotated[SearchParams, Query()]) -> SearchParams:
    """How to search, from the query string, or from fields of the form beside the file, as clients like to."""
    if not request.headers.get("content-type", "multipart/").startswith("multipart/"):
        raise HTTPException(422, "file: send the picture as this field of a form, as curl -F file=@cat.jpg does.")
    fields = {name: value for name, value in (await request.form()).multi_items() if name != "file"}
    if not fields:
        return params
    try:
        return SearchParams.model_validate({**request.query_params, **fields})
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("form", *item["loc"])} for item in error.errors()]) from error


Id = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]  # what SQLite and FAISS can hold


@router.post("/search", responses=responses(400, 413, 415, 422, 503))
async def search(
    request: Request,
    params: Annotated[SearchParams, Depends(search_params)],
    file: Annotated[UploadFile, File(description="The picture to search with")],
) -> Answer:
    """The pictures of the library that look most like the uploaded one."""
    own: Service = request.state.service
    for _ in range(_ANEW):
        made = own.worker.state().questions.get(params.engine)
        if made is None:
            raise NoCopies
        question = await own.slots.run(_read, file, made, params, own.settings.max_upload_mb)
        with contextlib.suppress(Overtaken):  # by another codec, while the picture was encoded
            return await asyncio.wrap_future(own.worker.ask(params.engine, question))
    raise Overtaken


@router.get("/images/{id}/similar", responses=responses(404, 422, 503))
async def similar(id: Id, request: Request, params: Annotated[SimilarParams, Query()]) -> Answer:
    """The pictures that look most like one of the library; that one comes first, unless it has exact duplicates."""
    own: Service = request.state.service
    return await asyncio.wrap_future(own.worker.ask(params.engine, Question(id, params.k)))


@router.get("/images", responses=responses(422, 503))
def some_images(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 12) -> Images:
    """Some pictures, spread evenly over the library."""
    own: Service = request.state.service
    with Catalog.opened(own.settings.library) as catalog:
        return Images(images=[Image(id=entry.id, path=entry.path) for entry in catalog.spread(limit)])


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


@router.get("/health")
def health() -> Health:
    """Whether the process answers."""
    return Health()


@router.get("/ready", responses=responses(503))
def ready(request: Request) -> Ready:
    """Whether there is a library to search, and what it holds."""
    own: Service = request.state.service
    state = own.worker.state()
    return Ready(pictures=state.pictures, codec_id=state.codec.codec_id, bits=state.codec.bits, engines=state.engines)


def _read(file: UploadFile, made: Callable[..., Question[Any]], params: SearchParams, limit_mb: int) -> Question[Any]:
    file.file.seek(0)
    data = file.file.read()
    if len(data) > limit_mb * 2**20:  # the guard lets through what a form has beside the picture
        raise PictureTooLarge(too_large(limit_mb))
    if not data:
        raise DamagedPicture("The upload is empty: choose a picture and send it again.")
    return made([data], [], params.k, params.views, params.refine)
