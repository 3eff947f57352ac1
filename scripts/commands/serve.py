"""`semblance serve`: a library over HTTP, with its page."""

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from pydantic import ValidationError
from starlette.datastructures import State

from semblance.api.app import create_app
from semblance.api.settings import Settings
from semblance.indexer.library import Library
from semblance.retrieval.errors import UsageError
from semblance.scripts import console

DECODING_STOPS_WITHIN = 1  # seconds: what a picture of usual size takes is answered still
STOP_WITHIN = 3  # seconds for requests under way; without a bound one stalled upload holds the service for ever


# What each setting is where neither an option nor its SEMBLANCE_ variable says otherwise.
_DEFAULTS = {name: str(field.default) for name, field in Settings.model_fields.items()}


def serve(
    library: Annotated[Path | None, console.option("The library's folder.", show_default="SEMBLANCE_LIBRARY")] = None,
    model: console.OwnModel = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default=_DEFAULTS["host"])] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 takes a free one.", show_default=_DEFAULTS["port"])
    ] = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="A folder that may be indexed over HTTP; may be repeated.", show_default="those indexed"
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Start without a library; answer once there is one.")] = False,
) -> None:
    """Serve a library: the page at /, the API described at /docs."""
    given = {"library": library, "model": model, "host": host, "port": port, "folders": folder or None}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        parts = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise UsageError(f"{parts}. Give --{error.errors()[0]['loc'][0]}, or set its SEMBLANCE_ variable.") from error
    run(
        settings,
        None if wait else Library.open(settings.library, settings.model),
        lambda url: console.say(f"Semblance serves {settings.library} at {url} (Ctrl-C stops it)"),
    )


def run(settings: Settings, library: Library | None, announce: Callable[[str], None]) -> None:
    """Serve until a signal comes: `library`, or whichever there will be. `announce` gets the address once it answers
    there. Raises UsageError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise UsageError(
                f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}): choose another --port."
            ) from error
        app = create_app(settings, library)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=STOP_WITHIN)
        name = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
        _Server(config, lambda: announce(f"http://{name}:{listener.getsockname()[1]}/"), app.state).run([listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None], state: State) -> None:
        super().__init__(config)
        self.on_start, self.on_stop, self.on_closing = on_start, state.stop, state.closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """From here on requests are answered and signals are handled."""
        await super().startup(sockets)
        self.on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What is being decoded is given up soon; other requests under way have STOP_WITHIN seconds."""
        self.on_closing()
        asyncio.get_running_loop().call_later(DECODING_STOPS_WITHIN, self.on_stop)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second signal ends the waiting, and what it breaks off is no error to report."""
        if self.should_exit:
            self.force_exit = True
            self.on_stop()
            logging.getLogger("uvicorn.error").disabled = True
        else:
            super().handle_exit(sig, frame)
