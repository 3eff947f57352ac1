"""`semblance status`: what a library holds."""

from semblance.indexer.standing import status as library_status
from semblance.scripts import console


def status(library: console.Library, as_json: console.AsJson = False) -> None:
    """Say what a library holds and whose codes they are."""
    facts = library_status(library)
    if as_json:
        console.print_json(facts)
    else:
        for name, value in facts.items():
            if name != "codecs":
                console.show(f"{name:9} {value}")
        for codec in facts["codecs"]:
            made_by = f"{codec['model']} ({codec['bits']} bits, {codec['codec_id'][:12]})"
            kept = "" if codec["current"] else ", kept beside"
            covers = "" if codec["coverage"] == 1 else f", {codec['coverage']:.1%} of the pictures"
            console.show(f"{codec['purpose']:9} {codec['pictures']:,} codes by {made_by}{covers}{kept}")
