"""The app factory: settings in, a FastAPI app out."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from semblance.api import problems
from semblance.api.guard import Guard
from semblance.api.routes import Decoding, router
from semblance.api.settings import Settings
from semblance.api.worker import Searcher
from semblance.retrieval.codec import Codec

PAGE = Path(__file__).parent / "page"


def create_app(settings: Settings, find_codec: Callable[[], Codec]) -> FastAPI:
    """The service over `settings.library`; `find_codec` loads the codec that the library wants.

    The library is opened in the background: until then, and while there is none, /ready answers 503.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.decoding = Decoding(settings.decode_slots, settings.waiting)
        app.state.searcher.start()
        yield
        app.state.searcher.stop()

    app = FastAPI(title="Semblance", summary="Find the pictures that look like this one.", lifespan=lifespan)
    app.state.settings = settings
    app.state.searcher = Searcher(settings.library, find_codec)
    app.add_middleware(Guard, host=settings.host, max_upload_mb=settings.max_upload_mb)
    problems.install(app)
    app.include_router(router)

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    return app
