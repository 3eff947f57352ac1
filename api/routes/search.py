"""Asking: by an upload, by a picture of the library."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, File, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from semblance.api.wire.asking import Id, SearchParams, SimilarParams
from semblance.api.wire.problems import responses, too_large
from semblance.api.work.threads import Service
from semblance.indexer.answers.asking import Answer, Question
from semblance.retrieval.errors import DamagedPicture, NoCopies, Overtaken, PictureTooLarge

router = APIRouter()
T = TypeVar("T")

_ANEW = 3  # times at most that a question is made: a service looks for another codec once a second


async def search_params(request: Request, params: Annotated[SearchParams, Query()]) -> SearchParams:
    """How to search, from the query string, or from fields of the form beside the file, as clients like to."""
    fields = {name: value for name, value in (await request.form()).multi_items() if name != "file"}
    if not fields:
        return params
    try:
        return SearchParams.model_validate({**request.query_params, **fields})
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("form", *item["loc"])} for item in error.errors()]) from error


@router.api_route(
    "/search", methods=["POST"], form_limits={"max_files": 1}, responses=responses(400, 411, 413, 415, 422, 503)
)
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


def _read(file: UploadFile, made: Callable[..., Question[Any]], params: SearchParams, limit_mb: int) -> Question[Any]:
    file.file.seek(0)
    data = file.file.read()
    if len(data) > limit_mb * 2**20:  # the guard lets through what a form has beside the picture
        raise PictureTooLarge(too_large(limit_mb))
    if not data:
        raise DamagedPicture("The upload is empty: choose a picture and send it again.")
    return made([data], [], params.k, params.views, params.refine)
