"""Comparing several queries with very many codes, at the speed at which these are read.

FAISS's search keeps the nearest k in a heap as it goes, a branch for each code that takes twice as long as the
comparison itself. FAISS's bare distances (`hammings`) take no longer than adding up the bytes. So distances are made of
one block of codes at a time, small enough to stay beside the core with the distances of several queries, and NumPy
picks those that are nearer than the k-th so far: few, once some codes have been seen. One query waits for the memory
whichever way, and FAISS's search reads that once, and not the distances too.
"""

from typing import Any

import faiss
import numpy as np

from semblance.retrieval.codes import Codes
from semblance.retrieval.index.contract import Distances, Rows

WIDTHS = (8, 16, 32, 64)  # bytes of a code for which FAISS has distances made out by the processor's widest registers
MANY = 2**17  # codes from which on this is quicker
SEVERAL = 5  # queries at once from which on it is
_faiss: Any = faiss  # whose types lack `hammings`
DEEP = 1000  # hits up to which it is
_DISTANCES = 2**18  # made at one time: 1 MB
_BLOCK = 2**16  # codes at most
_QUERIES = 32  # at one time


def nearest(codes: Codes, kept: Codes, k: int) -> tuple[Distances, Rows]:
    """Distances and places, both (Q, k), of the nearest codes of `kept` (N, W) to each of `codes` (Q, W), both
    contiguous, W in WIDTHS, N at least MANY, k at most DEEP. Of equal ones the first are taken, and come in order."""
    parts = [_nearest(codes[at : at + _QUERIES], kept, k) for at in range(0, len(codes), _QUERIES)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _nearest(codes: Codes, kept: Codes, k: int) -> tuple[Distances, Rows]:
    size = min(_BLOCK, _DISTANCES // len(codes))
    best: tuple[Distances, Rows] = faiss.knn_hamming(codes, kept[:size], k)
    space = np.empty(len(codes) * size, np.int32)
    pending: list[tuple[Rows, Distances, Rows]] = []  # queries, distances and places
    waiting = 0
    for start in range(size, len(kept), size):
        block = kept[start : start + size]
        far = space[: len(codes) * len(block)].reshape(len(codes), len(block))
        _faiss.hammings(
            faiss.swig_ptr(codes), faiss.swig_ptr(block), len(codes), len(block), kept.shape[1], faiss.swig_ptr(far)
        )
        last = best[0][:, -1]
        some = np.flatnonzero(far.min(axis=1) < last)  # as near as the last is not enough: it is further behind
        if len(some):
            far = far[some] if len(some) < len(far) else far
            found = np.flatnonzero(far < last[some, None])
            query, place = np.divmod(found, len(block))
            pending.append((some[query], far.ravel()[found], place + start))
            waiting += len(found)
        if waiting >= len(codes) * k:  # sooner would cost more than what is picked in vain meanwhile
            best, pending, waiting = _merged(best, pending), [], 0
    return _merged(best, pending)


def _merged(best: tuple[Distances, Rows], pending: list[tuple[Rows, Distances, Rows]]) -> tuple[Distances, Rows]:
    """The best k of each query, of those so far (Q, k) and of what was found behind them, in the order of places."""
    count, k = best[0].shape
    queries = np.concatenate([np.repeat(np.arange(count), k), *(found[0] for found in pending)])
    distances = np.concatenate([best[0].ravel(), *(found[1] for found in pending)])
    places = np.concatenate([best[1].ravel(), *(found[2] for found in pending)])
    order = np.argsort(queries << 32 | distances, kind="stable")
    first = np.searchsorted(queries[order], np.arange(count))
    taken = order[first[:, None] + np.arange(k)]
    return distances[taken], places[taken]
