"""The routes: thin, each the way of one request."""

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, File, Query, Request, UploadFile
from fastapi import Path as PathParameter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from pydantic import ValidationError

from semblance.api.problems import responses, too_large
from semblance.api.question import Encoded, Question, encode, to_answer
from semblance.api.schemas import Health, Image, Images, Ready, SearchAnswer, SearchParams, SimilarParams
from semblance.api.worker import Searcher
from semblance.indexer import thumbnails
from semblance.indexer.catalog import Catalog
from semblance.indexer.records import Entry
from semblance.retrieval import images
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import Busy, DamagedPicture, Gone, PictureTooLarge, UnknownPicture

router = APIRouter()
T = TypeVar("T")


class Decoding:
    """A bounded number of pictures decoded at one time, and a bounded number that wait for their turn."""

    def __init__(self, slots: int, waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(slots)
        self._room = slots + waiting

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread when there is a slot. Raises Busy where too many wait already."""
        if self._room == 0:
            raise Busy("The service has too many pictures waiting to be decoded: try again in a moment.")
        self._room -= 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._room += 1


def searcher(request: Request) -> Searcher:
    """The app's one searcher."""
    held: Searcher = request.app.state.searcher
    return held


def decoding(request: Request) -> Decoding:
    """The app's one bound on decoding."""
    held: Decoding = request.app.state.decoding
    return held


async def search_params(request: Request, params: Annotated[SearchParams, Query()]) -> SearchParams:
    """How to search, from the query string, or from fields of the form beside the file, as clients like to."""
    fields = {name: value for name, value in (await request.form()).multi_items() if name != "file"}
    if not fields:
        return params
    try:
        return SearchParams.model_validate({**request.query_params, **fields})
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("form", *item["loc"])} for item in error.errors()]) from error


Owner = Annotated[Searcher, Depends(searcher)]
Slots = Annotated[Decoding, Depends(decoding)]
Id = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]  # what SQLite and FAISS can hold


@router.post("/search", responses=responses(400, 413, 415, 422, 503))
async def search(
    request: Request,
    owner: Owner,
    slots: Slots,
    params: Annotated[SearchParams, Depends(search_params)],
    file: Annotated[UploadFile, File(description="The picture to search with")],
) -> SearchAnswer:
    """The pictures of the library that look most like the uploaded one."""
    codec = owner.state().codec
    encoded = await slots.run(
        functools.partial(_read_upload, file, codec, params, request.app.state.settings.max_upload_mb)
    )
    hits = await asyncio.wrap_future(owner.submit(Question(params.engine, params.k, encoded.by)))
    return to_answer(hits, codec, params.engine, encoded)


@router.get("/images/{id}/similar", responses=responses(404, 422, 503))
async def similar(id: Id, owner: Owner, params: Annotated[SimilarParams, Query()]) -> SearchAnswer:
    """The pictures that look most like one of the library; that one comes first, unless it has exact duplicates."""
    codec = owner.state().codec
    hits = await asyncio.wrap_future(owner.submit(Question(params.engine, params.k, id)))
    return to_answer(hits, codec, params.engine)


@router.get("/images", responses=responses(422, 503))
def some_images(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 12) -> Images:
    """Some pictures, spread evenly over the library."""
    with Catalog.opened(request.app.state.settings.library) as catalog:
        return Images(images=[Image(id=entry.id, path=entry.path) for entry in catalog.spread(limit)])


@router.get("/images/{id}", responses=responses(404, 410, 422, 503), response_class=FileResponse)
def original(id: Id, request: Request) -> FileResponse:
    """The picture's file, as it is on disk."""
    entry, media_type = _entry(id, request.app.state.settings.library)
    return FileResponse(entry.path, media_type=media_type, headers={"Cache-Control": "no-cache"})


@router.get("/images/{id}/thumbnail", responses=responses(400, 404, 410, 413, 415, 422, 503), response_class=Response)
async def thumbnail(id: Id, request: Request, slots: Slots) -> Response:
    """A JPEG of the picture, its longer side at most 320 pixels; made when first asked for, then kept."""
    library: Path = request.app.state.settings.library
    entry, _ = await anyio.to_thread.run_sync(_entry, id, library)
    headers = {"ETag": f'"{entry.sha256.hex()}"', "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    kept = thumbnails.thumbnail_path(library, entry.sha256)
    if kept.exists():
        return FileResponse(kept, media_type="image/jpeg", headers=headers)
    small, as_indexed = await slots.run(functools.partial(thumbnails.make, library, entry))
    return Response(small, media_type="image/jpeg", headers=headers if as_indexed else {"Cache-Control": "no-store"})


@router.get("/health")
def health() -> Health:
    """Whether the process answers."""
    return Health()


@router.get("/ready", responses=responses(503))
def ready(owner: Owner) -> Ready:
    """Whether there is a library to search, and what it holds."""
    state = owner.state()
    return Ready(
        pictures=state.pictures, codec_id=state.codec.codec_id, bits=state.codec.bits, engines=[*state.engines]
    )


def _read_upload(file: UploadFile, codec: Codec, params: SearchParams, limit_mb: int) -> Encoded:
    data = file.file.read()
    if len(data) > limit_mb * 2**20:  # the guard lets through what a form has beside the picture
        raise PictureTooLarge(too_large(limit_mb))
    if not data:
        raise DamagedPicture("The upload is empty: choose a picture and send it again.")
    return encode(data, codec, params.engine, params.views, params.refine)


def _entry(id: Id, library: Path) -> tuple[Entry, str]:
    """A picture of the library that is still a picture, and its media type. Raises UnknownPicture and Gone."""
    with Catalog.opened(library) as catalog:
        entry = catalog.entry(id)
    if entry is None:
        raise UnknownPicture(f"There is no picture {id} in the library.")
    try:
        with Path(entry.path).open("rb") as file:
            media_type = images.media_type(file.read(images.SNIFF_BYTES))
    except OSError as error:
        raise Gone(f"The file {entry.path} is gone: index its folder again to forget it.") from error
    if media_type is None:  # what is not a picture any more is not served to anyone
        raise Gone(f"The file {entry.path} is no picture any more: index its folder again.")
    return entry, media_type
