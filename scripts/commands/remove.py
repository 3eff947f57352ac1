"""`semblance remove`: pictures that a library shall forget."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from semblance.indexer.keeping import removing, uploads
from semblance.scripts import console


def remove(
    library: console.Library,
    what: Annotated[list[str], typer.Argument(metavar="PATH|ID...", help="Pictures, or folders: all below them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="At a terminal, do not ask before a folder goes.")] = False,
    as_json: console.AsJson = False,
) -> None:
    """Forget pictures, and all below folders; files are not touched, but for uploads, which are the library's own."""
    wanted = [int(each) if each.isdecimal() and len(each) < 19 else console.place(each) for each in what]
    if (
        not yes
        and sys.stdin is not None
        and sys.stdin.isatty()
        and not _agreed(library, removing.look(library, wanted))
    ):
        console.say("Nothing was forgotten.")
        raise typer.Exit(console.LEFT_OUT)
    gone = removing.remove(library, wanted)
    for each in gone.unknown:
        console.say(f"not in the library: {each}")
    done = len(gone.pictures) + len(gone.failed)
    if as_json:
        pictures = [{"id": entry.id, "path": entry.path} for entry in gone.pictures]
        document = {"removed": pictures, "failed": gone.failed, "unknown": gone.unknown, "still_there": gone.lying}
        console.print_json(document)
    else:
        files = f", and {console.counted(len(gone.failed), 'file')} that could not be read" if gone.failed else ""
        console.say(f"{console.counted(len(gone.pictures), 'picture')} forgotten{files}")
    if gone.lying:
        console.say(
            f"Untouched: {console.counted(gone.lying, 'file')}. The next `semblance index` over the folder takes what "
            "is still there in again, unless it leaves it out with --exclude."
        )
    if gone.unknown:
        raise typer.Exit(console.LEFT_OUT if done else console.FAILED)


def _agreed(library: Path, found: removing.Removal) -> bool:
    """Whether the person at the keyboard says yes; only folders are asked about."""
    if not found.folders:
        return True
    below = console.counted(len(found.pictures), "picture")
    own = sum(uploads.holds(library, entry.path) for entry in found.pictures)
    files = (
        f"{console.counted(own, 'file')} in {uploads.home(library)} will be removed, others are"
        if own
        else "Their files are"
    )
    console.say(f"{', '.join(found.folders)}: forget {below}? {files} not touched. [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
