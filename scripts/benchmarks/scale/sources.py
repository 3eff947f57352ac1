"""Where real codes come from: a library, pictures, or drawn scenes where neither is named."""

from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import snapshot
from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import UsageError
from semblance.scripts.benchmarks.figures import Asked
from semblance.scripts.benchmarks.folders import encoded, pictures
from semblance.scripts.benchmarks.scale.places import BITS

_PICTURES = 40_000  # encoded at most


def real(asked: Asked) -> tuple[Codes, str]:
    """Real codes (N, 32), and what they are of. UsageError where there are none of 256 bits."""
    if asked.library is not None:
        with Catalog.opened(asked.library) as catalog:
            if catalog.bits != BITS:
                raise UsageError(f"The codes of {asked.library} have {catalog.bits} bits: name a library of {BITS}.")
            index, _ = snapshot.load(catalog)
            return index.codes(index.ids()), f"{len(index):,} pictures of a library"
    _, codes = encoded(pictures(asked), Codec(DEFAULT_MODEL), _PICTURES)
    return codes, f"{len(codes):,} {'drawn scenes' if asked.pictures is None else 'pictures'}"
