"""A codec that counts, and a library with its pictures that a test may change."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog
from semblance.indexer.run import pipeline
from semblance.indexer.run.pipeline import Summary
from semblance.retrieval.codec import Codec, find_model
from semblance.retrieval.codes import Codes
from semblance.retrieval.images import Picture, Source
from tests.conftest import paint


class CountingCodec(Codec):
    """A small model, and how many pictures it has encoded."""

    encoded = 0

    def encode(self, pictures: Picture | Iterable[Source]) -> Codes:
        """As Codec.encode."""
        assert isinstance(pictures, np.ndarray)
        self.encoded += len(pictures)
        return super().encode(pictures)


class Shelf:
    """A folder of six pictures, `a` to `f`, and a library of it."""

    def __init__(self, place: Path) -> None:
        self.folder, self.library = place / "pictures", place / "library"
        self.codec = CountingCodec(find_model("cifar10-fast"))
        for seed, name in enumerate("abcdef"):
            paint(self.picture(name), seed)

    def picture(self, name: str) -> Path:
        """The file of one picture."""
        return self.folder / ("one" if name in "abc" else "two") / f"{name}.png"

    def index(
        self, *folders: Path, with_pixels: bool = False, prune: bool = False, exclude: Sequence[str] = ()
    ) -> Summary:
        """Index the folder, or others; `codec.encoded` counts this run alone."""
        self.codec.encoded = 0
        return pipeline.update(
            [*folders] or [self.folder],
            self.library,
            self.codec,
            with_pixels=with_pixels,
            prune=prune,
            exclude=exclude,
            threads=2,
        )

    def ids(self) -> dict[str, int]:
        """The library's pictures: file name to id."""
        with Catalog.opened(self.library) as catalog:
            return {Path(entry.path).name: entry.id for entry in catalog.entries()}

    def failures(self) -> dict[str, str]:
        """The library's failures: file name to reason."""
        with Catalog.opened(self.library) as catalog:
            return {Path(path).name: reason for path, reason in catalog.failures().items()}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Six pictures, not indexed yet."""
    return Shelf(tmp_path)


@pytest.fixture
def counts() -> Callable[[Summary], tuple[int, int, int, int, int]]:
    """added, updated, removed, unchanged, failed."""
    return lambda report: (report.added, report.updated, report.removed, report.unchanged, len(report.failed))
