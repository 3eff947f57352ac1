"""How good is a ranking? Precision and mean average precision over a gallery with labels, and rows that compare.

A picture is relevant when it bears the query's class. Pictures at the same distance have no order of their own, and
codes tie often, so the gallery is shuffled once, by a fixed seed, and ties fall in that order: without this a gallery
sorted by class would flatter whoever ties most.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes, pixels
from semblance.retrieval.index import Ids
from semblance.retrieval.judging.batches import Labels

CUTS = (1, 10, 100, 1000)
_CHUNK = 128  # queries ranked at one time, by each core
_RESAMPLES = 2000

# Queries' rows -> distances (rows, G), or other whole numbers that ascend from the nearest; equal ones are a tie.
Ranking = Callable[[slice], npt.NDArray[np.integer[Any]]]


@dataclass(frozen=True)
class Score:
    """Means over all queries. `precision` (C,) is that of the first `retrieved` (C,) pictures, 1 to all of them.

    `table` holds the columns of `scores`: None where the gallery is too short for a column. `interval` is that of
    P@10, by `interval_of_mean`: None where P@10 is.
    """

    table: dict[str, float | None]
    interval: tuple[float, float] | None
    retrieved: npt.NDArray[np.int64]
    precision: npt.NDArray[np.float64]


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
    hits = np.cumsum(ranked, axis=1, dtype=np.int32)
    count = ranked.shape[1]
    out = {f"P@{k}": hits[:, k - 1] / k if k <= count else np.full(len(ranked), np.nan) for k in CUTS}
    precision = hits / np.arange(1, count + 1) * ranked  # at the relevant ranks, 0 elsewhere
    for name, end in (("mAP@1000", min(1000, count)), ("mAP", count)):
        out[name] = precision[:, :end].sum(axis=1) / np.maximum(hits[:, end - 1], 1)
    return out


def precision_at(ranked: npt.NDArray[np.bool_], cuts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Relevance in ranked order (Q, G) -> precision (Q, C) at each of the ascending `cuts` (C,), the last being G."""
    starts = np.concatenate([[0], cuts[:-1]])
    return np.add.reduceat(ranked, starts, axis=1, dtype=np.int32).cumsum(axis=1) / cuts


def spread_cuts(count: int) -> npt.NDArray[np.int64]:
    """At most 60 numbers from 1 to `count`, evenly spread on a logarithmic scale."""
    return np.unique(np.geomspace(1, count, 60).round().astype(np.int64))


def score(
    ranking: Ranking, query_labels: Labels, gallery_labels: Labels, own: npt.NDArray[np.int64] | None = None
) -> Score:
    """How well a ranking finds pictures of the query's class.

    `own` (Q,) names each query's own column, where queries are pictures of the gallery.
    """
    retrieved = spread_cuts(len(gallery_labels) - (own is not None))

    def chunk(start: int) -> tuple[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
        rows = slice(start, start + _CHUNK)
        same = query_labels[rows, None] == gallery_labels[None]
        ranked = relevance(ranking(rows), same, None if own is None else own[rows])
        return scores(ranked), precision_at(ranked, retrieved)

    # NumPy lets go of the interpreter while it sorts, and FAISS while it searches.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tables, precisions = zip(*pool.map(chunk, range(0, len(query_labels), _CHUNK)), strict=True)
    of_queries = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    means = {name: float(values.mean()) for name, values in of_queries.items()}
    table = {name: None if np.isnan(mean) else mean for name, mean in means.items()}
    interval = None if table["P@10"] is None else interval_of_mean(of_queries["P@10"])
    return Score(table, interval, retrieved, np.concatenate(precisions).mean(axis=0))


def interval_of_mean(values: npt.NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """Values (Q,), one a query -> low and high: the 95 % range of their mean by chance of which queries were asked.

    The percentile bootstrap (Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979): Q queries are drawn with
    replacement 2,000 times, by a fixed seed, and the middle 95 % of the means kept. A draw says how often each
    different value came up, which is all that its mean depends on. Queries count as independent of each other; the
    gallery and the model stay the same.
    """
    different, often = np.unique(values, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(values), often / len(values), _RESAMPLES)  # (2000, different)
    low, high = np.quantile(drawn / len(values) @ different, (0.025, 0.975))
    return float(low), float(high)


def by_codes(query_codes: codes.Codes, gallery_codes: codes.Codes) -> Ranking:
    """Rank by Hamming distance to the nearest of each query's V views; codes (Q, V, W) and (G, W)."""

    def ranking(rows: slice) -> npt.NDArray[np.uint16]:
        views = query_codes[rows].swapaxes(0, 1)  # (V, rows, W)
        distances = codes.hamming(views[0], gallery_codes)
        for view in views[1:]:
            np.minimum(distances, codes.hamming(view, gallery_codes), out=distances)
        return distances

    return ranking


def with_first(first: Callable[[slice], Ids], ranking: Ranking) -> Ranking:
    """A ranking with other pictures in front: queries' rows -> columns (rows, n), the nearest first."""

    def changed(rows: slice) -> npt.NDArray[np.int32]:
        columns = first(rows)
        keys = np.asarray(ranking(rows), np.int32) + np.int32(columns.shape[1])
        np.put_along_axis(keys, columns, np.arange(columns.shape[1], dtype=np.int32)[None], axis=1)
        return keys

    return changed


def by_pixels(queries: pixels.Pixels, gallery: pixels.Pixels) -> Ranking:
    """Rank by Euclidean distance; pixels uint8 (Q, D) and (G, D)."""
    norms = pixels.squared_norms(gallery)
    return lambda rows: pixels.squared_distances(queries[rows], gallery, norms)


def bit_statistics(packed: codes.Codes, bits: int) -> dict[str, float]:
    """How well the bits are used: each figure 0 at its best, over codes (N, W).

    `imbalance`: mean distance of a bit's share of ones from one half, times two (0 balanced, 1 constant).
    `correlation`: mean absolute correlation between two different bits; constant bits count as 0.
    """
    values = codes.unpack(packed, bits)
    imbalance = np.abs(2 * values.mean(axis=0) - 1).mean()
    return {"imbalance": float(imbalance), "correlation": float(correlations(values).sum() / max(bits * (bits - 1), 1))}


def correlations(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Bits (N, bits) -> how much each says of each other, the absolute correlation (bits, bits): 0 of itself, and of a
    constant bit."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs(np.nan_to_num(np.corrcoef(values, rowvar=False))).reshape(values.shape[1], -1)
    np.fill_diagonal(found, 0)
    return found
