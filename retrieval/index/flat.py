"""Exact search: a query is compared with every code.

FAISS does that at the speed of memory, about a millisecond for a million codes of 256 bits, and is never wrong (of very
many codes it makes the distances alone: see scanning.py). A graph
(HNSW) is not offered: on near-duplicates it misses exact matches. FAISS breaks ties by position, so codes are kept in
the order of their ids. A search among some ids gathers their codes and compares those: measured against FAISS's
selectors, that is 30 times faster for a thousand of a million ids, and as fast up to a third of them. A search takes
one core: a millisecond's work is slower shared than done alone, by far where other work has the cores. The cores share
MANY queries, and the codes that a single one is compared with where those are twice LARGE or more.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.index import scanning
from semblance.retrieval.index.contract import Distances, Ids, Rows

ONLY_ONCE = "an id may stand in an index only once"
DEEP = 2**14  # hits beyond which all distances are sorted
MANY = 16  # queries at once from which on the cores share them
LARGE = 2**20  # codes that a core has to itself at least
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_POOL = ThreadPoolExecutor(_CORES, "flat")


def find(wanted: Ids, ids: Ids) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Where each of `wanted`, of any shape, stands in ascending `ids` (N,) or would stand, and whether it is there."""
    positions = np.searchsorted(ids, wanted)
    there = positions < len(ids)
    there[there] = ids[positions[there]] == wanted[there]
    return positions, there


def rows(wanted: Ids, ids: Ids) -> npt.NDArray[np.intp]:
    """The positions in ascending `ids` of those of `wanted` that are there: ascending, each once.

    Sorted before they are sought: np.unique hashes numbers, and takes a hundred times as long as np.sort.
    """
    if not len(ids):
        return np.empty(0, np.intp)
    wanted = np.sort(wanted)
    found: npt.NDArray[np.intp] = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    found = found[ids[found] == wanted]
    return found[np.diff(found, prepend=-1) > 0]


def blank(queries: int, k: int) -> tuple[Distances, Ids]:
    """Distances and ids (queries, k), to be filled."""
    return np.empty((queries, k), np.int32), np.empty((queries, k), np.int64)


class Flat:
    """Codes (N, W) under ascending ids (N,), wherever in memory they lie, to read and to search."""

    def __init__(self, bits: int, ids: Ids, codes: Codes) -> None:
        self.bits = bits
        self._ids, self._codes = ids, codes

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> Ids:
        """See Stored.ids."""
        ids = self._ids.view()
        ids.flags.writeable = False
        return ids

    def has(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """See Stored.has."""
        return find(ids, self._ids)[1]

    def at(self, rows: Rows) -> Codes:
        """See Approximate.at."""
        return self._codes[rows]

    def codes(self, ids: Ids) -> Codes:
        """See Stored.codes."""
        positions = np.searchsorted(self._ids, ids)
        wrong = positions == len(self._ids)
        if wrong.any() or (wrong := self._ids[positions] != ids).any():
            raise KeyError(int(ids[wrong][0]))
        return self._codes[positions]

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """See Exact.search."""
        if self.bits % 8 or codes.dtype != np.uint8 or codes.shape[1:] != self._codes.shape[1:]:  # else it is a code
            packed.check(codes, self.bits)
        if k < 1:
            raise ValueError(f"k is at least 1, not {k}")
        ids, kept = self._ids, self._codes
        if among is not None:
            some = rows(among, ids)
            ids, kept = ids[some], kept[some]
        k = min(k, len(ids))
        if not k or not len(codes):
            return blank(len(codes), k)
        if k > DEEP:
            distances, positions = _sorted(codes, kept, k)
            return distances, ids[positions]
        codes, kept = np.ascontiguousarray(codes), np.ascontiguousarray(kept)
        large = len(kept) >= scanning.MANY and k <= scanning.DEEP and kept.shape[1] in scanning.WIDTHS
        nearest = scanning.nearest if large and len(codes) >= scanning.SEVERAL else faiss.knn_hamming
        if len(codes) >= MANY:
            distances, positions = by_cores(lambda queries: nearest(queries, kept, k), codes)
            return distances, ids[positions]
        if _CORES > 1 and len(kept) >= 2 * LARGE:
            distances, positions = _by_parts(nearest, codes, kept, k)
            return distances, ids[positions]
        threads = faiss.omp_get_max_threads()  # this thread's
        faiss.omp_set_num_threads(1)
        try:
            distances, positions = nearest(codes, kept, k)
        finally:
            faiss.omp_set_num_threads(threads)
        return distances, ids[positions]


def _sorted(codes: Codes, kept: Codes, k: int) -> tuple[Distances, npt.NDArray[np.intp]]:
    """The nearest k and their positions, for a k so large that all distances are sooner sorted than kept in a heap."""
    distances, positions = np.empty((len(codes), k), np.int32), np.empty((len(codes), k), np.intp)
    for row, code in enumerate(codes):
        far = packed.hamming(code[None], kept)[0]
        positions[row] = np.argsort(far, kind="stable")[:k]  # of 16 bits: by counting
        distances[row] = far[positions[row]]
    return distances, positions


def by_cores(
    search: Callable[[Codes], tuple[Distances, npt.NDArray[np.intp]]], codes: Codes
) -> tuple[Distances, npt.NDArray[np.intp]]:
    """What FAISS finds, both (Q, k), of many queries (Q, W), shared out by threads of our own: those of OpenMP wait for
    each other by spinning, which beside other work takes longer than one core alone."""

    def part(queries: Codes) -> tuple[Distances, npt.NDArray[np.intp]]:
        faiss.omp_set_num_threads(1)
        return search(queries)

    distances, positions = zip(*_POOL.map(part, np.array_split(np.ascontiguousarray(codes), _CORES)), strict=True)
    return np.concatenate(distances), np.concatenate(positions)


def _by_parts(
    search: Callable[[Codes, Codes, int], tuple[Distances, npt.NDArray[np.intp]]], codes: Codes, kept: Codes, k: int
) -> tuple[Distances, npt.NDArray[np.intp]]:
    """What `search` finds, both (Q, k), where each core looks through a part of the codes."""
    bounds = np.linspace(0, len(kept), min(_CORES, len(kept) // LARGE) + 1, dtype=np.intp)

    def part(start: np.intp, end: np.intp) -> tuple[Distances, npt.NDArray[np.intp]]:
        faiss.omp_set_num_threads(1)
        distances, positions = search(codes, kept[start:end], k)
        return distances, positions + start

    parts = zip(*_POOL.map(part, bounds[:-1], bounds[1:]), strict=True)
    distances, positions = (np.concatenate(each, axis=1) for each in parts)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]  # of equal ones those of earlier parts first
    return np.take_along_axis(distances, nearest, 1), np.take_along_axis(positions, nearest, 1)


class FlatIndex(Flat):
    """The index in memory. A change makes new arrays, so whoever still reads the old ones reads one state."""

    engine = "flat"

    def __init__(self, bits: int, ids: Ids | None = None, codes: Codes | None = None) -> None:
        """Empty, or with codes (N, W) under ascending ids (N,), which then belong to the index."""
        super().__init__(
            bits,
            np.empty(0, np.int64) if ids is None else ids,
            np.empty((0, packed.width(bits)), np.uint8) if codes is None else codes,
        )

    def add(self, ids: Ids, codes: Codes) -> None:
        """See CodeIndex.add."""
        packed.check(codes, self.bits)
        if len(ids) != len(codes):
            raise ValueError(f"{len(ids)} ids for {len(codes)} codes")
        order = np.argsort(ids, kind="stable")
        ids, codes = np.asarray(ids, np.int64)[order], codes[order]
        where, there = find(ids, self._ids)
        if there.any() or np.any(ids[1:] == ids[:-1]):
            raise ValueError(ONLY_ONCE)
        if len(ids):
            self._ids, self._codes = np.insert(self._ids, where, ids), np.insert(self._codes, where, codes, axis=0)

    def remove(self, ids: Ids) -> int:
        """See CodeIndex.remove."""
        gone = rows(ids, self._ids)
        if len(gone):
            self._ids, self._codes = np.delete(self._ids, gone), np.delete(self._codes, gone, axis=0)
        return len(gone)
