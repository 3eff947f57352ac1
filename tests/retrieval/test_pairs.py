"""Pairs of codes against brute force, written anew here with Python's own integers."""

import itertools

import numpy as np
import pytest

from semblance.retrieval.codes import Codes
from semblance.retrieval.pairs import FOUND, Pairs, draws, pairs_within


def brute_force(codes: Codes, radius: int) -> dict[tuple[int, int], int]:
    whole = [int.from_bytes(code.tobytes(), "little") for code in codes]
    far = {(a, b): (whole[a] ^ whole[b]).bit_count() for a, b in itertools.combinations(range(len(whole)), 2)}
    return {pair: distance for pair, distance in far.items() if distance <= radius}


def as_dict(pairs: Pairs) -> dict[tuple[int, int], int]:
    rows = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    return dict(zip(rows, pairs.distance.tolist(), strict=True))


def planted(count: int, width: int, radius: int, seed: int) -> Codes:
    """Random codes, of which every third is the one before with up to `radius` + 3 bits flipped."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (count, 8 * width), np.uint8)
    for row in range(2, count, 3):
        bits[row] = bits[row - 1]
        bits[row, rng.permutation(8 * width)[: rng.integers(0, radius + 4)]] ^= 1
    return np.packbits(bits, axis=1, bitorder="little")


@pytest.mark.parametrize(
    ("count", "width", "radius"), [(600, 32, 25), (300, 8, 5), (257, 4, 0), (1, 32, 25), (0, 32, 25)]
)
def test_all_pairs_of_few(count: int, width: int, radius: int) -> None:
    codes = planted(count, width, radius, seed=1)
    found = pairs_within(codes, radius, 8 * width)
    assert as_dict(found) == brute_force(codes, radius)
    assert [*as_dict(found)] == sorted(as_dict(found))


def test_most_pairs_of_many_and_no_wrong_one() -> None:
    """By sampled bits: none that is not there, and at least the share that is promised, even at the very radius."""
    codes = planted(1500, 32, 25, seed=2)
    expected = brute_force(codes, 25)
    found = as_dict(pairs_within(codes, 25, 256, exact=0))
    assert found.items() <= expected.items()
    assert len(found) >= 0.99 * len(expected) > 300
    furthest = {pair for pair, distance in expected.items() if distance >= 23}
    assert len(found.keys() & furthest) >= 0.97 * len(furthest) > 20


def test_as_many_draws_as_the_sum_says() -> None:
    """A pair at distance 2 of 4 bits agrees in both bits of a draw in one case of six."""
    assert draws(2, 2, 4) == next(n for n in range(1, 100) if 1 - (5 / 6) ** n >= FOUND)
    assert draws(8, 0, 256) == 1


def test_codes_that_share_much_do_not_cost_their_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 30,000 nearly equal codes there are 450 million pairs; each is compared with a few of them."""
    rng = np.random.default_rng(3)
    crowd = np.zeros((30_000, 32), np.uint8)
    crowd[:, 31] = rng.integers(0, 256, 30_000)
    found = pairs_within(np.concatenate([crowd, planted(3000, 32, 25, seed=4)]), 25, 256)
    assert len(crowd) <= len(found) < 30 * len(crowd)
    assert {*found.first.tolist(), *found.second.tolist()} >= {*range(30_000)}


def test_only_wanted_pairs() -> None:
    codes = planted(300, 32, 25, seed=5)
    wanted = lambda one, other: np.minimum(one, other) < 100  # noqa: E731
    expected = {pair for pair in brute_force(codes, 25) if pair[0] < 100}
    for exact in (0, 1000):
        assert {*as_dict(pairs_within(codes, 25, 256, wanted=wanted, exact=exact))} == expected
