"""Which of many codes are near each other: all pairs, among a million in minutes.

Up to EXACT codes all are compared. Beyond, bits are sampled (locality-sensitive hashing: Indyk & Motwani, "Approximate
Nearest Neighbors", 1998): codes that agree in k bits drawn at random are compared, in as many draws as find a pair at
the very radius with probability FOUND, whatever the codes are; nearer pairs are found more surely. Of n bits a pair at
distance r agrees in k with probability C(n - r, k) / C(n, k). The k that costs least is measured on the codes
themselves, since bits that go together put more codes into one bucket.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress, quiet

EXACT = 5_000  # codes up to which all are compared: if all are near, 12 million pairs
FOUND = 0.995  # of the pairs at the radius
_SAMPLED = (8, 16, 24, 32, 40, 48)  # bits that a draw may take: whole bytes
_SORTING, _COMPARING = 0.1, 0.1  # microseconds a code in a draw, and a candidate: what they cost beside each other
_LONG = 1024  # codes in a bucket beyond which each is compared with its _LEADERS alone: else a crowd costs its square
_LEADERS = 2
_BLOCK = 256  # codes compared with all behind them at one time
_PASSED_OVER = 0.001  # of the codes, that may lie in such buckets though they are no crowd
_AT_ONCE = 1_000_000  # candidates compared at one time, of some 100 bytes each

Rows = npt.NDArray[np.int64]
Wanted = Callable[[Rows, Rows], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Pairs:
    """P pairs of rows: `first` < `second`, and their `distance`, all (P,); ascending by both rows."""

    first: Rows
    second: Rows
    distance: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.first)


def pairs_within(
    codes: Codes,
    radius: int,
    bits: int,
    *,
    wanted: Wanted | None = None,
    exact: int = EXACT,
    threads: int | None = None,
    progress: Progress = quiet,
) -> Pairs:
    """The pairs among codes (N, W) of `bits` bits that are at most `radius` apart, and are `wanted` (rows, rows ->
    bool).

    All of them up to `exact` codes; beyond, each at least with probability FOUND, but for codes of which more than
    _LONG agree in all bits of a draw: these are compared with a few of them. Equal codes are best given once. Takes
    some 100 MB, 150 bytes a code and 24 a pair. The draws are the same in every run.
    """
    words = _words(codes)
    if len(codes) <= exact:
        total = -(-len(codes) // _BLOCK)
        work = (partial(_block, words, _BLOCK * number, radius, wanted) for number in range(total))
    else:
        sampled, total = _cheapest(codes, radius, bits)
        columns = np.ascontiguousarray(codes.T)  # (W, N): a bit of all codes lies together
        draws = (np.random.default_rng([sampled, draw]).permutation(bits)[:sampled] for draw in range(total))
        work = (partial(_draw, words, columns, drawn, radius, wanted) for drawn in draws)
    keys, kept = np.empty(0, np.uint64), list[npt.NDArray[np.uint64]]()
    progress(0, total)
    for done, found in enumerate(in_order(lambda task: task(), work, threads, ahead=threads), 1):
        kept.append(found)
        if sum(map(len, kept)) > len(keys) + _AT_ONCE or done == total:
            keys, kept = _once(np.concatenate([keys, *kept])), []
        progress(done, total)
    first, second = (part.astype(np.int64) for part in np.divmod(keys, np.uint64(max(len(codes), 1))))
    return Pairs(first, second, _distances(words, first, second))


def draws(sampled: int, radius: int, bits: int) -> int:
    """How many draws of `sampled` bits find a pair at `radius` with probability FOUND."""
    agreeing = math.comb(bits - radius, sampled) / math.comb(bits, sampled)
    return math.ceil(math.log(1 - FOUND) / math.log1p(-agreeing)) if 0 < agreeing < 1 else 1


def _words(codes: Codes) -> npt.NDArray[np.uint64]:
    padded = np.zeros((len(codes), -(-codes.shape[1] // 8) * 8), np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded.view(np.uint64)


def _distances(words: npt.NDArray[np.uint64], first: Rows, second: Rows) -> npt.NDArray[np.uint16]:
    differing = np.bitwise_count(words[first] ^ words[second])
    out: npt.NDArray[np.uint16] = differing[:, 0].astype(np.uint16)
    for word in range(1, words.shape[1]):
        out += differing[:, word]
    return out


def _keys(rows: int, first: Rows, second: Rows, wanted: Wanted | None) -> npt.NDArray[np.uint64]:
    """Those pairs that are wanted, each as the one number lower row x `rows` + higher row."""
    if wanted is not None:
        asked = wanted(first, second)
        first, second = first[asked], second[asked]
    return (np.minimum(first, second) * rows + np.maximum(first, second)).astype(np.uint64)


def _once(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Sorted, each once; np.unique would hash them, which takes longer."""
    keys = np.sort(keys)
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys


def _block(words: npt.NDArray[np.uint64], start: int, radius: int, wanted: Wanted | None) -> npt.NDArray[np.uint64]:
    """The near pairs of _BLOCK rows from `start` on with themselves and those behind them."""
    distances = packed.hamming(words[start : start + _BLOCK].view(np.uint8), words[start:].view(np.uint8))
    first, second = (found.astype(np.int64) + start for found in np.nonzero(distances <= radius))
    later = first < second
    return _keys(len(words), first[later], second[later], wanted)


def _draw(
    words: npt.NDArray[np.uint64], columns: Codes, drawn: npt.NDArray[np.int64], radius: int, wanted: Wanted | None
) -> npt.NDArray[np.uint64]:
    """The near pairs of those that agree in the bits that were drawn."""
    order, starts, lengths = _buckets(columns, drawn)
    words = words[order]  # so that what is compared lies together
    parts = [np.empty(0, np.uint64)]
    for left, right in _candidates(starts, lengths):
        for at in range(0, len(left), _AT_ONCE):
            some = slice(at, at + _AT_ONCE)
            near = np.flatnonzero(_distances(words, left[some], right[some]) <= radius)
            parts.append(_keys(len(words), order[left[some][near]], order[right[some][near]], wanted))
    return np.concatenate(parts)


def _buckets(columns: Codes, drawn: npt.NDArray[np.int64]) -> tuple[Rows, Rows, Rows]:
    """Rows sorted by the bits that were drawn, and where each bucket of two or more begins and how long it is."""
    key = np.zeros((columns.shape[1], 4 if len(drawn) <= 32 else 8), np.uint8)
    for byte in range(len(drawn) // 8):
        part = np.zeros(columns.shape[1], np.uint8)
        for place, bit in enumerate(drawn[8 * byte : 8 * byte + 8].tolist()):
            part |= ((columns[bit >> 3] >> (bit & 7)) & 1) << place
        key[:, byte] = part
    keys = key.view(np.uint32 if key.shape[1] == 4 else np.uint64)[:, 0]
    order = np.argsort(keys)
    keys = keys[order]
    edges = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1], [True]]))
    lengths = np.diff(edges)
    several = lengths > 1
    return order, edges[:-1][several], lengths[several]


def _candidates(starts: Rows, lengths: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of places in the sorted order that share a bucket."""
    long = lengths > _LONG
    for start, length in zip(starts[long].tolist(), lengths[long].tolist(), strict=True):
        for leader in range(start, start + _LEADERS):
            right = np.arange(leader + 1, start + length)
            yield np.full(len(right), leader), right
    starts, lengths = starts[~long], lengths[~long]
    step = 1
    while len(starts):
        # Each place of a bucket with the one `step` behind it: as many as the bucket is longer than that.
        counts = lengths - step
        left = np.repeat(starts - np.concatenate([[0], counts.cumsum()[:-1]]), counts) + np.arange(counts.sum())
        yield left, left + step
        step += 1
        starts, lengths = starts[lengths > step], lengths[lengths > step]


def _cheapest(codes: Codes, radius: int, bits: int) -> tuple[int, int]:
    """How many bits a draw takes, and how many draws there are, so that all cost least: by one draw of each length."""
    columns = np.ascontiguousarray(codes.T)
    costs = []
    for sampled in (size for size in _SAMPLED if size <= bits - radius):
        drawn = np.random.default_rng(sampled).permutation(bits)[:sampled]
        _, _, lengths = _buckets(columns, drawn)
        long = lengths > _LONG
        compared = np.where(long, _LEADERS * lengths, lengths * (lengths - 1) // 2).sum()
        number = draws(sampled, radius, bits)
        cost = number * (_SORTING * len(codes) + _COMPARING * float(compared))
        costs.append((cost, sampled, number, float(lengths[long].sum()) / len(codes)))
    passed_over = costs[-1][3] + _PASSED_OVER  # beside crowds, which the longest draw cannot tell apart either
    return min(cost for cost in costs if cost[3] <= passed_over)[1:3]
