"""Changing: pictures into the library and out of it."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, File, Request, Response, UploadFile
from fastapi.responses import JSONResponse

from semblance.api.wire.asking import Id
from semblance.api.wire.changing import Added
from semblance.api.wire.problems import responses, too_large
from semblance.api.workers.once import Key, once
from semblance.api.workers.rights import writer
from semblance.api.workers.service import Service
from semblance.indexer.keeping import adding
from semblance.indexer.keeping.adding import Adding
from semblance.retrieval import decoding
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import CodecMismatch, DamagedPicture, Overtaken, PictureTooLarge

router = APIRouter(dependencies=[Depends(writer)])

_ANEW = 3  # times at most that an addition begins anew, since the library has got another codec


@router.api_route(
    "/images",
    methods=["POST"],
    status_code=201,
    response_model=Added,
    responses=responses(400, 403, 409, 413, 415, 422, 503, 507)
    | {200: {"model": Added, "description": "It is there already"}},
    form_limits={"max_files": 1},
)
async def add(
    request: Request, file: Annotated[UploadFile, File(description="The picture to keep")], key: Key = None
) -> Response:
    """Keep a picture in the library, which the next search finds; the one that has this content, where there is one."""
    own: Service = request.state.service
    data = await file.read()

    async def change() -> Response:
        added = await _added(own, data, file.filename or "")
        await asyncio.wrap_future(own.worker.look())
        picture = Added(id=added.id, path=added.path).model_dump()
        return JSONResponse(picture, 201 if added.new else 200, {"Location": f"images/{added.id}"})

    return await once(request, key, data, change)


@router.delete("/images/{id}", status_code=204, responses=responses(403, 404, 409, 422, 503, 507))
async def forget(id: Id, request: Request, key: Key = None) -> Response:
    """Forget a picture, with its file where that was uploaded. Any other file stays where it is, and comes back when
    its folder is indexed next."""
    own: Service = request.state.service

    async def change() -> Response:
        await own.changing.single.run(adding.forget, own.library, id)
        await asyncio.wrap_future(own.worker.look())
        return Response(status_code=204)

    return await once(request, key, b"", change)


async def _added(own: Service, data: bytes, name: str) -> adding.Added:
    if len(data) > own.settings.max_upload_mb * 2**20:
        raise PictureTooLarge(too_large(own.settings.max_upload_mb))
    if not data:
        raise DamagedPicture("The upload is empty: choose a picture and send it again.")
    for _ in range(_ANEW):
        codec = own.worker.state().codec
        await own.slots.run(decoding.load, data, codec.spec)  # or why it is no picture, before anything is kept
        try:
            return await own.changing.single.run(_add, own.changing.adding, data, name, codec)
        except CodecMismatch:
            await asyncio.wrap_future(own.worker.look())
    raise Overtaken


def _add(to: Adding, data: bytes, name: str, codec: Codec) -> adding.Added:
    return to.add(data, name, codec)
