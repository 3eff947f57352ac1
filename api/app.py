"""The app factory: settings in, a FastAPI app out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from semblance.api import description
from semblance.api.door.foreign import Names
from semblance.api.door.proxies import Forwarded
from semblance.api.door.receiving import Receiving
from semblance.api.guard import FORM_BYTES, Guard
from semblance.api.routes import ROUTERS
from semblance.api.settings import Settings
from semblance.api.wire import problems
from semblance.api.work.changing import Changing
from semblance.api.work.reading import Reading
from semblance.api.work.sending import WholeFiles
from semblance.api.work.threads import Service, Slots, Worker
from semblance.indexer.library import Library
from semblance.retrieval import decoding

WARM = 2  # decoding processes that are there before the first upload
PAGE = Path(__file__).parent / "page"


def create_app(settings: Settings, library: Library | None = None) -> FastAPI:
    """The service over `library`, or over the one that there will be at `settings.library`.

    That one is opened in the background: until then, and while there is none, /ready answers 503.
    """
    worker = Worker(settings.library, settings.model, library)
    slots = Slots(settings.decode_slots, settings.waiting)
    reading = Reading(settings.read_seconds, settings.reads_at_once)
    changing = Changing(settings)
    service = Service(settings, worker, slots, reading, changing)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Service]]:
        worker.start()
        changing.start()
        decoding.warm(min(settings.decode_slots, WARM))
        yield {"service": service}
        service.stop()
        changing.stop()
        worker.stop()

    app = description.app(lifespan)
    limit = settings.max_upload_mb * 2**20 + FORM_BYTES
    receiving = Receiving(settings.receiving_mb * 2**20, limit)
    names = Names(settings.host, settings.allow_host)
    app.add_middleware(Guard, names=names, max_upload_mb=settings.max_upload_mb, receiving=receiving)
    if settings.trust_proxy:  # the last that is added is the first that is asked
        app.add_middleware(Forwarded, trusted=settings.trust_proxy, each=settings.connections_each)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.state.stop = service.stop  # at once, for those who cannot wait until the app's life ends
    app.state.closing = changing.end  # when that begins: streams of events end, and what runs beside requests
    app.state.connections = lambda: 0  # how many are open, where a server says so

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse((PAGE / "index.html").read_bytes())

    app.mount("/page", WholeFiles(directory=PAGE), name="page")
    return app
