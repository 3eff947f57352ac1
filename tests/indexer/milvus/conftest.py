"""Libraries of drawn codes, with ties and crowds among them, that are filled into a real Milvus."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, NewPicture, Purpose, Writer
from semblance.indexer.derived import snapshot
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.facts import Facts
from semblance.retrieval.index import FlatIndex

FOLDERS = ["/pictures/a", "/pictures/a b", '/pictures/a"b', "/pictures/a\\b", "/pictures/50%_é", "/pictures"]


class Drawn:
    """A library of `count` pictures whose codes lie around a few others, many of them twice."""

    def __init__(self, folder: Path, alike: Codec, same: Codec, count: int) -> None:
        self.folder, self.alike, self.same, self._rng = folder, alike, same, np.random.default_rng(count)
        self._centres = self._rng.integers(0, 256, (12, 32), np.uint8)
        with Writer.writing(folder, alike) as catalog:
            catalog.know(same, "same")
        self.add(0, count)

    def codes(self, count: int) -> Codes:
        """Codes near the centres, or equal to one another."""
        flips = self._rng.integers(0, 256, (count, 32), np.uint8) & self._rng.integers(0, 256, (count, 32), np.uint8)
        flips[self._rng.random((count, 32)) < 0.9] = 0
        codes: Codes = self._centres[self._rng.integers(0, len(self._centres), count)] ^ flips
        return codes

    def add(self, first: int, count: int) -> None:
        """Pictures first, first + 1, ..., each with a code of either sort, but every tenth without one of `same`."""
        codes, others = self.codes(count), self.codes(count)
        with Writer.writing(self.folder) as catalog:
            catalog.record([self._picture(first + n, codes[n], others[n]) for n in range(count)], [])

    def _picture(self, n: int, code: Codes, other: Codes) -> NewPicture:
        by = {self.alike.codec_id: code} | ({self.same.codec_id: other} if n % 10 else {})
        facts = (
            Facts(640, 480, f"20{n % 20:02}-01-{n % 28 + 1:02}T10:00:00", "Leica M8", 48.5, -2.25) if n % 3 else None
        )
        return NewPicture(self.path(n), n, 10**18 + n, bytes([n % 256]) * 32, by, facts=facts)

    def path(self, n: int) -> str:
        """Where picture `n` lies."""
        return f"{FOLDERS[n % len(FOLDERS)]}/{n}.jpg"

    def forget(self, *numbers: int) -> None:
        """Pictures that are gone."""
        with Writer.writing(self.folder) as catalog:
            catalog.forget([self.path(n) for n in numbers])

    def flat(self, purpose: Purpose) -> FlatIndex:
        """All codes, as the catalog has them now."""
        with Catalog.opened(self.folder) as catalog:
            return snapshot.load(catalog, purpose, catalog.current(purpose))[0]


@pytest.fixture(scope="session")
def drawn(codec: Codec, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Drawn]:
    """Makes such a library."""
    same = Codec("copies", threads=1)
    return lambda count: Drawn(tmp_path_factory.mktemp("drawn"), codec, same, count)
