"""The app factory: settings in, a FastAPI app out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from semblance.api.door.foreign import Names
from semblance.api.door.proxies import Forwarded
from semblance.api.door.receiving import Receiving
from semblance.api.guard import FORM_BYTES, Guard
from semblance.api.routes import ROUTERS
from semblance.api.settings import Settings
from semblance.api.watch.watch import Watch
from semblance.api.wire import problems
from semblance.api.work.standing import standing
from semblance.api.work.threads import Service, Slots, Worker
from semblance.indexer.library import Library
from semblance.retrieval import decoding

WARM = 2  # decoding processes that are there before the first upload
PAGE = Path(__file__).parent / "page"


def create_app(settings: Settings, library: Library | None = None) -> FastAPI:
    """The service over `library`, or over the one that there will be at `settings.library`.

    That one is opened in the background: until then, and while there is none, /ready answers 503.
    """
    watch = Watch(settings)
    worker = Worker(settings, watch, library)
    slots = Slots(settings.decode_slots, settings.waiting)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Service]]:
        watch.start()
        worker.start()
        decoding.warm(min(settings.decode_slots, WARM))
        yield {"service": Service(settings, worker, slots, watch)}
        slots.stop()
        worker.stop()
        watch.stop()

    app = FastAPI(title="Semblance", summary="Find the pictures that look like this one.", lifespan=lifespan)
    _put_before(app, settings, watch)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.state.stop = slots.stop  # at once, for those who cannot wait until the app's life ends
    app.state.closing = lambda: None  # first of all when the service stops: what would never end by itself
    app.state.connections = lambda: 0  # how many are open, where a server says so
    app.state.ended = dict  # and how many it has ended, by the reason
    app.state.share = watch.share  # a key for this run alone
    watch.metrics.read(partial(standing, worker, slots, app.state))

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    return app


def _put_before(app: FastAPI, settings: Settings, watch: Watch) -> None:
    """Put the door before the app."""
    limit = settings.max_upload_mb * 2**20 + FORM_BYTES
    receiving = Receiving(settings.receiving_mb * 2**20, limit)
    names = Names(settings.host, settings.allow_host)
    app.add_middleware(Guard, names=names, max_upload_mb=settings.max_upload_mb, receiving=receiving, watch=watch)
    if settings.trust_proxy:  # the last that is added is the first that is asked
        app.add_middleware(Forwarded, trusted=settings.trust_proxy, each=settings.connections_each)
