"""Asking: by an upload, by a picture of the library, and their next pages. By codes: codes.py."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, File, Form, HTTPException, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from semblance.api.routes import pictures
from semblance.api.wire import forms
from semblance.api.wire.asking import MOST_SEVERAL, Id, NextPage, SearchParams, SimilarParams, region, wished
from semblance.api.wire.problems import responses, too_large
from semblance.api.workers.service import Service
from semblance.indexer.answers import cursors, several
from semblance.indexer.answers.hits import Answer
from semblance.indexer.answers.questions import Question, Way
from semblance.retrieval.errors import DamagedPicture, Overtaken, PictureTooLarge, UsageError

router = APIRouter()
T = TypeVar("T")

_ANEW = 3  # times at most that a question is made: a service looks for another codec once a second
_Id = Annotated[int, Form(ge=1, le=2**63 - 1)]
_IDS = Form(max_length=MOST_SEVERAL, description="Pictures of the library, by their ids")
_PICTURES = ("file", "like", "unlike", "like_id", "unlike_id")  # fields of a form that say no how
_PLAIN = {"k", "engine", "views", "refine"}


async def search_params(request: Request, params: Annotated[SearchParams, Query()]) -> SearchParams:
    """How to search, from the query string, or from fields of the form beside the file, as clients like to."""
    if len(request.query_params.multi_items()) > len(request.query_params):
        raise UsageError(_twice(request.query_params.multi_items()))
    said = [pair for pair in (await request.form()).multi_items() if pair[0] not in _PICTURES]
    if not said:
        return params
    if len(dict(said)) < len(said):
        raise UsageError(_twice(said))
    try:
        return SearchParams.model_validate({**request.query_params, **dict(said)})
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("form", *item["loc"])} for item in error.errors()]) from error


def similar_params(request: Request, params: Annotated[SimilarParams, Query()]) -> SimilarParams:
    """The same, where there is no form."""
    if len(request.query_params.multi_items()) > len(request.query_params):
        raise UsageError(_twice(request.query_params.multi_items()))
    return params


@router.api_route(
    "/search", methods=["POST"], form_limits={"max_files": 1}, responses=responses(400, 409, 411, 413, 415, 422, 503)
)
async def search(
    request: Request,
    params: Annotated[SearchParams, Depends(search_params)],
    file: Annotated[UploadFile, File(description="The picture to search with")],
) -> Answer:
    """The pictures of the library that look most like the uploaded one."""
    own: Service = request.state.service
    if params.cursor:
        return await _next(own, params, "upload")
    for _ in range(_ANEW):
        state = own.worker.state()
        made = state.questions.get(params.engine) or state.way(params.engine).of_pictures
        question = await own.slots.run(_read, file, made, params, own.settings.max_upload_mb)
        with contextlib.suppress(Overtaken):  # by another codec, while the picture was encoded
            return await asyncio.wrap_future(own.worker.ask(params.engine, question))
    raise Overtaken


@router.api_route(
    "/search/several",
    methods=["POST"],
    form_limits={"max_files": 2 * MOST_SEVERAL},
    responses=responses(400, 404, 409, 411, 413, 415, 422, 503),
)
async def search_several(
    request: Request,
    params: Annotated[SearchParams, Depends(search_params)],
    like: Annotated[list[UploadFile], File(max_length=MOST_SEVERAL, description="Pictures to be like")] = [],  # noqa: B006
    unlike: Annotated[list[UploadFile], File(max_length=MOST_SEVERAL, description="Pictures to be unlike")] = [],  # noqa: B006
    like_id: Annotated[list[_Id], _IDS] = [],  # noqa: B006
    unlike_id: Annotated[list[_Id], _IDS] = [],  # noqa: B006
) -> Answer:
    """The pictures that look like several and unlike others: uploads, and pictures of the library by their ids."""
    own: Service = request.state.service
    if params.cursor:
        return await _next(own, params, "several")
    if len(like) + len(unlike) + len(like_id) + len(unlike_id) > MOST_SEVERAL:
        raise UsageError(f"like: at most {MOST_SEVERAL} pictures make one question: leave some out.")
    if not like and not like_id:
        if refused := forms.unfit(request):  # all of its parts are optional, so that nothing else would say so
            raise HTTPException(*refused)
        raise UsageError("like: a question needs a picture that it is like: send one, or name one by like_id.")
    for _ in range(_ANEW):
        made = way_of(own, params.engine)
        sent = (like, unlike, like_id, unlike_id)
        question = await own.slots.run(_read_several, sent, made, params, own.settings.max_upload_mb)
        with contextlib.suppress(Overtaken):
            return await asyncio.wrap_future(own.worker.ask(params.engine, question))
    raise Overtaken


@router.get("/images/{id}/similar", responses=responses(404, 409, 410, 413, 415, 422, 503))
async def similar(id: Id, request: Request, params: Annotated[SimilarParams, Depends(similar_params)]) -> Answer:
    """The pictures that look most like one of the library; that one comes first, unless it has exact duplicates."""
    own: Service = request.state.service
    if params.cursor:
        return await _next(own, params, id)
    if params.region is None:
        question: Question[Any] = Question(id, params.k, wishes=wished(params), asked=id)
        return await asyncio.wrap_future(own.worker.ask(params.engine, question))
    region(params)  # what is wrong with it is said before a file is read
    async with own.reading.whole(await pictures.known(own, id)) as data:
        for _ in range(_ANEW):
            made = way_of(own, params.engine)
            question = await own.slots.run(_made, data, made.of_pictures, params, id)
            with contextlib.suppress(Overtaken):
                return await asyncio.wrap_future(own.worker.ask(params.engine, question))
    raise Overtaken


@router.post("/search/next", responses=responses(400, 409, 411, 415, 422, 503))
async def next_page(request: Request, page: NextPage) -> Answer:
    """The next page of an answer, by its `next`: of whatever question, and without its pictures."""
    own: Service = request.state.service
    engine, question = cursors.read(page.cursor, own.worker.state().ways)
    return await asyncio.wrap_future(own.worker.ask(engine, replace(question, k=page.k)))


async def _next(own: Service, params: SimilarParams, asked: str | int) -> Answer:
    """The same on the way of the question itself, whose other parameters may stand beside or be left out."""
    assert params.cursor is not None
    engine, question = cursors.read(params.cursor, own.worker.state().ways)
    said = params.model_fields_set
    other = "engine" in said and params.engine != engine
    if question.asked != asked or other or (said - _PLAIN - {"cursor", "region"} and wished(params) != question.wishes):
        raise UsageError("cursor: it goes on with another question: ask that, or leave the cursor empty.")
    return await asyncio.wrap_future(own.worker.ask(engine, replace(question, k=params.k)))


def _read(file: UploadFile, made: Callable[..., Question[Any]], params: SearchParams, limit_mb: int) -> Question[Any]:
    file.file.seek(0)
    data = file.file.read()
    if len(data) > limit_mb * 2**20:  # the guard lets through what a form has beside the picture
        raise PictureTooLarge(too_large(limit_mb))
    if not data:
        raise DamagedPicture("The upload is empty: choose a picture and send it again.")
    if params.model_fields_set <= _PLAIN:
        return made([data], [], params.k, params.views, params.refine)
    return _made(data, made, params, "upload")


def _made(data: bytes, made: Callable[..., Question[Any]], params: SimilarParams, asked: str | int) -> Question[Any]:
    """A question with wishes, or by a part of its picture."""
    wishes, part = wished(params), region(params)
    how = (params.views, params.refine) if isinstance(params, SearchParams) else (1, None)
    return replace(made([data], [], params.k, *how, part), wishes=wishes, asked=asked)


def _read_several(
    sent: tuple[list[UploadFile], list[UploadFile], list[int], list[int]],
    way: Way[Any],
    params: SearchParams,
    limit_mb: int,
) -> Question[Any]:
    wishes, part = wished(params), region(params)
    liked, disliked = ([sent_bytes(file, limit_mb) for file in files] for files in sent[:2])
    how = (params.k, params.views, params.refine, part)
    question = several.question(way, [*liked, *sent[2]], [*disliked, *sent[3]], *how)
    return replace(question, wishes=wishes, asked="several")


def sent_bytes(file: UploadFile, limit_mb: int) -> bytes:
    file.file.seek(0)
    if len(data := file.file.read()) > limit_mb * 2**20:
        raise PictureTooLarge(too_large(limit_mb))
    return data


def way_of(own: Service, engine: str) -> Way[Any]:
    return own.worker.state().way(engine)


def _twice(said: list[tuple[str, Any]]) -> str:
    names = [name for name, _ in said]
    name = next(name for name in names if names.count(name) > 1)
    return f"{name[:40]}: it is said more than once: say it once."
