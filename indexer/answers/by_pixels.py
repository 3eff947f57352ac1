"""The way of asking by raw pixels: the baseline. See asking.py."""

import copy
import time
from collections.abc import Generator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from semblance.indexer.answers.brute import in_steps, nearest
from semblance.indexer.answers.coded import Coded
from semblance.indexer.answers.hits import Engine
from semblance.indexer.answers.questions import SEVERAL, Question, Ranking, unknown
from semblance.indexer.catalog import Catalog, Narrowing
from semblance.indexer.derived import pixelfile
from semblance.retrieval import decoding, pixels
from semblance.retrieval.errors import NoPixels, UsageError
from semblance.retrieval.images import Region, Source
from semblance.retrieval.index import Ids
from semblance.retrieval.index.flat import rows
from semblance.retrieval.pixels import PixelIndex, Pixels

_STEP = 512  # vectors compared at a time: some milliseconds


class ByPixels:
    """By raw pixels: Euclidean distance, exact; the baseline. Its vectors are opened when first asked for."""

    name: Engine = "pixel"
    far = pixels.FURTHEST
    by_chance = None
    left: int | None = None

    def __init__(self, catalog: Catalog, by: Coded, same: Coded | None) -> None:
        self.catalog, self.same, self.generation = catalog, same, by.generation
        self.codec, self.index, self.size, self.coverage = by.codec, by.index, len(by.index), by.share(len(by.index))
        self.doubtful: Sequence[Coded] = [same] if same and same.in_files else []
        self._share = by.share
        self.stamp = pixelfile.stamp(catalog.folder)  # None: there are none
        self._opened: PixelIndex | None = None
        self._among: Ids | None = None

    def of_pictures(
        self,
        liked: Sequence[Source],
        disliked: Sequence[Source],
        k: int,
        count: int = 1,
        refine: bool | None = None,
        region: Region | None = None,
    ) -> Question[Pixels]:
        """See Way.of_pictures. UsageError unless it is one picture, by one view and in the order that is found."""
        if len(liked) > 1 or disliked:
            raise UsageError(SEVERAL)
        if count > 1 or refine:
            raise UsageError("Only codes have several views and a refined order: leave views and refine out.")
        started = time.perf_counter()
        seen = decoding.load_each(liked[0], {pixels.SPEC, *([self.same.codec.spec] if self.same else [])}, region)
        decoded = time.perf_counter()
        own = None
        if self.same:
            own = self.same.codec.codec_id, self.same.codec.encode(seen[self.same.codec.spec][None])
        times = 1000 * (decoded - started), 1000 * (time.perf_counter() - decoded)
        return Question(seen[pixels.SPEC].reshape(-1), k, "", *times, own)

    def of_id(self, id: int) -> Pixels:
        """See Way.of_id."""
        try:
            return self._vectors().vector(id)
        except KeyError as error:
            if self.catalog.entry(id) is None:
                raise unknown(id) from error
            raise NoPixels(f"Picture {id} has no pixel vector yet: index with --pixels to the end.") from error

    def search(self, wanted: Sequence[Pixels], k: int) -> Sequence[Ranking]:
        """See Way.search."""
        return [*zip(*self._vectors().search(np.stack(wanted), k, self._among), strict=True)]

    def narrowed(self, among: Narrowing) -> Self:
        """See Way.narrowed. Vectors lie in a file, where those that are left are found anew each time."""
        known, own = self._vectors().ids, copy.copy(self)
        own._among = known[rows(self.catalog.among(among), known)]
        own.left = len(own._among)
        return own

    def last(self) -> int:
        """See Way.last."""
        return int(ids[-1]) if len(ids := self._vectors().ids) else 0

    def exact(self, query: Pixels) -> Generator[None, None, Self]:
        """See Way.exact."""
        vectors, way = self._vectors(), copy.copy(self)
        squared = (yield from in_steps(len(vectors), _STEP, lambda part: _squared(query, vectors.rows(part))[None]))[0]
        left = np.arange(len(vectors)) if self._among is None else rows(self._among, vectors.ids)
        first = left[nearest(squared[left], len(left))]

        def search(wanted: Sequence[Pixels], k: int) -> Sequence[Ranking]:
            return [(pixels.to_distance(squared[first[:k]]), vectors.ids[first[:k]]) for _ in wanted]

        way.search = search  # type: ignore[method-assign]
        return way

    def costs(self, query: Pixels, ids: Ids) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """See Way.costs."""
        vectors = self._vectors()
        distances = pixels.to_distance(_squared(query, np.stack([vectors.vector(id) for id in ids.tolist()])))
        return distances, distances

    def _vectors(self) -> PixelIndex:
        if self.stamp is None:
            raise NoPixels(
                "This library keeps no pixel vectors: run `semblance index FOLDER --library DIR --pixels` first."
            )
        if self._opened is None or pixelfile.stamp(self.catalog.folder) != self.stamp:
            self.stamp = pixelfile.stamp(self.catalog.folder)
            if pixelfile.is_of_before(self.catalog.folder):
                raise NoPixels(
                    "The pixel vectors of this library were kept by an earlier version, or their file is damaged: run "
                    "`semblance index FOLDER --library DIR --pixels`, which makes them anew."
                )
            contents = self.catalog.contents()
            known = self.index.ids().tolist()
            kept = pixelfile.PixelFile(self.catalog.folder, {id: contents[id] for id in known if id in contents})
            self._opened = PixelIndex(kept.ids, kept)
            self.size, self.coverage = len(self._opened), self._share(len(self._opened))
        return self._opened


def _squared(query: Pixels, vectors: Pixels) -> npt.NDArray[np.int64]:
    apart = vectors.astype(np.int32) - query
    squared: npt.NDArray[np.int32] = np.einsum("nd,nd->n", apart, apart)  # at most 3,072 times 255^2, below 2^31
    return squared.astype(np.int64)
