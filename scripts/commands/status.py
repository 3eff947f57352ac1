"""`semblance status`: what a library holds."""

from semblance.indexer.library import status as library_status
from semblance.scripts import console


def status(library: console.Library, as_json: console.AsJson = False) -> None:
    """Say what a library holds and whose codes they are."""
    with console.exits():
        facts = library_status(library)
        if as_json:
            console.print_json(facts)
        else:
            for name, value in facts.items():
                console.show(f"{name:9} {value}")
