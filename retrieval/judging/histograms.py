"""Colour histograms: the baseline that knows which colours a picture has, and nothing of where they are.

Swain & Ballard, "Color Indexing" (1991). Red, green and blue are parted into four ranges each, and a picture is how
many of its pixels fall into each of the 64 bins. Every picture is counted at 64 x 64, so all histograms have the same
sum: their L1 distance and Swain & Ballard's histogram intersection give one order, and counts stand for shares
without any rounding.
"""

import numpy as np
import numpy.typing as npt

from semblance.retrieval.images import InputSpec, Picture

SPEC = InputSpec(64)
BINS = 64
PIXELS = SPEC.size * SPEC.size  # the sum of every histogram

Histograms = npt.NDArray[np.uint16]  # (N, BINS)

_CELLS = 2**16  # distances worked on at one time, so that they stay in the processor's cache


def counts(pictures: Picture) -> Histograms:
    """Pictures uint8 (N, 64, 64, 3) -> pixels in each bin, uint16 (N, 64): each row sums to 4,096.

    Bin 16 r + 4 g + b holds the pixels whose red, green and blue lie in the quarters r, g and b, 0 the darkest.
    ValueError for pictures of another size.
    """
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (SPEC.size, SPEC.size, 3):
        raise ValueError(f"histograms want uint8 (N, 64, 64, 3), not {pictures.dtype} {pictures.shape}")
    quarters = pictures.reshape(-1, PIXELS, 3) >> 6
    bins = (quarters[..., 0] << 4 | quarters[..., 1] << 2 | quarters[..., 2]).astype(np.int64)
    bins += BINS * np.arange(len(bins))[:, None]  # a range of bins for each picture, so that one count does all
    counted = np.bincount(bins.ravel(), minlength=BINS * len(bins)).reshape(-1, BINS)
    return counted.astype(np.uint16, order="F")  # a bin of all pictures in a row, as compared below


def distances(queries: Histograms, gallery: Histograms) -> npt.NDArray[np.uint16]:
    """Histograms (Q, 64) and (G, 64) -> L1 distances in pixels, uint16 (Q, G): 0 alike, 8,192 no colour in common.

    |x - y| = x + y - 2 min(x, y), so the distance is twice what the two do not share. Exact.
    """
    out = np.empty((len(queries), len(gallery)), np.uint16)
    width = max(1, _CELLS // max(1, len(queries)))
    for start in range(0, len(gallery), width):
        portion = gallery[start : start + width]
        shared, least = (np.zeros((len(queries), len(portion)), np.uint16) for _ in range(2))
        for of_queries, of_gallery in zip(queries.T, portion.T, strict=True):
            shared += np.minimum(of_queries[:, None], of_gallery, out=least)
        out[:, start : start + width] = 2 * (PIXELS - shared)
    return out


def nearest(queries: Histograms, gallery: Histograms, k: int) -> npt.NDArray[np.int64]:
    """The rows of the gallery (G, 64) nearest to each query (Q, 64), (Q, min(k, G)); equal distances in their order."""
    return np.argsort(distances(queries, gallery), axis=1, kind="stable")[:, :k]
