"""The app factory: settings in, a FastAPI app out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response

from semblance.api import description, guard
from semblance.api.routes import ROUTERS, without_a_catalog
from semblance.api.settings import Settings
from semblance.api.watch.watch import Watch
from semblance.api.wire import problems
from semblance.api.workers.changing import Changing
from semblance.api.workers.reading import Reading
from semblance.api.workers.records import Held
from semblance.api.workers.sending import Whole
from semblance.api.workers.service import Service
from semblance.api.workers.shelf import InLibrary, InMemory, may_be_read
from semblance.api.workers.standing import standing
from semblance.api.workers.threads import Slots, Worker
from semblance.retrieval import decoding

WARM = 2  # decoding processes that are there before the first upload
PAGE = Path(__file__).parent / "page"


def create_app(settings: Settings, library: Held | None = None) -> FastAPI:
    """The service over `library`, or over the one that there will be where `settings` say.

    That one is opened in the background: until then, and while there is none, /ready answers 503.
    """
    service = _service(settings, library)
    watch, worker, changing = service.watch, service.worker, service.changed_by

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Service]]:
        watch.start()
        worker.start()
        if changing:
            changing.start()
        decoding.warm(min(settings.decode_slots, WARM))
        yield {"service": service}
        service.stop()
        if changing:
            changing.stop()
        worker.stop()
        watch.stop()

    app = description.app(lifespan)
    guard.install(app, settings, watch)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router, **({} if changing else without_a_catalog(router)))
    app.state.stop = service.stop  # at once, for those who cannot wait until the app's life ends
    # When that begins, streams of events end, and what runs beside requests:
    app.state.closing = changing.end if changing else (lambda: None)
    app.state.connections = lambda: 0  # how many are open, where a server says so
    app.state.ended = dict  # and how many it has ended, by the reason
    app.state.share = watch.share  # a key for this run alone
    watch.metrics.read(partial(standing, worker, service.slots, app.state))

    _add_page(app)
    return app


def _service(settings: Settings, library: Held | None) -> Service:
    watch = Watch(settings)
    worker = Worker(settings, watch, library)
    slots = Slots(settings.decode_slots, settings.waiting)
    reading = Reading(settings.read_seconds, settings.reads_at_once)
    if settings.library is None:
        reading = Reading(settings.read_seconds, settings.reads_at_once, partial(may_be_read, settings.pictures))
        return Service(settings, worker, slots, watch, reading, InMemory(worker), None)
    changing = Changing(settings, settings.library)
    return Service(settings, worker, slots, watch, reading, InLibrary(settings.library), changing)


def _add_page(app: FastAPI) -> None:
    pages = Whole(directory=PAGE)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request) -> Response:
        return await pages.get_response("index.html", request.scope)

    app.mount("/page", pages, name="page")
