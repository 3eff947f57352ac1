"""The contents that a library knows: files of a content that was seen before are hashed, and not decoded again.

Hard links and copies so cost a read, and have the codes of the first. The catalog is asked for each content by a
connection of its own, so that nothing is held in memory however large the library is.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from semblance.indexer.catalog import Catalog, Failure, finding
from semblance.indexer.derived import pixelfile
from semblance.indexer.run.encoding import PIXELS, Encoded
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes


class Contents:
    """Called with a SHA-256: the codes and the pixel vector of that content, as far as there are any."""

    def __init__(self, catalog: Catalog, codecs: Sequence[Codec], vectors: pixelfile.PixelFile | None) -> None:
        """`catalog` is a reader that is not used otherwise."""
        self._catalog, self._vectors = catalog, vectors
        self._codecs = [codec.codec_id for codec in codecs]
        self._lock = threading.Lock()
        self._fresh: dict[bytes, Encoded] = {}

    def __call__(self, sha256: bytes) -> Mapping[str, Codes]:
        """codec_id -> code (W,), and PIXELS -> vector (3072,)."""
        with self._lock:
            if fresh := self._fresh.get(sha256):
                return {**fresh.codes, **({} if fresh.vector is None else {PIXELS: fresh.vector})}
            known = {}
            for codec_id in self._codecs:
                if held := finding.held(self._catalog, sha256, codec_id):
                    picture, code = held
                    known[codec_id] = np.frombuffer(code, np.uint8)
                    vector = self._vector(picture)
                    known |= {} if vector is None else {PIXELS: vector}
            return known

    def _vector(self, picture: int) -> Codes | None:
        if self._vectors is None:
            return None
        row = int(np.searchsorted(self._vectors.ids, picture))
        if row == len(self._vectors.ids) or self._vectors.ids[row] != picture:
            return None
        vector: Codes = self._vectors[row : row + 1][0].copy()
        return vector

    def take_in(self, results: Iterable[Encoded | Failure]) -> None:
        """Know these too, which the catalog does not hold yet."""
        with self._lock:
            self._fresh |= {each.sha256: each for each in results if isinstance(each, Encoded) and not each.same}

    def committed(self) -> None:
        """The catalog holds what was taken in."""
        with self._lock:
            self._fresh.clear()
