"""Exact Euclidean search over pixels: the baseline that codes are measured against.

Pictures are compared at 32 x 32 x 3, as in Krizhevsky & Hinton (2011). "Exact" is meant: distances are whole numbers
until the last step, so no rounding ever reorders two pictures.
"""

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from semblance.retrieval.images import InputSpec

SPEC = InputSpec(32)
LENGTH = SPEC.size * SPEC.size * 3
FURTHEST = math.sqrt(LENGTH)  # the distance of black from white; a distance by it is a root mean squared difference

Pixels = npt.NDArray[np.uint8]  # (N, D)
_BLOCK = 512  # rows asked for at a time
_PIECE = 64  # of them made float32 at a time, 768 kB, which stay in the processor's cache: half the time of 512


class Rows(Protocol):
    """Pixel vectors that need not all be in memory: an array, or a file, whose rows may be there until the next are."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice) -> Pixels: ...


def squared_distances(queries: Pixels, gallery: Pixels, norms: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Pixels (Q, D) and (G, D), the gallery's squared norms (G,) -> squared distances in byte units, int32 (Q, G).

    |x - q|^2 = |x|^2 - 2 x.q + |q|^2, with x.q by a float32 matrix product that is exact: q = 16 h + l splits a byte
    into halves, and a sum of at most 4,386 products of a byte and a half stays below 2^24. ValueError for longer rows.
    """
    if gallery.shape[1] > 2**24 // (255 * 15):
        raise ValueError(f"pixel vectors have at most {2**24 // (255 * 15)} values, not {gallery.shape[1]}")
    halves = np.concatenate([queries >> 4, queries & 15]).astype(np.float32)  # (2 Q, D)
    products = np.empty((len(halves), len(gallery)), np.int32)
    for start in range(0, len(gallery), _PIECE):
        products[:, start : start + _PIECE] = (gallery[start : start + _PIECE].astype(np.float32) @ halves.T).T
    high, low = products.reshape(2, len(queries), len(gallery))
    return norms - 2 * (16 * high + low) + squared_norms(queries)[:, None]


def squared_norms(pixels: Pixels) -> npt.NDArray[np.int32]:
    """Pixels (N, D) -> sums of squares int32 (N,)."""
    norms = np.empty(len(pixels), np.int32)
    for start in range(0, len(pixels), _BLOCK):
        values = pixels[start : start + _BLOCK].astype(np.float64)  # whole numbers below 2^53: exact
        norms[start : start + _BLOCK] = np.einsum("nd,nd->n", values, values)
    return norms


def to_distance(squared: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Squared distances in byte units -> Euclidean distances on pixels in 0..1."""
    return np.sqrt(squared) / 255


class PixelIndex:
    """Pixel vectors (N, D) under ids (N,) that ascend, searched without an index structure."""

    def __init__(self, ids: npt.NDArray[np.int64], pixels: Rows) -> None:
        if len(ids) != len(pixels) or np.any(ids[1:] <= ids[:-1]):
            raise ValueError("a pixel index wants one row for each id, and ids that ascend")
        self.ids, self._pixels = ids, pixels
        self._norms: npt.NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: Pixels, k: int, among: npt.NDArray[np.int64] | None = None
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """The nearest of each query (Q, D): distances on pixels in 0..1 and ids, both (Q, min(k, N)).

        Distances ascend; equal distances are in the order of their ids. `among` narrows to these ids (M,), ascending,
        all of which are there. ValueError where the queries are no pixels of this length, or k is below 1.
        """
        if k < 1:
            raise ValueError(f"k is at least 1, not {k}")
        if self._norms is None:  # once: they take as long as a search
            parts = [squared_norms(self._pixels[start : start + _BLOCK]) for start in range(0, len(self), _BLOCK)]
            self._norms = np.concatenate(parts) if parts else np.empty(0, np.int32)
        places = np.arange(len(self)) if among is None else np.searchsorted(self.ids, among)
        best = np.empty((len(queries), 0), np.int64)
        for start in range(0, len(self), _BLOCK):
            rows = places[slice(*np.searchsorted(places, (start, start + _BLOCK)))]
            if not len(rows):
                continue
            block = self._pixels[start : start + _BLOCK]
            block = block if len(rows) == len(block) else block[rows - start]
            squared = squared_distances(queries, block, self._norms[rows])
            # One number orders by distance, then by id.
            keys = squared.astype(np.int64) << 32 | rows
            best = np.concatenate([best, keys], axis=1)
            if best.shape[1] > k:
                best = np.partition(best, k - 1, axis=1)[:, :k]
        best.sort(axis=1)
        return to_distance(best >> 32), self.ids[best & (2**32 - 1)]

    def rows(self, rows: slice) -> Pixels:
        """Vectors in the order of their ids, there until others are asked for."""
        return self._pixels[rows]

    def vector(self, id: int) -> Pixels:
        """The pixel vector (D,) of `id`. KeyError where there is none."""
        position = int(np.searchsorted(self.ids, id))
        if position == len(self) or self.ids[position] != id:
            raise KeyError(id)
        row: Pixels = self._pixels[position : position + 1][0].copy()
        return row
