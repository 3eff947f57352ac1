"""`semblance restore`: a backup in the place of a library, or where there is none."""

from pathlib import Path
from typing import Annotated

from semblance.indexer.keeping import restoring
from semblance.scripts import console


def restore(
    library: console.Library,
    backup: Annotated[Path, console.argument("What `semblance backup` made.", "BACKUP")],
    as_json: console.AsJson = False,
) -> None:
    """Make a library what a backup of it is. A running service goes on, with the backup within two seconds."""
    with console.progress("Copying") as update:
        done = restoring.restore(backup, library, update)
    before = None if done.before is None else str(done.before)
    if as_json:
        console.print_json({"library": str(library), "pictures": done.pictures, "before": before})
        return
    console.say(f"{library}: {console.counted(done.pictures, 'picture')} as the backup {backup} has them.")
    if before:
        console.say(f"What was there before is {before}: delete it when all is well.")
    console.say("Run `semblance index` over your folders for what has come since.")
