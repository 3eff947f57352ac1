"""Codes that look like real ones, as many as are asked: what engines past a million pictures are measured on.

Random codes would say nothing: all are as far from each other, and no engine has anything to prune. Real ones lie in
clusters, and with each doubling of a collection the nearest come nearer by as many bits. So a set of real codes is
grown by doubling. Each code has a child, which has every bit from the code itself or from one of MATES near it, and
flips beside, by the rate of each bit between nearest; and it is as far from its parent as the nearest are at that size.
Who is near whom is known among the real codes; later the family tree says it. Last, some become copies of others.

How like real ones they are: checking.py, and docs/scaling.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes

BLOCK = 2**18  # codes made at a time
SOURCES = 2**16  # real codes that sets are grown from, at most
NEAR = 16  # of so many nearest, itself among them, one is a mate; a power of two
MATES = 15  # one less than a power of two
EXTRA = 4  # bits by which a child is farther from its parent than from the nearest that it will have
COPIES, TWINS, FLIPS = 0.04, 0.01, 12  # the share of copies with 1 to so many bits flipped, and of exact ones
_DIGITS = 6  # binary digits of a probability

Rng = np.random.Generator
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sources:
    """Real codes (R, W) in random order, and what was measured of them."""

    codes: Codes
    near: Rows  # (R, NEAR): each itself and its nearest others, ascending
    rates: npt.NDArray[np.float64]  # (bits,): how often each bit differs between nearest, over the mean
    nearest: float  # mean distance to the nearest
    fall: float  # bits by which that falls with each doubling


def measured(real: Codes, seed: int = 0) -> Sources:
    """Sources of real codes uint8 (N, W), N at least 2 * NEAR: at most SOURCES of them, each code once."""
    rng = np.random.default_rng(seed)
    codes = np.unique(real, axis=0)
    codes = np.ascontiguousarray(codes[rng.permutation(len(codes))[:SOURCES]])
    distances, near = faiss.knn_hamming(codes, codes, NEAR)
    differing = codes ^ codes[near[:, 1]]
    rates = np.unpackbits(differing, axis=1, bitorder="little").mean(axis=0)
    half = codes[: len(codes) // 2]
    nearest, sparser = float(distances[:, 1].mean()), float(faiss.knn_hamming(half, half, 2)[0][:, 1].mean())
    return Sources(codes, near.astype(np.int64), rates / rates.mean(), nearest, sparser - nearest)


def grow(sources: Sources, out: Codes, seed: int = 0, copies: bool = True) -> None:
    """Fill `out` uint8 (N, W), in memory or a memory map: of the sources as many as have room, then their offspring."""
    real = len(sources.codes)
    have = min(real, len(out))
    out[:have] = sources.codes[:have]
    while have < len(out):
        more = min(have, len(out) - have)
        for start, end in _blocks(more):
            rng = np.random.default_rng([seed, have, start])
            out[have + start : have + end] = _children(sources, out[:have], np.arange(start, end), 2 * have, rng)
        have += more
    if copies and len(out) > real:
        for start, end in _blocks(len(out) - real):
            _copy(sources, out, real + start, real + end, np.random.default_rng([seed, 0, start]))


def more(sources: Sources, grown: Codes, count: int, seed: int = 1) -> Codes:
    """Codes (count, W) that a grown set might have had and has not: queries as those of its own kind."""
    rng = np.random.default_rng(seed)
    roots = len(sources.codes)
    families = grown[: roots << (len(grown) // roots).bit_length() - 1]  # the whole ones
    return _children(sources, families, rng.integers(0, len(families), count), len(grown), rng)


def _children(sources: Sources, grown: Codes, parents: Rows, size: int, rng: Rng) -> Codes:
    """A child (N, W) of each parent, as far from it as the nearest are among `size` codes. In `grown` each source has
    as many offspring, and the code in a place is of the source `place % sources`."""
    code, members = grown[parents], len(grown) // len(sources.codes)
    mixed = [code, *(grown[_mates(sources, parents, members, rng)] for _ in range(MATES))]
    while len(mixed) > 1:
        mixed = [
            one ^ ((one ^ two) & _random(code.shape, rng)) for one, two in zip(mixed[::2], mixed[1::2], strict=True)
        ]
    differing = mixed[0] ^ code
    wanted = max(sources.nearest - sources.fall * np.log2(size / len(sources.codes)) + EXTRA, 1.5 * FLIPS)
    far = float(np.bitwise_count(differing).sum(axis=1).mean())
    if far > wanted:
        return code ^ (differing & _bernoulli(np.full(8 * code.shape[1], wanted / far), len(code), rng))
    rates = np.minimum((wanted - far) / (8 * code.shape[1] - far) * sources.rates, 0.5)
    return mixed[0] ^ (_bernoulli(rates, len(code), rng) & ~differing)


def _mates(sources: Sources, parents: Rows, members: int, rng: Rng) -> Rows:
    """For each parent the place of one of its nearest: of a near root's family, or, where families are larger than
    NEAR, of those of its own that parted last."""
    roots = len(sources.codes)
    root, member = parents % roots, parents // roots
    elder = max(members // NEAR, 1)
    near: Rows = sources.near[root, rng.integers(0, max(NEAR // members, 1), len(parents))]
    mates: Rows = near + roots * (member % elder + elder * rng.integers(0, members // elder, len(parents)))
    return mates


def _random(shape: tuple[int, ...], rng: Rng) -> Codes:
    return np.frombuffer(rng.bytes(shape[0] * shape[1]), np.uint8).reshape(shape)


def _copy(sources: Sources, out: Codes, start: int, end: int, rng: Rng) -> None:
    """Make some of the codes from `start` to `end` copies of any before `end`."""
    chosen = start + np.flatnonzero(rng.random(end - start) < COPIES + TWINS)
    codes = out[rng.integers(0, end, len(chosen))]
    twins = round(len(chosen) * TWINS / (COPIES + TWINS))
    out[chosen] = codes
    if len(chosen) > twins:
        out[chosen[twins:]] = flipped(sources, codes[twins:], rng)


def flipped(sources: Sources, codes: Codes, rng: Rng) -> Codes:
    """Codes (N, W) with 1 to FLIPS bits the other way, those sooner that differ between near neighbours."""
    bits = 8 * codes.shape[1]
    order = np.argsort(rng.exponential(1 / np.maximum(sources.rates, 1e-3), (len(codes), bits)), axis=1)
    flips = np.zeros((len(codes), bits), np.bool_)
    np.put_along_axis(flips, order, np.arange(bits) < rng.integers(1, FLIPS + 1, (len(codes), 1)), axis=1)
    return codes ^ np.packbits(flips, axis=1, bitorder="little")


def _bernoulli(rates: npt.NDArray[np.float64], count: int, rng: Rng) -> Codes:
    """Random bits (count, bits / 8), each set with its rate (bits,): of its binary digits, the last first, each meets
    a random bit, by `or` where it is 1 and by `and` where it is 0."""
    made = np.zeros((count, len(rates) // 8), np.uint8)
    digits = np.minimum(np.round(rates * 2**_DIGITS).astype(np.int64), 2**_DIGITS - 1)
    for place in range(_DIGITS):
        one = np.packbits(digits >> place & 1, bitorder="little")
        random = _random(made.shape, rng)
        made = (random & made) | (one & (random | made))
    return made


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
