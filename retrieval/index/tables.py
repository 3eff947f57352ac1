"""The tables of multi-index hashing (mih.py): of each part of a code, which codes have which key.

A key is a number that a part's bits make. Which keys there are is a bitmap, one bit a key; where the rows of each key
that is there begin is a list, and how many keys are there before each 64 is another. So a look at a key that is not
there reads a bit, and keys may well be five times as many as codes: a list with a place for each would be larger than
the codes. Of all parts the tables lie one after the other, so that looks into several are one step of NumPy's.

    shared.npy   (bits,)      int64    which bits the first part has, then those of the next
    present.npy  (words,)     uint64   the bitmaps
    before.npy   (words,)     uint32   how many keys are present before each word
    starts.npy   (keys + 1,)  uint32   where the rows of each present key begin
    rows.npy     (m x N,)     uint32   the rows, ascending for each key
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes as packed
from semblance.retrieval import files
from semblance.retrieval.arrays import mapped
from semblance.retrieval.codes import BIT_ORDER, Codes
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index.hashing import flips
from semblance.retrieval.progress import Progress

WIDEST = 32  # bits of a key
_ROOM = 2.3  # log2 of how many keys there are for each code: the best balance of looks in vain and candidates in vain
_AT_ONCE = 2**14  # codes
_SAMPLED = 2**14  # codes that say which bits go together
_TRIED = 16  # codes that are looked for when tables are opened

_KINDS = ("present", "before", "starts", "rows")

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def sizes(bits: int, count: int) -> list[int]:
    """How many bits each part has, of `count` codes of `bits` bits: they differ by at most one, the largest first."""
    m = max(-(-bits // WIDEST), round(bits / (math.log2(count + 1) + _ROOM)), 1)
    return [bits // m + (part < bits % m) for part in range(m)]


def share_out(sample: Codes, bits: int, sizes: list[int]) -> Numbers:
    """Which bits (bits,) each part has, one part after the other; `sample` (N, W) says which bits go together.

    Those are put into different parts, so that a part's keys are filled evenly: Norouzi et al. (2014), section 5. The
    bits that go together with most others choose first.
    """
    signs = packed.unpack(sample, bits).astype(np.float32)
    signs -= signs.sum(axis=0) / max(len(signs), 1)
    length = np.sqrt(np.square(signs).sum(axis=0)) + 1e-9
    together = np.square(signs.T @ signs / (length[:, None] * length))
    shared: list[list[int]] = [[] for _ in sizes]
    for bit in np.argsort(-together.sum(axis=0), kind="stable"):
        room = [part for part, size in enumerate(sizes) if len(shared[part]) < size]
        best = min(room, key=lambda part: (together[bit, shared[part]].sum(), len(shared[part])))
        shared[best].append(int(bit))
    return np.concatenate(shared).astype(np.int64)


class Tables:
    """The tables of codes (N, W) in files that are mapped."""

    def __init__(self, sizes: list[int], arrays: dict[str, npt.NDArray[Any]]) -> None:
        self.sizes, self._arrays = sizes, arrays
        self._shared, self._present, self._before, self._starts, self._rows = arrays.values()
        self.nbytes = sum(array.nbytes for array in arrays.values())
        # Bits times these are the lower and the upper 16 bits of each part's key, which floats hold exactly.
        self._weights = np.zeros((len(self._shared), 2 * len(sizes)), np.float32)
        starts = np.cumsum(sizes) - sizes
        for part, (start, size) in enumerate(zip(starts.tolist(), sizes, strict=True)):
            place = np.arange(size)
            self._weights[self._shared[start : start + size], 2 * part + place // 16] = 2.0 ** (place % 16)
        of_part = [_words(size) for size in sizes]
        self._first = 64 * (np.cumsum(of_part) - of_part)  # of each part, the first of its keys among all parts'

    @classmethod
    def build(cls, codes: Codes, bits: int, folder: Path, progress: Progress) -> None:
        """Write the tables of codes (N, W) into `folder`. Takes about 12 bytes in memory for each code and part. Raises
        OSError."""
        parted, count = sizes(bits, len(codes)), len(codes)
        sample = codes.take(np.arange(0, count, -(-count // _SAMPLED) or 1), axis=0)
        shared, nothing = share_out(sample, bits, parted), np.empty(0, np.uint32)
        tables = cls(parted, {"shared": shared, **dict.fromkeys(_KINDS, nothing)})
        keys = np.empty((len(parted), count), np.uint32)
        for start in range(0, count, _AT_ONCE):
            keys[:, start : start + _AT_ONCE] = (tables.keys(codes[start : start + _AT_ONCE]) - tables._first).T
            progress(start, count * (len(parted) + 1))
        kind = np.uint32 if keys.size < 2**32 else np.uint64
        bitmaps, starts = [], []
        for part, of_part in enumerate(keys):
            bitmap, first, rows = _sorted(of_part, parted[part])
            bitmaps.append(bitmap)
            starts.append((first + part * count).astype(kind))
            of_part[:] = rows
            progress(count * (part + 2), count * (len(parted) + 1))
        present = np.concatenate(bitmaps)
        before = np.cumsum(np.bitwise_count(present), dtype=kind) - np.bitwise_count(present).astype(kind)
        ends = np.concatenate([*starts, np.array([keys.size], kind)])
        for name, array in zip(("shared", *_KINDS), (shared, present, before, ends, keys.ravel()), strict=True):
            with files.made(folder / f"{name}.npy") as file:
                np.save(file, array)

    @classmethod
    def open(cls, codes: Codes, bits: int, folder: Path) -> Self:
        """Map the tables of codes (N, W). SnapshotError where they are damaged or of other codes: sizes tell, and some
        codes that are looked for."""
        arrays = {name: np.asarray(mapped(folder / f"{name}.npy")) for name in ("shared", *_KINDS)}
        parted = sizes(bits, len(codes))
        if not _fits(arrays, bits, parted, len(codes)) or not (tables := cls(parted, arrays))._has(codes):
            raise SnapshotError(f"{folder} holds tables of other codes than these {len(codes):,}.")
        return tables

    def _has(self, codes: Codes) -> bool:
        """Whether some of these codes (N, W) are where their keys are."""
        tried = np.unique(np.linspace(0, len(codes) - 1, _TRIED).astype(np.int64)) if len(codes) else np.empty(0, int)
        for row, keys in zip(tried.tolist(), self.keys(codes.take(tried, axis=0)), strict=True):
            starts, lengths, of = self.find(keys, [(part, 0) for part in range(len(self.sizes))])
            for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
                at = start + np.searchsorted(self._rows[start : start + length], row)
                if at == start + length or self._rows[at] != row:
                    return False
            if len(of) < len(self.sizes):
                return False
        return True

    def keys(self, codes: Codes) -> Numbers:
        """The keys (N, m) of codes (N, W), numbered on from part to part; a part's own bits are the lowest."""
        bits = np.unpackbits(codes, axis=1, count=len(self._shared), bitorder=BIT_ORDER)
        halves = (bits.astype(np.float32) @ self._weights).astype(np.int64)
        return self._first + (halves[:, ::2] | halves[:, 1::2] << 16)

    def find(self, keys: Numbers, shells: Sequence[tuple[int, int]]) -> tuple[Numbers, Numbers, Numbers]:
        """Of all keys that differ from `keys` (m,) by so many bits of such a part: where the rows of those that are
        there begin, how many each has, and which of `shells`, of parts and bits, it is of."""
        hits = [self._present_of(flips(self.sizes[part], radius) ^ keys[part]) for part, radius in shells]
        key = np.concatenate(hits)
        starts, ends = (self._starts.take(at, mode="clip").astype(np.int64) for at in (key, key + 1))
        return starts, np.maximum(ends - starts, 0), np.repeat(np.arange(len(shells)), [len(each) for each in hits])

    def _present_of(self, keys: Numbers) -> Numbers:
        """Which numbers those of `keys` (L,) have that are there, among all that are there."""
        word, bit = keys >> 6, (keys & 63).view(np.uint64)
        present = self._present.take(word)
        at = np.flatnonzero(present >> bit & np.uint64(1))
        lower = present[at] & ((np.uint64(1) << bit[at]) - np.uint64(1))
        numbers: Numbers = self._before.take(word[at]).astype(np.int64) + np.bitwise_count(lower)
        return numbers

    def rows(self, places: Numbers) -> npt.NDArray[np.uint32]:
        """The rows of codes at these places (N,). Where a file was damaged since, they may be any number."""
        rows: npt.NDArray[np.uint32] = self._rows.take(places, mode="clip")
        return rows


def _words(size: int) -> int:
    """Words of 64 bits in the bitmap of a part of `size` bits."""
    return max(1, 1 << size >> 6)


def _sorted(keys: npt.NDArray[np.uint32], size: int) -> tuple[Words, Numbers, Numbers]:
    """Of one part's keys (N,): its bitmap, where the rows of each present key begin, and the rows (N,)."""
    both = keys.astype(np.uint64) << np.uint64(32) | np.arange(len(keys), dtype=np.uint64)
    both.sort()  # by far sooner done than argsort
    ordered, rows = (both >> np.uint64(32)).astype(np.int64), (both & np.uint64(2**32 - 1)).astype(np.int64)
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    present = ordered[first]
    bitmap = np.zeros(_words(size), np.uint64)
    if len(present):
        of_word = np.flatnonzero(np.diff(present >> 6, prepend=-1))
        set_bits = np.uint64(1) << (present & 63).astype(np.uint64)
        bitmap[present[of_word] >> 6] = np.bitwise_or.reduceat(set_bits, of_word)
    return bitmap, first, rows


def _fits(arrays: dict[str, npt.NDArray[Any]], bits: int, parted: list[int], count: int) -> bool:
    """Whether arrays as they were read are tables of `count` codes, as far as kinds and sizes tell."""
    shared, present, before, starts, rows = arrays.values()
    kind = np.uint32 if count * len(parted) < 2**32 else np.uint64
    length, keys = sum(map(_words, parted)), len(starts) - 1 if starts.ndim == 1 else -1
    return (
        [array.dtype for array in arrays.values()] == [np.int64, np.uint64, kind, kind, np.uint32]
        and [array.shape for array in arrays.values()]
        == [(bits,), (length,), (length,), (keys + 1,), (count * len(parted),)]
        and np.array_equal(np.sort(shared), np.arange(bits))
        and keys == before[-1] + np.bitwise_count(present[-1])
        and starts[-1] == len(rows)
    )
