"""`semblance status`: what a library holds."""

from semblance.indexer import pixelfile
from semblance.indexer.catalog import Catalog
from semblance.retrieval.index.flat import FlatIndex
from semblance.scripts import console
from semblance.scripts.options import LibraryOption


def status(library: LibraryOption, as_json: console.AsJson = False) -> None:
    """Say what a library holds and whose codes they are."""
    with console.exits():
        catalog = Catalog.open(library)
        pictures, failed = catalog.counts()
        facts = {
            "pictures": pictures,
            "failed": failed,
            "codec_id": catalog.codec_id,
            "engine": FlatIndex.engine,
            "bits": catalog.bits,
            "model": catalog.model,
            "pixels": pixelfile.exists(library),
        }
        catalog.close()
        if as_json:
            console.print_json(facts)
        else:
            for name, value in facts.items():
                console.show(f"{name:9} {value}")
