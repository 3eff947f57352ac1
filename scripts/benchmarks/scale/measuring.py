"""What is measured of one contender on one set of codes.

Its queries and those of the exact scan take turns, so that a slow moment of the machine meets both. How much memory it
takes is looked up before the exact scan has read anything.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes
from semblance.retrieval.index.flat import Flat
from semblance.scripts.benchmarks.figures import in_turns
from semblance.scripts.benchmarks.scale.contenders import Contender, named
from semblance.scripts.benchmarks.scale.places import BITS, COPIES, Place

BATCH = 64
WANTED = 0.99  # recall@10
ENOUGH = 0.9995  # beyond it no more effort is tried
_TURNS = 5
_SECONDS = 1.5  # that the single queries of an effort may take, and three times that its batches; about
_SLOW = 3.0  # times as long as the exact scan: no more effort is tried,
_AT_LEAST = 5.0  # once it takes so many milliseconds

Say = Callable[..., None]
Point = dict[str, Any]
Floats = npt.NDArray[np.float64]


def build(place: Place, say: Say) -> None:
    """Says `build_s`, `build_peak_mb`, `disk_mb`."""
    contender = named(place.contender)
    place.built.mkdir(exist_ok=True)
    before, started = memory()[0], time.perf_counter()
    contender.build(place)
    seconds = time.perf_counter() - started
    disk = sum(path.stat().st_size for path in place.built.rglob("*") if path.is_file())
    say(build_s=seconds, build_peak_mb=(memory("VmHWM")[0] - before) / 1e6, disk_mb=disk / 1e6)


def search(place: Place, say: Say) -> None:
    """Says `open_ms`, `memory_mb`, `own_mb` (what no file backs), `exact_ms`; a `point` for each effort; `missed` of
    `copies`; for the flat scan `reading_ms`."""
    faiss.omp_set_num_threads(1)
    contender, queries, truth = named(place.contender), np.load(place.queries), np.load(place.truth)
    before, started = memory(), time.perf_counter()
    contender.open(place)
    contender.search(queries[:1], 10)
    opened = 1000 * (time.perf_counter() - started)
    contender.search(queries[:8], 10)
    (total, own), (total_before, own_before) = memory(), before
    say(open_ms=opened, memory_mb=(total - total_before) / 1e6, own_mb=(own - own_before) / 1e6)
    codes = np.load(place.array, mmap_mode="r")
    exact = Flat(BITS, np.arange(len(codes)), codes)
    exact.search(queries[:2], 10)
    points: list[Point] = []
    for effort in contender.efforts:
        contender.spend(effort)
        points.append({"effort": effort, **_point(contender, exact, queries, truth, codes)})
        say(point=points[-1])
        slow = points[-1]["times_exact"] > _SLOW and points[-1]["ms"] > _AT_LEAST
        if slow or points[-1]["recall@10"] >= ENOUGH:
            break
    best = next((point for point in points if point["recall@10"] >= WANTED), points[-1])
    contender.spend(best["effort"])
    _copies(contender, codes, best["ms"], say)
    if place.contender == "flat":
        _reading(contender, np.load(place.array), queries, say)


def _point(contender: Contender, exact: Flat, queries: Codes, truth: Floats, codes: Codes) -> Point:
    """Milliseconds a query, alone and in batches; its share of the exact scan's; recall."""
    first = _seconds(lambda: contender.search(queries[:1], 10))
    beside = _seconds(lambda: exact.search(queries[:1], 10))
    turn = int(np.clip(_SECONDS / _TURNS / max(first + beside, 1e-6), 1, len(queries) // _TURNS))
    taken: Floats = np.zeros((_TURNS, 2))
    for at in range(_TURNS):
        some = queries[at * turn : (at + 1) * turn, None]
        taken[at] = [_seconds(lambda: [index.search(one, 10) for one in some]) / turn for index in (contender, exact)]  # noqa: B023
    single, scan = np.median(taken, axis=0)
    point = {"ms": 1000 * single, "exact_ms": 1000 * scan, "times_exact": float(np.median(taken[:, 0] / taken[:, 1]))}
    batches = int(np.clip(3 * _SECONDS / (BATCH * first), 0, len(queries) // BATCH))
    asked = queries[: max(batches * BATCH, min(8, len(queries)))]
    for k, kth in ((10, truth[:, 0]), (100, truth[:, 1])):
        started = time.perf_counter()
        parts = np.array_split(asked, max(batches, 1))
        found = [contender.search(part, k)[1] for part in parts]
        if k == 10 and batches:
            point["batch_ms"] = 1000 * (time.perf_counter() - started) / len(asked)
        point[f"recall@{k}"] = _recall(found, asked, kth, codes, k)
    return point


def _recall(found: list[npt.NDArray[np.int64]], asked: Codes, kth: Floats, codes: Codes, k: int) -> float:
    rows = (row for part in found for row in part)
    each = zip(rows, asked, kth[: len(asked)], strict=True)
    return float(np.mean([recall(row, query, float(far), codes, k) for row, query, far in each]))


def recall(rows: npt.NDArray[np.int64], query: Codes, kth: float, codes: Codes, k: int) -> float:
    """The share of the k nearest that were found: whatever is as near as the k-th of them counts, each once."""
    rows = np.unique(rows[(rows >= 0) & (rows < len(codes))])
    near = np.bitwise_count(codes[rows] ^ query).sum(axis=1, dtype=np.int64) <= kth
    return float(min(near.sum() / min(k, len(codes)), 1.0))


def _copies(contender: Contender, codes: Codes, ms: float, say: Say) -> None:
    """How often a code that is in the set itself is asked for and not found."""
    count = int(np.clip(4000 / max(ms, 1e-3), 10, COPIES))
    rows = np.sort(np.random.default_rng(3).integers(0, len(codes), count))
    found = [contender.search(codes[row : row + 1], 10)[1][0] for row in rows]
    same = [(codes[near[near >= 0]] == codes[row]).all(axis=1).any() for near, row in zip(found, rows, strict=True)]
    say(copies=count, missed=count - int(np.sum(same)))


def _reading(contender: Contender, codes: Codes, queries: Codes, say: Say) -> None:
    """The flat scan beside reading the same bytes once."""
    words, one = codes.view(np.uint64), queries[:1]
    times = int(np.clip(4 / (len(codes) * 2e-9), 5, 51))
    scan, read = in_turns([lambda: contender.search(one, 10), lambda: words.sum()], times)
    say(scan_ms=1000 * scan, reading_ms=1000 * read)


def _seconds(task: Callable[[], object]) -> float:
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def memory(peak: str = "VmRSS") -> tuple[int, int]:
    """Bytes of this process in memory (or at most so far, VmHWM), and those of them that no file backs."""
    with Path("/proc/self/status").open() as status:
        lines = dict(line.split(":", 1) for line in status)
    return 1024 * int(lines[peak].split()[0]), 1024 * int(lines["RssAnon"].split()[0])
