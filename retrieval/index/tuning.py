"""How much effort an engine needs on its own codes, and what it saves: measured where it is to serve, never guessed.

How many lists must be probed depends on the codes: on how they cluster, and on how many there are. So an engine is
asked with codes of its own, each with itself passed over, which are as near to the others as a new picture's would be,
and what it proposes is held against a scan. Ties are counted fairly, as the audit of a service counts them: of codes as
near as the last of the exact answer, each is as right as another.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.index.contract import Approximate, Distances, Engine, Rows
from semblance.retrieval.index.flat import Flat
from semblance.retrieval.index.overlay import Overlay

QUERIES = 500  # 5,000 hits for k = 10: a recall of 0.99 is known to some 0.002
TIMED = 30  # of them, that are asked one by one
SAMPLE = 2**22  # codes scanned to know what a scan costs: of 256 bits 128 MB, more than lies near most cores
_DRAWN = 2**14  # different ones among them
_SCANS = 9


@dataclass(frozen=True)
class Tuned:
    """What one search costs at an effort: medians, one query, beside a scan of all codes in turns."""

    effort: int
    recall: float  # recall@k on held-out looking queries; 1 where the engine is exact
    milliseconds: float
    exact_milliseconds: float


def tune(engine: Engine, recall: float = 0.99, k: int = 10, seed: int = 0, queries: int = QUERIES) -> Tuned:
    """Set the least effort at which `engine`, a flat.Flat, has this recall@k, or else the most there is; how it does.

    Takes `queries` scans of all codes for the truth, and as many searches for some of the efforts.
    """
    assert isinstance(engine, Flat)
    asked: Rows = np.random.default_rng(seed).permutation(len(engine))[:queries]
    k = min(k, len(engine) - 1)
    if k < 1:
        engine.effort = engine.efforts[0]
        return Tuned(engine.effort, 1.0, 0.0, 0.0)
    reached = 1.0
    if isinstance(engine, Approximate):
        last = _last(engine, asked, k)
        known: dict[int, float] = {}

        def at(effort: int) -> float:
            engine.effort = effort
            known[effort] = _recall(engine, asked, k, last)
            return known[effort]

        engine.effort = _least(list(engine.efforts), lambda effort: at(effort) >= recall)
        reached = known[engine.effort] if engine.effort in known else at(engine.effort)
    else:
        engine.effort = engine.efforts[0]
    index = Overlay(engine)
    own, scan = _in_turns(
        lambda code: index.search(code, k), lambda code: Flat.search(engine, code, k), engine.at(asked[:TIMED])
    )
    return Tuned(engine.effort, reached, own, scan)


def scan_milliseconds(bits: int, sample: int = SAMPLE) -> float:
    """What an exact search costs for each code of `bits` bits that it reads, now, on this machine: the least of some
    scans of `sample` codes, since what else the machine does at this moment it will not do for ever."""
    width = packed.width(bits)
    random = np.random.default_rng(0).integers(0, 256, (_DRAWN, width), np.uint8)
    if bits % 8:
        random[:, -1] &= (1 << bits % 8) - 1
    codes = np.resize(random, (sample, width))  # again and again the same: to draw all would take longer than the scans
    flat = Flat(bits, np.arange(sample), codes)
    return min(_milliseconds(lambda code: flat.search(code, 10), code) for code in codes[:_SCANS, None]) / sample


def _least(efforts: list[int], enough: Callable[[int], bool]) -> int:
    """The least of the rising efforts that is enough, or the last."""
    low, high = 0, len(efforts) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(efforts[middle]) else (middle + 1, high)
    return efforts[low]


def _last(engine: Flat, asked: Rows, k: int) -> npt.NDArray[np.int32]:
    """How far the k-th nearest of each of these rows is, the row itself passed over: (Q,)."""
    distances: Distances = Flat.search(engine, engine.at(asked), k + 1)[0]
    return distances[:, k]  # the row itself is one of the k + 1, or as good as one that stands in its place


def _recall(engine: Approximate, asked: Rows, k: int, last: npt.NDArray[np.int32]) -> float:
    """What share of the k nearest the engine proposes, in the mean of the rows asked, since all of that is ranked."""
    found = 0
    for at in range(0, len(asked), 64):
        some = asked[at : at + 64]
        codes: Codes = engine.at(some)
        for row, code, far, proposed in zip(
            some, codes[:, None], last[at : at + 64], engine.candidates(codes, k + 1), strict=True
        ):
            rows = np.unique(proposed[(proposed >= 0) & (proposed < len(engine)) & (proposed != row)])
            found += min(k, int(np.sum(packed.hamming(code, engine.at(rows))[0] <= far)))
    return found / (k * len(asked))


def _in_turns(one: Callable[[Codes], object], other: Callable[[Codes], object], codes: Codes) -> tuple[float, float]:
    """The median milliseconds of each for one code, asked in turns, so that other work slows both down."""
    times = [(_milliseconds(one, code), _milliseconds(other, code)) for code in codes[:, None]]
    median = np.median(np.array(times), axis=0)
    return float(median[0]), float(median[1])


def _milliseconds(search: Callable[[Codes], object], code: Codes) -> float:
    began = time.perf_counter()
    search(code)
    return 1000 * (time.perf_counter() - began)
