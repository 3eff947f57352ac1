"""Semantic hashing: a code's first bits are an address, and what lies at addresses near the query's is looked at.

Salakhutdinov & Hinton, "Semantic Hashing" (2009), and Krizhevsky & Hinton (2011), whose 28 bits are the most that an
address has here. A table of that many addresses has mostly empty places where there are fewer codes, so as many of
these bits are used as there are codes for, one place a code or two. Places are visited in the order of their distance
from the query's, ball after ball, until as many codes were found as may be compared: so the time of a search hardly
depends on how many codes there are, and what it misses does (tuning.py measures it). What was found is pruned by all
bits of the code.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from semblance.retrieval import arrays, files
from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index.contract import Rows
from semblance.retrieval.index.flat import Flat
from semblance.retrieval.progress import Progress

ADDRESS = 28  # bits
_PLACES = 8  # visited at most for each code that may be compared: most are empty where codes are few
_AT_ONCE = 2**14  # places
_ROWS, _STARTS = "rows.npy", "starts.npy"

Array = npt.NDArray[Any]


class HashIndex(Flat):
    """Codes, and where those of each address are: `rows` (N,) in the order of their addresses, ascending within one,
    and `starts` (2^T + 1,), at which each address begins."""

    engine: ClassVar[str] = "hash"
    efforts: ClassVar[Sequence[int]] = tuple(4**power for power in range(4, 11))  # codes compared, about

    def __init__(self, stored: Flat, rows: Array, starts: Array) -> None:
        super().__init__(stored.bits, stored._ids, stored._codes)
        self._rows, self._starts, self.effort = rows, starts, self.efforts[2]
        self._length = (len(starts) - 1).bit_length() - 1  # T
        self.memory = self._ids.nbytes + self._codes.nbytes + rows.nbytes + starts.nbytes

    @classmethod
    def build(cls, stored: Flat, folder: Path, progress: Progress) -> None:
        """See Engine.build."""
        progress(0, 2)
        length = min(ADDRESS, stored.bits, max(1, math.ceil(math.log2(max(1, len(stored))))))
        addresses = _addresses(stored._codes, length)
        kind = np.int32 if len(stored) < 2**31 else np.int64
        starts = np.zeros(2**length + 1, kind)
        np.cumsum(np.bincount(addresses, minlength=2**length), out=starts[1:])
        with files.made(folder / _STARTS) as file:
            np.save(file, starts)
        progress(1, 2)
        with files.made(folder / _ROWS) as file:
            np.save(file, np.argsort(addresses, kind="stable").astype(kind))
        progress(2, 2)

    @classmethod
    def open(cls, stored: Flat, folder: Path) -> Self:
        """See Engine.open."""
        rows, starts = (arrays.mapped(folder / name) for name in (_ROWS, _STARTS))
        count = len(stored)
        whole = (
            rows.shape == (count,)
            and starts.ndim == 1
            and starts.dtype == rows.dtype
            and rows.dtype in (np.int32, np.int64)
            and math.log2(max(1, len(starts) - 1)).is_integer()
            and 1 < len(starts) <= 2 ** min(ADDRESS, stored.bits) + 1
            and (starts[0], starts[-1]) == (0, count)
            and bool(np.all(starts[1:] >= starts[:-1]))
            and (not count or (rows.min(), rows.max()) == (0, count - 1))
        )
        if not whole:
            raise SnapshotError(f"{folder} holds addresses of other codes than these {count:,}.")
        return cls(stored, rows, starts)

    def candidates(self, codes: Codes, k: int) -> Sequence[Rows]:
        """See Approximate.candidates: the nearest k of those that were compared, and all as near as the last."""
        return [self._near(code, k) for code in codes]

    def _near(self, code: Codes, k: int) -> Rows:
        rows = np.concatenate([np.empty(0, np.intp), *self._visited(code)])
        if len(rows) <= k:
            return rows
        far = packed.hamming(code[None], self._codes.take(rows, axis=0, mode="clip"))[0]
        near: Rows = rows[far <= np.partition(far, k - 1)[k - 1]]
        return near

    def _visited(self, code: Codes) -> Iterator[Rows]:
        """The rows of near addresses, nearest addresses first, until they are as many as the effort says. Where a file
        was damaged since it was opened they may be any number, and are no more than there are codes at one time."""
        address = _addresses(code[None], self._length)[0]
        found = places = 0
        for radius in range(self._length + 1):
            ball = flips(self._length, radius)
            for start in range(0, len(ball), _AT_ONCE):
                near = ball[start : start + _AT_ONCE] ^ address
                first, last = self._starts[near], self._starts[near + 1]
                lengths = last - first
                there = lengths > 0
                first, lengths = first[there], lengths[there]
                total = int(lengths.sum())
                if total > len(self):
                    return
                found, places = found + total, places + len(near)
                yield self._rows.take(ranges(first, lengths), mode="clip").astype(np.intp, copy=False)
                if found >= self.effort or places >= _PLACES * self.effort:
                    return


def _addresses(codes: Codes, length: int) -> npt.NDArray[np.int64]:
    """The first `length` bits of each code (N, W) as a number (N,), the first bit the lowest."""
    first = np.zeros((len(codes), 4), np.uint8)
    first[:, : codes.shape[1]] = codes[:, :4]
    return (first.view("<u4")[:, 0] & np.uint32(2**length - 1)).astype(np.int64)


def ranges(starts: Array, lengths: Array) -> Array:
    """The numbers of all ranges, one after the other: each from its start on, so many as its length."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)


@lru_cache(maxsize=256)
def flips(length: int, radius: int) -> npt.NDArray[np.int64]:
    """All numbers of `length` bits of which `radius` are set: what an address is XORed with for a ball's shell.

    Each is one of a bit less, and a bit above its highest.
    """
    if radius == 0:
        return np.zeros(1, np.int64)
    fewer = flips(length, radius - 1)
    return np.concatenate([fewer[fewer < 2**bit] | 2**bit for bit in range(length)])
