"""`semblance serve`: a library over HTTP, with its page."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from semblance.api.app import create_app
from semblance.api.server import Server
from semblance.api.settings import Settings
from semblance.indexer.library import Library
from semblance.retrieval.errors import UsageError
from semblance.scripts import console, interrupts

# What each setting is where neither an option nor its SEMBLANCE_ variable says otherwise.
_DEFAULTS = {name: str(field.default) for name, field in Settings.model_fields.items()}

Folders = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR", help="A folder that may be indexed over HTTP; may be repeated.", show_default="those indexed"
    ),
]

Names = Annotated[
    list[str] | None,
    typer.Option(help="A name it answers to, beside localhost and --host's own; may be repeated.", show_default="none"),
]
Proxies = Annotated[
    list[str] | None,
    typer.Option(
        help="A proxy's address, whose X-Forwarded-* headers are believed; may be repeated.", show_default="none"
    ),
]


def serve(
    library: Annotated[Path | None, console.option("The library's folder.", show_default="SEMBLANCE_LIBRARY")] = None,
    model: console.OwnModel = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default=_DEFAULTS["host"])] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 takes a free one.", show_default=_DEFAULTS["port"])
    ] = None,
    folder: Folders = None,
    wait: Annotated[bool, typer.Option("--wait", help="Start without a library; answer once there is one.")] = False,
    allow_host: Names = None,
    trust_proxy: Proxies = None,
    open: Annotated[
        bool, typer.Option("--open", help="Let everyone look who reaches --host, though the library has no keys.")
    ] = False,
) -> None:
    """Serve a library: the page at /, the API described at /docs."""
    given: dict[str, object] = {"library": library, "model": model, "host": host, "port": port, "open": open or None}
    given |= {"allow_host": allow_host or None, "trust_proxy": trust_proxy or None, "folders": folder or None}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        parts = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        option = str(error.errors()[0]["loc"][0]).replace("_", "-")
        raise UsageError(f"{parts}. Give --{option}, or set its SEMBLANCE_ variable.") from error
    with listen(settings) as listener:
        run(
            settings,
            None if wait else Library.open(settings.library, settings.model),
            listener,
            lambda url: console.say(f"Semblance serves {settings.library} at {url} (Ctrl-C stops it)"),
        )


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on: before anything that takes long, since the port may be taken. Raises UsageError."""
    if settings.needs_keys and not (settings.library / "keys.json").is_file():
        raise UsageError(
            f"Other machines may reach {settings.host}, and the library has no keys: make one with `semblance keys`, "
            "or say --open (SEMBLANCE_OPEN=1) to let everyone look at the pictures who comes by."
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio asks whether it is TCP
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen()  # else two services may be bound to one port until one of them does
    except OSError as error:
        listener.close()
        raise UsageError(
            f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}): choose another --port."
        ) from error
    return listener


def run(settings: Settings, library: Library | None, listener: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve until a signal comes: `library`, or whichever there will be. `announce` gets the address once it answers
    there."""
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{name}:{listener.getsockname()[1]}/"
    Server(create_app(settings, library), settings, lambda: announce(url), interrupts.by_signal).run([listener])
