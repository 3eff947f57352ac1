"""Where real codes come from: a library, pictures, or drawn scenes where neither is named."""

from pathlib import Path

import numpy as np

from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import snapshot
from semblance.retrieval import images
from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import UsageError
from semblance.retrieval.judging.datasets import attempts, picture_files
from semblance.scripts.benchmarks.figures import Asked
from semblance.scripts.benchmarks.scale.places import BITS
from semblance.scripts.scenes import write_sample

_PICTURES = 40_000  # encoded at most
_DRAWN = 1200


def real(asked: Asked) -> tuple[Codes, str]:
    """Real codes (N, 32), and what they are of. UsageError where there are none of 256 bits."""
    if asked.library is not None:
        with Catalog.opened(asked.library) as catalog:
            if catalog.bits != BITS:
                raise UsageError(f"The codes of {asked.library} have {catalog.bits} bits: name a library of {BITS}.")
            index, _ = snapshot.load(catalog)
            return index.codes(index.ids()), f"{len(index):,} pictures of a library"
    folder = asked.pictures
    if folder is None:
        folder = asked.scratch / "drawn"
        write_sample(folder, _DRAWN)
    codes = _encoded(folder)
    return codes, f"{len(codes):,} {'drawn scenes' if asked.pictures is None else 'pictures'}"


def _encoded(folder: Path) -> Codes:
    """The codes of a folder's pictures by the default model, of those that can be read."""
    codec, paths = Codec(DEFAULT_MODEL), picture_files(folder)
    chosen = [paths[at] for at in np.random.default_rng(1).permutation(len(paths))[:_PICTURES]]
    parts, batch = [np.empty((0, codec.bits // 8), np.uint8)], list[images.Picture]()
    for picture in attempts(lambda path: images.load(path, codec.spec), chosen):
        if not isinstance(picture, Exception):
            batch.append(picture)
        if len(batch) == 256:
            parts.append(codec.encode(np.stack(batch)))
            batch = []
    if batch:
        parts.append(codec.encode(np.stack(batch)))
    return np.concatenate(parts)
