"""Multi-index hashing: exact search that looks only where the nearest can be.

Norouzi, Punjani & Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing" (2014): bits are shared out
among m parts, and each part's value is a key to the codes that have it. Keys within radius r_p of the query's are
looked up, part by part; a code that no look meets differs in at least r_p + 1 bits of every part p. So all codes within
the sum of (r_p + 1), less 1, are known, and where the k-th best is no farther the answer is proven, ties and all.

The radii may differ (Qin et al., "GPH: Similarity Search in Hamming Space", 2018), so the cheapest look is always the
next: on real codes that halves the candidates. What looks would cost is reckoned from how full the keys were so far,
and what they found is counted before any code is read. Where comparing all codes costs less, that is done, so no query
takes much longer than a scan. How much is saved depends on how far the k-th nearest is: copies take a twentieth of a
scan, what has no neighbours gains nothing.

No library kept has this. Measured on a million codes of photographs: FAISS's IndexBinaryMultiHash takes one radius for
all queries, and at the one that proves 39 bits takes three times as long as a scan; pynear's MIHBinaryIndex takes 25
times as long to prove 40 bits. Neither says what it has proven, nor when to give up, nor maps its tables.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import comb
from pathlib import Path
from typing import Any, ClassVar, Self

import faiss
import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.index.contract import Distances, Ids
from semblance.retrieval.index.flat import MANY, Flat, blank, by_cores
from semblance.retrieval.index.hashing import ranges
from semblance.retrieval.index.tables import Tables
from semblance.retrieval.progress import Progress

LOOK, READ, ROUND = 5, 8, 100_000  # what a look at a key, a candidate and a round cost: a code in a scan costs 1
_faiss: Any = faiss  # whose types lack `hammings`
_FIRST, _KNOWN = 256, 16  # the first round may cost this part of a scan; the k-th best so far tells enough after this
_FADING = 0.75  # how full keys are one bit farther away, as measured on codes of photographs
_BLOCK = 2**13  # candidates read at one time: what near caches hold

Numbers = npt.NDArray[np.int64]


class MihIndex(Flat):
    """Codes, and tables of the keys of their parts. Whatever is asked, answers are exact."""

    engine: ClassVar[str] = "mih"
    efforts: ClassVar[Sequence[int]] = (1,)
    patience: float = 1.0  # how many scans a search may cost before all codes are compared

    def __init__(self, stored: Flat, tables: Tables) -> None:
        super().__init__(stored.bits, stored._ids, stored._codes)
        self._tables, self.effort = tables, 1
        self.memory = self._ids.nbytes + self._codes.nbytes + tables.nbytes

    @classmethod
    def build(cls, stored: Flat, folder: Path, progress: Progress) -> None:
        """See Engine.build. Takes about 70 bytes a code on the disk, and 130 in memory."""
        Tables.build(stored._codes, stored.bits, folder, progress)

    @classmethod
    def open(cls, stored: Flat, folder: Path) -> Self:
        """See Engine.open."""
        return cls(stored, Tables.open(stored._codes, stored.bits, folder))

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """See Exact.search."""
        packed.check(codes, self.bits)
        few = self.patience * len(self) < 2 * ROUND
        if few or among is not None or not 1 <= k <= len(self) or not len(codes):
            return super().search(codes, k, among)
        many = len(codes) >= MANY
        distances, rows = by_cores(lambda some: self._nearest(some, k), codes) if many else self._nearest(codes, k)
        ids = self._ids[rows]
        if len(left := np.flatnonzero(distances[:, 0] < 0)):
            distances[left], ids[left] = super().search(codes[left], k)
        return distances, ids

    def _nearest(self, codes: Codes, k: int) -> tuple[Distances, npt.NDArray[np.intp]]:
        """Distances and rows, both (Q, k); distances of -1 where it is better to compare all codes."""
        distances, rows = blank(len(codes), k)
        threads = faiss.omp_get_max_threads()  # this thread's
        faiss.omp_set_num_threads(1)
        try:
            for query, keys in enumerate(self._tables.keys(codes)):
                found = self._proven(np.ascontiguousarray(codes[query]), keys, k)
                distances[query], rows[query] = (-1, 0) if found is None else (found >> 32, found & (2**32 - 1))
        finally:
            faiss.omp_set_num_threads(threads)
        return distances, rows

    def _proven(self, code: Codes, keys: Numbers, k: int) -> Numbers | None:
        """The nearest k of one code (W,), as distance x 2^32 + row, ascending; None where a scan costs less."""
        tables, plan, best = self._tables, Plan(self._tables.sizes, len(self), self.patience), np.empty(0, np.int64)
        while (farthest := int(best[k - 1] >> 32) if len(best) >= k else self.bits) > plan.bound:
            if not (shells := plan.cheapest(farthest - plan.bound)):
                return None
            starts, lengths, of = tables.find(keys, shells)
            if not plan.affords(shells, np.bincount(of, lengths, len(shells)).tolist()):
                return None
            rows = tables.rows(ranges(starts, lengths))
            if rows.max(initial=0) >= len(self):  # the file was damaged since it was opened
                return None
            far = self._far(code, rows)
            near = far <= farthest
            best = np.sort(np.concatenate([best, far[near].astype(np.int64) << 32 | rows[near]]))
            best = best[np.diff(best, prepend=-1) > 0][:k]
        return best if len(best) == k else None

    def _far(self, code: Codes, rows: npt.NDArray[np.uint32]) -> Distances:
        """How far the codes in these rows (N,) are from one code (W,)."""
        far = np.empty(len(rows), np.int32)
        for start in range(0, len(rows), _BLOCK):
            read = self._codes.take(rows[start : start + _BLOCK], axis=0)  # [] takes four times as long
            into = faiss.swig_ptr(far[start:])
            _faiss.hammings(faiss.swig_ptr(code), faiss.swig_ptr(read), 1, len(read), read.shape[1], into)
        return far


@dataclass
class Plan:
    """Which looks are next for one query, and when they are no longer worth it."""

    sizes: Sequence[int]  # bits of each part
    count: int  # codes
    patience: float
    spent: float = 0.0
    radii: list[int] = field(init=False)
    full: list[float] = field(init=False)  # of each part, how many codes a key at the next radius may have

    def __post_init__(self) -> None:
        self.radii = [-1] * len(self.sizes)
        self.full = [self.count / 2**size for size in self.sizes]

    @property
    def bound(self) -> int:
        """All codes within this distance have been met."""
        if any(radius >= size for radius, size in zip(self.radii, self.sizes, strict=True)):
            return sum(self.sizes)  # one part has been looked at whole
        return sum(self.radii) + len(self.radii) - 1

    def cheapest(self, needed: int) -> list[tuple[int, int]]:
        """Parts and radii to look at next, of the `needed` cheapest; none where those would cost more than a scan.

        A round costs no more than all before it, since what it finds may say that less is needed.
        """
        allowed, most = max(self.spent, self.count / _FIRST), self.patience * self.count
        telling = self.spent > most / _KNOWN
        ahead = [(self._cost(part, radius + 1), part, radius + 1) for part, radius in enumerate(self.radii)]
        heapq.heapify(ahead)
        chosen: list[tuple[int, int]] = []
        cost = 0.0
        for _ in range(needed):
            next_cost, part, radius = ahead[0]
            cost += next_cost
            if cost <= allowed or not chosen:
                chosen.append((part, radius))
            elif not telling or self.spent + cost > most:
                break
            heapq.heapreplace(ahead, (self._cost(part, radius + 1), part, radius + 1))
        return [] if telling and self.spent + cost > most else chosen

    def affords(self, shells: Sequence[tuple[int, int]], met: Sequence[float]) -> bool:
        """Take note of how many codes each look has met; whether reading them costs less than a scan."""
        self.spent += ROUND + READ * sum(met)
        for (part, radius), found in zip(shells, met, strict=True):
            size = self.sizes[part]
            self.spent += LOOK * comb(size, radius)
            self.radii[part] = radius
            self.full[part] = max(_FADING * found / max(comb(size, radius), 1), self.count / 2**size)
        return self.spent <= self.patience * self.count

    def _cost(self, part: int, radius: int) -> float:
        full = self.full[part] * _FADING ** (radius - self.radii[part] - 1)
        return comb(self.sizes[part], radius) * (LOOK + READ * full)
