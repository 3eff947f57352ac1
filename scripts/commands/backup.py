"""`semblance backup`: a library copied while it is in use."""

from pathlib import Path
from typing import Annotated

import typer

from semblance.indexer.keeping import backing_up
from semblance.scripts import console


def backup(
    library: console.Library,
    out: Annotated[Path, console.argument("A new folder, or an older backup of this library.", "OUT")],
    derived: Annotated[
        bool, typer.Option("--derived", help="Copy snapshots and pixel vectors too, which could be made again.")
    ] = False,
    as_json: console.AsJson = False,
) -> None:
    """Copy a library, in use or not, into a folder that can be opened as it is. `semblance restore` puts it back."""
    with console.progress("Copying") as update:
        made = backing_up.backup(library, out, derived, update)
    if as_json:
        console.print_json({"out": str(out), "pictures": made.pictures, "bytes": made.bytes})
    else:
        pictures = console.counted(made.pictures, "picture")
        console.say(f"{out}: {pictures}, {made.bytes / 2**20:,.1f} MB. Put it back with")
        console.say(f"    semblance restore {console.quoted(out)} --library {console.quoted(library)}")
