"""`semblance demo`: draw a sample library, index it, serve it."""

from pathlib import Path
from typing import Annotated

import typer

from semblance.api.settings import Settings
from semblance.indexer.library import Library
from semblance.scripts import console
from semblance.scripts.commands.index import run as run_index
from semblance.scripts.commands.index import show
from semblance.scripts.commands.serve import listen
from semblance.scripts.commands.serve import run as run_server
from semblance.scripts.scenes import write_sample


def demo(
    folder: Annotated[Path, console.option("Where the pictures and the library are kept.")] = Path("semblance-demo"),
    count: Annotated[int, typer.Option(min=20, max=100_000, help="How many pictures to draw.")] = 1200,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
) -> None:
    """Try Semblance: draw some pictures, index them, open a page that searches them."""
    pictures, library = folder / "pictures", folder / "library"
    settings = Settings(library=library, host=host, port=port)
    with listen(settings) as listener:
        with console.progress("Drawing") as update:
            drawn = write_sample(pictures, count, progress=update)
        console.say(f"{drawn:,} pictures drawn in {pictures}")
        show(run_index([pictures], library, with_pixels=True))
        run_server(
            settings,
            Library.open(library),
            listener,
            lambda url: console.say(f"Open {url} and drop a picture on the page (Ctrl-C stops it)"),
        )
