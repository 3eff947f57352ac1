"""How good is a ranking? Precision and mean average precision over a gallery with labels, and rows that compare.

A picture is relevant when it bears the query's class. Pictures at the same distance have no order of their own, and
codes tie often, so the gallery is shuffled once, by a fixed seed, and ties fall in that order: without this a gallery
sorted by class would flatter whoever ties most.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval import codes, pixels

CUTS = (1, 10, 100, 1000)
_CHUNK = 128  # queries ranked at one time, by each core

Labels = npt.NDArray[np.int64]
Ranking = Callable[[slice], npt.NDArray[np.integer[Any]]]  # queries' rows -> distances (rows, G)


def tie_order(gallery: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """The fixed shuffle (G,) that a gallery is put through before anything is ranked."""
    return np.random.default_rng(seed).permutation(gallery)


def relevance(
    distances: npt.NDArray[np.integer[Any]], same_class: npt.NDArray[np.bool_], own: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.bool_]:
    """Distances and same-class flags, both (Q, G) -> the flags in the order of ascending distance, (Q, G).

    Ties keep the gallery's order. With `own` (Q,), column own[i] is query i itself and is left out: (Q, G - 1).
    """
    keys = distances.astype(np.int64) << 32 | np.arange(distances.shape[1])  # one number: distance, then position
    if own is not None:
        keys[np.arange(len(keys)), own] = np.iinfo(np.int64).max
    keys.sort(axis=1)
    if own is not None:
        keys = keys[:, :-1]
    return np.take_along_axis(same_class, keys & (2**32 - 1), axis=1)


def scores(ranked: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[np.float64]]:
    """Relevance in ranked order (Q, G) -> each query's P@1, P@10, P@100, P@1000, mAP@1000 and mAP, all (Q,).

    Average precision is the mean of the precisions at the ranks of the relevant pictures (Manning, Raghavan & Schütze,
    "Introduction to Information Retrieval", section 8.4); mAP@1000 takes the mean over the hits within the first 1,000.
    Where there is no hit it is 0. A cut beyond the gallery's end has no value: NaN.
    """
    hits = np.cumsum(ranked, axis=1, dtype=np.int64)
    count = ranked.shape[1]
    out = {f"P@{k}": hits[:, k - 1] / k if k <= count else np.full(len(ranked), np.nan) for k in CUTS}
    precision = hits / np.arange(1, count + 1) * ranked  # at the relevant ranks, 0 elsewhere
    for name, end in (("mAP@1000", min(1000, count)), ("mAP", count)):
        out[name] = precision[:, :end].sum(axis=1) / np.maximum(hits[:, end - 1], 1)
    return out


def score(
    ranking: Ranking, query_labels: Labels, gallery_labels: Labels, own: npt.NDArray[np.int64] | None = None
) -> dict[str, float | None]:
    """The means of `scores` over all queries; None where the gallery is too short for a column.

    `own` (Q,) names each query's own column, where queries are pictures of the gallery.
    """

    def chunk(start: int) -> dict[str, npt.NDArray[np.float64]]:
        rows = slice(start, start + _CHUNK)
        same = query_labels[rows, None] == gallery_labels[None]
        return scores(relevance(ranking(rows), same, None if own is None else own[rows]))

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy lets go of the interpreter while it sorts
        chunks = list(pool.map(chunk, range(0, len(query_labels), _CHUNK)))
    means = {name: float(np.concatenate([part[name] for part in chunks]).mean()) for name in chunks[0]}
    return {name: None if np.isnan(mean) else mean for name, mean in means.items()}


def by_codes(query_codes: codes.Codes, gallery_codes: codes.Codes) -> Ranking:
    """Rank by Hamming distance."""
    return lambda rows: codes.hamming(query_codes[rows], gallery_codes)


def by_pixels(queries: pixels.Pixels, gallery: pixels.Pixels) -> Ranking:
    """Rank by Euclidean distance; pixels uint8 (Q, D) and (G, D)."""
    norms = pixels.squared_norms(gallery)
    return lambda rows: pixels.squared_distances(queries[rows], gallery, norms)


def bit_statistics(packed: codes.Codes, bits: int) -> dict[str, float]:
    """How well the bits are used: each figure 0 at its best, over codes (N, W).

    `imbalance`: mean distance of a bit's share of ones from one half, times two (0 balanced, 1 constant).
    `correlation`: mean absolute correlation between two different bits; constant bits count as 0.
    """
    values = codes.unpack(packed, bits).astype(np.float32) * 2 - 1
    mean = values.mean(axis=0)
    centred = values - mean
    deviation = np.sqrt(np.maximum((centred**2).mean(axis=0), 1e-12))
    correlation = np.abs(centred.T @ centred / len(values) / np.outer(deviation, deviation))
    off_diagonal = correlation[~np.eye(bits, dtype=bool)]
    return {"imbalance": float(np.abs(mean).mean()), "correlation": float(off_diagonal.mean()) if bits > 1 else 0.0}
