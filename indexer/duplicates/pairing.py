"""Which sets of pictures are near, by any of their views."""

import numpy as np
import numpy.typing as npt

from semblance.retrieval import pairs
from semblance.retrieval.codes import Codes
from semblance.retrieval.pairs import Pairs
from semblance.retrieval.progress import Progress


def near(codes: Codes, within: int, bits: int, progress: Progress) -> Pairs:
    """Pairs of rows of codes (N, V, W), the nearest views of which are near: one as it is, the other in any view."""
    count, views, width = codes.shape
    flat = np.ascontiguousarray(codes.transpose(1, 0, 2)).reshape(count * views, width)
    if views == 1:
        return pairs.pairs_within(flat, within, bits, progress=progress)
    found = pairs.pairs_within(
        flat, within, bits, progress=progress,
        wanted=lambda one, other: (np.minimum(one, other) < count) & (one % count != other % count),
    )  # fmt: skip
    rows = np.sort(np.stack([found.first % count, found.second % count]), axis=0)
    order = np.lexsort((found.distance, rows[1], rows[0]))
    rows, distance = rows[:, order], found.distance[order]
    first = np.concatenate([[True], (np.diff(rows, axis=1) != 0).any(axis=0)]) if len(order) else np.ones(0, np.bool_)
    return Pairs(rows[0, first], rows[1, first], distance[first])


def without(found: Pairs, out: npt.NDArray[np.bool_]) -> Pairs:
    """The pairs of which neither row is `out` (rows,)."""
    left = ~out[found.first] & ~out[found.second]
    return Pairs(found.first[left], found.second[left], found.distance[left])
