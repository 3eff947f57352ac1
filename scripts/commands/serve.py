"""`semblance serve`: a library over HTTP, with its page."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from semblance.api.app import create_app
from semblance.api.door import certificates
from semblance.api.server import Server
from semblance.api.settings import Settings
from semblance.api.workers.opening import opened
from semblance.api.workers.records import Held
from semblance.indexer.keeping import keys as known_keys
from semblance.retrieval.errors import UsageError
from semblance.scripts import console, indexes, interrupts, sharing

_ANY = "0.0.0.0"  # every address of this machine

# What each setting is where neither an option nor its SEMBLANCE_ variable says otherwise.
_DEFAULTS = {name: str(field.default) for name, field in Settings.model_fields.items()}

Folders = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR", help="A folder that may be indexed over HTTP; may be repeated.", show_default="those indexed"
    ),
]

Pictures = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PLACE",
        help="Without a library: a folder or an address below which pictures are read; may be repeated.",
        show_default="files and object storage",
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
    index: indexes.Index = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default=_DEFAULTS["host"])] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 takes a free one.", show_default=_DEFAULTS["port"])
    ] = None,
    folder: Folders = None,
    pictures: Pictures = None,
    wait: Annotated[bool, typer.Option("--wait", help="Start without a library; answer once there is one.")] = False,
    allow_host: Names = None,
    trust_proxy: Proxies = None,
    open: Annotated[
        bool, typer.Option("--open", help="Let everyone look who reaches --host, though the library has no keys.")
    ] = False,
    keys: Annotated[
        Path | None, console.option("The folder of keys.json, where it is not the library's.", show_default="none")
    ] = None,
    share: Annotated[
        bool, typer.Option("--share", help="For a phone on the same network: say an address with a key of this run.")
    ] = False,
    cert: Annotated[Path | None, console.option("A certificate in PEM, to serve by https.", "FILE")] = None,
    key_file: Annotated[Path | None, console.option("Its private key, if in a file of its own.", "FILE")] = None,
) -> None:
    """Serve a library: the page at /, the API described at /docs."""
    given: dict[str, object] = {"library": library, "model": model, "index": index, "host": host, "port": port}
    given |= {"allow_host": allow_host or None, "trust_proxy": trust_proxy or None, "folders": folder or None}
    given |= {"pictures": pictures or None}
    settings = settled(
        given | {"open": open or None, "share": share or None, "keys": keys, "cert": cert, "key_file": key_file}
    )
    with listen(settings) as listener:
        run(settings, None if wait else opened(settings), listener, lambda url: announce(settings, url))


def settled(given: dict[str, object]) -> Settings:
    """The settings that the options and the environment make. Raises UsageError."""
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        if not error.errors()[0]["loc"]:
            raise UsageError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
        said = [item["msg"].removeprefix("Value error, ").removesuffix(".") for item in error.errors()]
        parts = "; ".join(f"{item['loc'][0]}: {each}" for item, each in zip(error.errors(), said, strict=True))
        option = str(error.errors()[0]["loc"][0]).replace("_", "-")
        raise UsageError(f"{parts}. Give --{option}, or set its SEMBLANCE_ variable.") from error
    if settings.share and "host" not in settings.model_fields_set:
        settings.host = _ANY
    if settings.share and settings.host == _ANY:
        settings.allow_host = [*settings.allow_host, sharing.address()]
    certificates.check(settings.cert, settings.key_file)
    return settings


def announce(settings: Settings, url: str) -> None:
    """Say where the service answers."""
    if settings.share:
        sharing.announce(settings.served, url)
    else:
        console.say(f"Semblance serves {settings.served} at {url} (Ctrl-C stops it)")


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on: before anything that takes long, since the port may be taken. Raises UsageError."""
    place = settings.keys or settings.library
    if settings.needs_keys and not (place and known_keys.read(place)):
        others = "" if place else ", name DIR, a folder of its own, with --keys DIR"
        raise UsageError(
            f"Other machines may reach {settings.host}, and the library has no keys: make one with `semblance keys add "
            f"NAME --library {place or 'DIR'}`{others}, or say --open (SEMBLANCE_OPEN=1) to let everyone look at the "
            "pictures who comes by."
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


def run(settings: Settings, library: Held | None, listener: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve until a signal comes: `library`, or whichever there will be. `announce` gets the address once it answers
    there."""
    app = create_app(settings, library)
    host = settings.allow_host[-1] if settings.share and settings.host == _ANY else settings.host
    name = f"[{host}]" if ":" in host else host
    url = f"{'https' if settings.cert else 'http'}://{name}:{listener.getsockname()[1]}/"
    if settings.share:
        url += f"?key={app.state.share('shared')}"
    Server(app, settings, lambda: announce(url), interrupts.by_signal).run([listener])
