"""Any base that cannot be changed, as an index that can: what was added since and what was removed lie over it.

A file that is mapped, an engine that takes long to build or whose removal FAISS has not: all get the whole contract
here, once. The overlay is small beside its base; it grows with what changed, until somebody builds the base anew.
"""

import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.index.contract import Approximate, Distances, Exact, Ids, Rows
from semblance.retrieval.index.flat import ONLY_ONCE, Flat, FlatIndex, blank, find, rows


class Overlay:
    """An index over `base`, which it never changes. An id of the base may be removed, and added with another code."""

    def __init__(self, base: Exact | Approximate) -> None:
        self.bits, self.base = base.bits, base
        self._removed: Ids = np.empty(0, np.int64)  # of the base, ascending
        self._added = FlatIndex(base.bits)
        self._ids: Ids | None = None  # all, as long as they are known

    def __len__(self) -> int:
        return len(self.base) - len(self._removed) + len(self._added)

    @property
    def laid_over(self) -> int:
        """How many codes were added and removed since the base was made."""
        return len(self._removed) + len(self._added)

    def ids(self) -> Ids:
        """See Stored.ids."""
        if not self.laid_over:
            return self.base.ids()
        if self._ids is None:
            kept, added = np.delete(self.base.ids(), rows(self._removed, self.base.ids())), self._added.ids()
            self._ids = np.insert(kept, np.searchsorted(kept, added), added)
            self._ids.flags.writeable = False
        return self._ids

    def has(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """See Stored.has."""
        there: npt.NDArray[np.bool_] = self.base.has(ids) & ~find(ids, self._removed)[1] | self._added.has(ids)
        return there

    def codes(self, ids: Ids) -> Codes:
        """See Stored.codes."""
        _, added = find(ids, self._added.ids())
        gone = ~added & find(ids, self._removed)[1]
        if gone.any():
            raise KeyError(int(ids[gone][0]))
        codes = np.empty((len(ids), packed.width(self.bits)), np.uint8)
        codes[added], codes[~added] = self._added.codes(ids[added]), self.base.codes(ids[~added])
        return codes

    def add(self, ids: Ids, codes: Codes) -> None:
        """See CodeIndex.add."""
        if len(self._kept(ids)):
            raise ValueError(ONLY_ONCE)
        self._added.add(ids, codes)
        self._ids = None

    def remove(self, ids: Ids) -> int:
        """See CodeIndex.remove."""
        gone = self._kept(ids)
        self._removed = np.insert(self._removed, np.searchsorted(self._removed, gone), gone)
        self._ids = None
        return len(gone) + self._added.remove(ids)

    def without(self, ids: Ids) -> "Overlay":
        """The same codes but for these, of which the nearest are found exactly; what the base holds is not copied."""
        base = self.base
        fewer = Overlay(Flat(base.bits, base._ids, base._codes) if isinstance(base, Flat) else base)
        fewer._removed, fewer._added = self._removed, FlatIndex(self.bits, self._added._ids, self._added._codes)
        fewer.remove(ids)
        return fewer

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """See Exact.search."""
        added = self._added.search(codes, k, among)
        if among is None and isinstance(self.base, Approximate):
            kept = self._ranked(self.base, codes, k)
        else:
            kept = self._left(self.base, codes, k, among)
        distances, ids = np.concatenate([added[0], kept[0]], axis=1), np.concatenate([added[1], kept[1]], axis=1)
        return _taken(np.lexsort((ids, distances))[:, :k], distances, ids)  # each row sorted by itself

    def _kept(self, ids: Ids) -> Ids:
        """Those of `ids` that the base has and has still, ascending, each once."""
        ids = np.sort(ids)
        ids = ids[np.diff(ids, prepend=ids[:1] - 1) > 0]
        return ids[self.base.has(ids) & ~find(ids, self._removed)[1]]

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

    def _ranked(self, base: Approximate, codes: Codes, k: int) -> tuple[Distances, Ids]:
        """The nearest of those that a base proposes and that were not removed, by their stored codes.

        It is asked deeper than k where some were removed. Where fewer than k remain, all codes are compared.
        """
        k = min(k, len(base) - len(self._removed))
        distances, ids = blank(len(codes), k)
        if not ids.size:
            return distances, ids
        proposals = base.candidates(codes, k + min(k, len(self._removed)))
        for row, (query, proposed) in enumerate(zip(codes[:, None], proposals, strict=True)):
            found = self._proposed(base, query, k, proposed)
            distances[row], ids[row] = found if found[1].size == k else self._left(base, query, k, None)
        return distances, ids

    def _proposed(self, base: Approximate, query: Codes, k: int, proposed: Rows) -> tuple[Distances, Ids]:
        """Exactly the nearest of the proposed rows that were not removed, each once."""
        proposed = np.sort(proposed[(proposed >= 0) & (proposed < len(base))])
        proposed = proposed[np.diff(proposed, prepend=-1) > 0]
        ids = base.ids()[proposed]
        if len(self._removed):
            kept = ~find(ids, self._removed)[1]
            proposed, ids = proposed[kept], ids[kept]
        return Flat(self.bits, ids, base.at(proposed)).search(query, k)


def _taken(columns: npt.NDArray[np.intp], distances: Distances, ids: Ids) -> tuple[Distances, Ids]:
    """These columns (Q, k), of each row its own, of distances and ids (Q, N)."""
    return np.take_along_axis(distances, columns, axis=1), np.take_along_axis(ids, columns, axis=1)
