"""Jobs: what takes long, and how far it is."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi import Path as InPath
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from semblance.api.wire.changing import ENDED, Job, JobAsked, JobProgress, Jobs
from semblance.api.wire.problems import responses
from semblance.api.workers.jobs import STOPS_WITHIN
from semblance.api.workers.once import Key, once
from semblance.api.workers.rights import writer
from semblance.api.workers.service import Service
from semblance.indexer.catalog import Catalog, naming
from semblance.indexer.run import scan
from semblance.retrieval import storage
from semblance.retrieval.errors import Busy, LibraryError, UnknownJob

router = APIRouter()

_LOOK = 0.2  # seconds between two looks at a job that is watched
_RETRY = 2000  # milliseconds after which a browser that was cut off asks again
JobId = Annotated[int, InPath(ge=1, le=2**63 - 1, description="A job, as it was begun under")]


@router.post(
    "/jobs",
    status_code=202,
    response_model=Job,
    dependencies=[Depends(writer)],
    responses=responses(403, 409, 422, 503, 507),
)
async def begin(asked: JobAsked, request: Request, key: Key = None) -> Response:
    """Bring a folder into the library: one of those that the service was told of or that were indexed before, or one
    below. Jobs are done one after the other."""
    own: Service = request.state.service

    async def change() -> Response:
        folder = await own.changing.looks.run(_folder, own, asked.folder)
        job = await own.changing.looks.run(own.changing.jobs.add, folder)
        return JSONResponse(job.model_dump(), 202, {"Location": f"jobs/{job.id}"})

    return await once(request, key, asked.model_dump_json().encode(), change)


@router.get("/jobs", responses=responses(503))
async def jobs(request: Request) -> Jobs:
    """The latest jobs, the newest first."""
    own: Service = request.state.service
    return Jobs(jobs=await own.changing.looks.run(own.changing.jobs.all))


@router.get("/jobs/{id}", responses=responses(404, 422, 503))
async def job(id: JobId, request: Request) -> Job:
    """How a job stands."""
    own: Service = request.state.service
    return await own.changing.looks.run(own.changing.jobs.job, id)


@router.delete("/jobs/{id}", dependencies=[Depends(writer)], responses=responses(403, 404, 409, 422, 503, 507))
async def cancel(id: JobId, request: Request, key: Key = None) -> Job:
    """End a job; what it has committed stays. One that has ended is as it is."""
    own: Service = request.state.service

    async def change() -> Response:
        ended, patience = await own.changing.looks.run(own.changing.jobs.cancel, id), time.monotonic() + STOPS_WITHIN
        while ended.state not in ENDED and time.monotonic() < patience:
            await asyncio.sleep(_LOOK)
            ended = await own.changing.looks.run(own.changing.jobs.job, id)
        return JSONResponse(ended.model_dump())

    return await once(request, key, b"", change)  # type: ignore[return-value]


@router.get("/jobs/{id}/events", response_class=EventSourceResponse, responses=responses(404, 422, 503))
async def events(request: Request, first: Annotated[Job, Depends(job)]) -> AsyncIterator[ServerSentEvent]:
    """How far a job is, as server-sent events: `progress` whenever that has changed, and at last `end`, with the job.
    Each tells all, so that a client that was cut off has missed nothing, and hears none again."""
    own: Service = request.state.service
    now, heard = first, request.headers.get("last-event-id")
    yield ServerSentEvent(retry=_RETRY)
    while now.state not in ENDED:
        if (id := f"{now.state}-{now.done}-{now.total}") != heard:
            heard = id
            yield ServerSentEvent(data=JobProgress(done=now.done, total=now.total), event="progress", id=id)
        if own.changing.jobs.stopping.is_set():
            return
        await asyncio.sleep(_LOOK)
        try:
            now = await own.changing.looks.run(own.changing.jobs.job, now.id)
        except UnknownJob:  # its library is another now
            return
        except (LibraryError, Busy):  # one look is lost, and the next may tell
            continue
    yield ServerSentEvent(data=now, event="end", id="end")


def _folder(own: Service, named: str) -> str:
    """The folder, all links followed, if it may be indexed; else 403, and UsageError where it is a library's."""
    try:
        folder = storage.normal(named) if (stored := storage.is_address(named)) else os.path.realpath(named)
    except ValueError:  # a NUL in it
        folder = ""
    if not (stored or os.path.isabs(named)) or not folder:  # noqa: PTH117
        raise HTTPException(422, "folder: name it by its whole path, from / on.")
    with Catalog.opened(own.library) as catalog:
        known = [*map(str, own.settings.folders), *naming.indexed(catalog)]
    if storage.within(folder, known if stored else [*map(os.path.realpath, known)]):
        scan.check([storage.place(folder)], own.library)
        return folder
    raise HTTPException(
        403,
        "This folder may not be indexed over HTTP: start the service with --folder and its path, or index it once by "
        "`semblance index`.",
    )
