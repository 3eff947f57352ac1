"""Any base that cannot be changed, as an index that can: what was added since and what was removed lie over it.

A file that is mapped, an engine that takes long to build or whose removal FAISS has not: all get the whole contract
here, once. The overlay is small beside its base; it grows with what changed, until somebody builds the base anew.
"""

import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.index.contract import Approximate, Distances, Exact, Ids
from semblance.retrieval.index.flat import ONLY_ONCE, Flat, FlatIndex, blank, find, rows

PROPOSALS, FEWEST = 10, 100  # asked of an approximate base: for each hit wanted, and for all of them


class Overlay:
    """An index over `base`, which it never changes. An id of the base may be removed, and added with another code."""

    def __init__(self, base: Exact | Approximate) -> None:
        self.bits = base.bits
        self._base = base
        self._removed: Ids = np.empty(0, np.int64)  # of the base, ascending
        self._added = FlatIndex(base.bits)

    def __len__(self) -> int:
        return len(self._base) - len(self._removed) + len(self._added)

    def ids(self) -> Ids:
        """See Stored.ids."""
        kept, added = np.delete(self._base.ids(), rows(self._removed, self._base.ids())), self._added.ids()
        ids = np.insert(kept, np.searchsorted(kept, added), added)
        ids.flags.writeable = False
        return ids

    def codes(self, ids: Ids) -> Codes:
        """See Stored.codes."""
        _, added = find(ids, self._added.ids())
        gone = ~added & find(ids, self._removed)[1]
        if gone.any():
            raise KeyError(int(ids[gone][0]))
        codes = np.empty((len(ids), packed.width(self.bits)), np.uint8)
        codes[added], codes[~added] = self._added.codes(ids[added]), self._base.codes(ids[~added])
        return codes

    def add(self, ids: Ids, codes: Codes) -> None:
        """See CodeIndex.add."""
        if len(self._kept(ids)):
            raise ValueError(ONLY_ONCE)
        self._added.add(ids, codes)

    def remove(self, ids: Ids) -> int:
        """See CodeIndex.remove."""
        gone = self._kept(ids)
        self._removed = np.insert(self._removed, np.searchsorted(self._removed, gone), gone)
        return len(gone) + self._added.remove(ids)

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """See Exact.search."""
        added = self._added.search(codes, k, among)
        if isinstance(self._base, Approximate):
            kept = self._ranked(self._base, codes, k, among)
        else:
            kept = self._left(self._base, codes, k, among)
        distances, ids = np.concatenate([added[0], kept[0]], axis=1), np.concatenate([added[1], kept[1]], axis=1)
        return _taken(np.lexsort((ids, distances))[:, :k], distances, ids)  # each row sorted by itself

    def _kept(self, ids: Ids) -> Ids:
        """Those of `ids` that the base has and has still, ascending, each once."""
        known = self._base.ids()
        known = known[rows(ids, known)]
        return known[~find(known, self._removed)[1]]

    def _left(self, base: Exact, codes: Codes, k: int, among: Ids | None) -> tuple[Distances, Ids]:
        """The nearest that were not removed, of a base that searches.

        It is asked deeper than k, and four times deeper for a query that has too many of the removed ones near it: what
        that costs depends on how many stand in the way, not on how many were removed.
        """
        if among is not None:
            return base.search(codes, k, among[~find(among, self._removed)[1]])
        k = min(k, len(base) - len(self._removed))
        depth = k + min(k, len(self._removed))
        distances, ids = blank(len(codes), k)
        asking = np.arange(len(codes) if k else 0)
        while len(asking):
            near, found = base.search(codes[asking], depth)
            gone = find(found, self._removed)[1]
            first = np.argsort(gone, axis=1, kind="stable")[:, :k]
            distances[asking], ids[asking] = _taken(first, near, found)
            asking = asking[(~gone).sum(axis=1) < k]  # none at the latest when depth is all there is
            depth *= 4
        return distances, ids

    def _ranked(self, base: Approximate, codes: Codes, k: int, among: Ids | None) -> tuple[Distances, Ids]:
        """The nearest of those that a base proposes and that were not removed, by their stored codes.

        The base is asked for PROPOSALS a hit, and FEWEST at least. Where fewer than k remain of them, all codes are
        compared, and in a search among some ids theirs: exact, at the price of comparing as many.
        """
        k = min(k, len(base) - len(self._removed))
        if among is not None:
            return self._nearest(codes, k, among)
        distances, ids = blank(len(codes), k)
        if ids.size:
            proposals = base.candidates(codes, max(FEWEST, PROPOSALS * k))
            for row, (query, proposed) in enumerate(zip(codes[:, None], proposals, strict=True)):
                found = self._nearest(query, k, proposed)
                distances[row], ids[row] = found if found[1].size == k else self._nearest(query, k, base.ids())
        return distances, ids

    def _nearest(self, codes: Codes, k: int, ids: Ids) -> tuple[Distances, Ids]:
        """Exactly the nearest of those of `ids`, in any order, that the base has still."""
        kept = self._kept(ids)
        return Flat(self.bits, kept, self._base.codes(kept)).search(codes, max(k, 1))  # 0: none is left


def _taken(columns: npt.NDArray[np.intp], distances: Distances, ids: Ids) -> tuple[Distances, Ids]:
    """These columns (Q, k), of each row its own, of distances and ids (Q, N)."""
    return np.take_along_axis(distances, columns, axis=1), np.take_along_axis(ids, columns, axis=1)
