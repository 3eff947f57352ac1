"""`semblance map`: all pictures of a library on a plane, for the page's map."""

import time

from semblance.indexer.derived import mapping
from semblance.scripts import console


def map(library: console.Library, as_json: console.AsJson = False) -> None:
    """Lay all pictures out on a plane, those alike together. The page shows it, and new pictures come to it by
    themselves."""
    started = time.monotonic()
    with console.progress("Laying out") as progress:
        made = mapping.make(library, progress)
    seconds = time.monotonic() - started
    if as_json:
        console.print_json({"pictures": len(made.ids), "seconds": round(seconds, 3)})
    else:
        console.say(f"{console.counted(len(made.ids), 'picture')} laid out in {seconds:.1f} s")
