"""What is there more than once, and what people say of that."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from semblance.api.wire.changing import Groups, Looking, Pair
from semblance.api.wire.problems import responses
from semblance.api.workers.once import Key, once
from semblance.api.workers.rights import writer
from semblance.api.workers.service import Service
from semblance.indexer.duplicates.remembering import remember_ids

router = APIRouter()


@router.get(
    "/duplicates",
    response_model=Groups,
    responses=responses(409, 422, 503) | {202: {"model": Looking, "description": "They are being looked for"}},
)
async def duplicates(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description="How many groups")] = 20,
    cursor: Annotated[str | None, Query(max_length=40, description="`next` of the page before")] = None,
) -> Response:
    """Groups of copies, those that take most first, the best of each first. They are looked for once for each state of
    the library; meanwhile the answer is 202."""
    own: Service = request.state.service
    found = await own.changing.looks.run(own.changing.duplicates.page, cursor, limit)
    if isinstance(found, Looking):
        return JSONResponse(found.model_dump(), 202, {"Retry-After": "1"})
    return JSONResponse(found.model_dump())


@router.post(
    "/duplicates/apart",
    status_code=204,
    dependencies=[Depends(writer)],
    responses=responses(403, 404, 409, 422, 503, 507),
)
async def apart(pair: Pair, request: Request, key: Key = None) -> Response:
    """Remember that two pictures are not the same: they are in no group together any more."""
    return await _remembered(request, pair, key, apart=True)


@router.post(
    "/duplicates/together",
    status_code=204,
    dependencies=[Depends(writer)],
    responses=responses(403, 404, 409, 422, 503, 507),
)
async def together(pair: Pair, request: Request, key: Key = None) -> Response:
    """Take that back."""
    return await _remembered(request, pair, key, apart=False)


async def _remembered(request: Request, pair: Pair, key: str | None, apart: bool) -> Response:
    own: Service = request.state.service

    async def change() -> Response:
        await own.changing.single.run(remember_ids, own.library, pair.first, pair.second, apart)
        return Response(status_code=204)

    return await once(request, key, pair.model_dump_json().encode(), change)
