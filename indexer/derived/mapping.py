"""map.npz: where each picture lies on a plane on which what is alike lies together, as `semblance map` has computed it.

    ids    int64 (N,), ascending        x, y    uint16 (N,)
    said   JSON: which library and whose codes, and the SHA-256 of the arrays

A map that is damaged, or of another codec, is as none. Pictures that came since are placed beside those that they are
like by whoever asks next, which takes no scikit-learn; forgotten ones are left out.
"""

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semblance.indexer.catalog import Catalog, Generation
from semblance.indexer.derived import snapshot
from semblance.retrieval import arrays, layout
from semblance.retrieval.errors import NoMap
from semblance.retrieval.files import read_regular, replace
from semblance.retrieval.index import FlatIndex, Ids
from semblance.retrieval.layout import Places
from semblance.retrieval.progress import Progress, quiet

FILE = "map.npz"


@dataclass(frozen=True)
class Map:
    """Pictures' ids (N,), ascending, and their places (N, 2), of the library at `generation`."""

    ids: Ids
    places: Places
    generation: Generation

    @property
    def checksum(self) -> str:
        """SHA-256 of ids and places."""
        arrays = (self.ids.astype("<i8"), self.places.astype("<u2"))
        return hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)).hexdigest()


def make(folder: Path, progress: Progress = quiet) -> Map:
    """Compute the map of a library anew, and keep it; until that is done the old one stays. Raises UsageError where
    scikit-learn is missing, LibraryError, OSError."""
    with Catalog.opened(folder) as catalog:
        index, generation = snapshot.load(catalog)
        ids = index.ids().copy()
        made = Map(ids, layout.plane(index.codes(ids), catalog.bits, progress), generation)
        _write(catalog, made)
    return made


def present(catalog: Catalog) -> Map:
    """The map that is kept, of the pictures that have codes now. Raises NoMap, LibraryError."""
    kept = _read(catalog)
    generation = catalog.generation()
    if kept.generation == generation:
        return kept
    index, generation = snapshot.load(catalog)
    ids = index.ids()
    there = np.isin(kept.ids, ids, assume_unique=True)
    grown = _grown(Map(kept.ids[there], kept.places[there], generation), index)
    with contextlib.suppress(OSError):  # where it cannot be written it is reckoned anew by whoever asks next
        _write(catalog, grown)
    return grown


def _grown(kept: Map, index: FlatIndex) -> Map:
    """With all that the index has and the map has not."""
    new = np.setdiff1d(index.ids(), kept.ids, assume_unique=True)
    if not len(new) or not len(kept.ids):
        return kept
    known = FlatIndex(index.bits)
    known.add(kept.ids, index.codes(kept.ids))
    places = layout.near(index.codes(new), known, kept.ids, kept.places)
    ids = np.concatenate([kept.ids, new])
    order = np.argsort(ids)
    return Map(ids[order], np.concatenate([kept.places, places])[order], kept.generation)


def _read(catalog: Catalog) -> Map:
    """NoMap where there is none that is whole, and of this library's codes."""
    try:
        with np.load(io.BytesIO(read_regular(catalog.folder / FILE)), allow_pickle=False) as kept:
            ids, x, y, said = (kept[name] for name in ("ids", "x", "y", "said"))
        stated = json.loads(said.tobytes())
        generation = Generation(stated["number"], stated["token"])
        places = np.stack([x, y], 1)
        if stated == _stated(catalog, Map(ids, places, generation)) and catalog.knows(generation):
            return Map(ids, places, generation)
    except (OSError, *arrays.UNREADABLE):
        pass
    raise NoMap(f"There is no map of this library yet: make one with `semblance map --library {catalog.folder}`.")


def _write(catalog: Catalog, made: Map) -> None:
    said = np.frombuffer(json.dumps(_stated(catalog, made)).encode(), np.uint8)
    out = io.BytesIO()
    np.savez(out, ids=made.ids, x=made.places[:, 0], y=made.places[:, 1], said=said)
    replace(catalog.folder / FILE, [out.getvalue()])


def _stated(catalog: Catalog, of: Map) -> dict[str, str | int]:
    return {
        "library": catalog.library,
        "codec_id": catalog.codec_id,
        "number": of.generation.number,
        "token": of.generation.token,
        "sha256": of.checksum,
    }
