"""Pairs and groups of codes against brute force, written anew here with Python's own integers."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from semblance.retrieval.codes import Codes
from semblance.retrieval.grouping import FOUND, SPREAD, Pairs, between, draws, groups, pairs_within


def flipped(code: int, *bits: int) -> int:
    for bit in bits:
        code ^= 1 << bit
    return code


def packed(codes: list[int], width: int = 32) -> Codes:
    return np.frombuffer(b"".join(code.to_bytes(width, "little") for code in codes), np.uint8).reshape(-1, width)


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


def grouped(codes: list[int], within: int, apart: set[tuple[int, int]] = frozenset()) -> list[list[int]]:  # type: ignore[assignment]
    made = packed(codes)
    return groups(made[:, None], pairs_within(made, within, 256), within, range(len(codes)), apart)


def test_unlike_pictures_are_not_chained() -> None:
    """A near B, B near C, C near D, 20 bits each: A and C are 40 apart, further than once and a half 25."""
    chain = [flipped(0, *range(20 * step)) for step in range(4)]
    assert grouped(chain, 25) == [[0, 1], [2, 3]]
    assert grouped([chain[1], chain[0], chain[2]], 25) == [[0, 1]]  # the first of equally near ones
    assert grouped(chain[:3], 40) == [[0, 1, 2]]


def test_edits_of_one_original_stay_together() -> None:
    """Each 15 bits from it, and 30 from each other: all pairs within 25 would tear them apart."""
    star = [0, *(flipped(0, *range(15 * n, 15 * n + 15)) for n in range(5))]
    assert grouped(star, 25) == [[0, 1, 2, 3, 4, 5]]
    assert grouped([*star[1:3], 0], 25) == [[0, 2]]  # the best is not in the middle: the other edit is 30 from it


def test_the_nearest_come_together_first() -> None:
    assert grouped([0, flipped(0, *range(25)), flipped(0, *range(30))], 25) == [[1, 2]]


def test_told_apart_stays_apart() -> None:
    near = [0, flipped(0, 1), flipped(0, 2), flipped(0, 3)]
    assert grouped(near, 25) == [[0, 1, 2, 3]]
    found = grouped(near, 25, {(0, 2)})
    assert not any({0, 2} <= {*rows} for rows in found)
    assert sorted(row for rows in found for row in rows) in ([0, 1, 2, 3], [0, 1, 3], [1, 2, 3])


@pytest.mark.parametrize("seed", range(5))
def test_groups_against_brute_force(seed: int) -> None:
    """The same rule over all pairs and sets, without any bookkeeping; ranks are not the rows' order."""
    rng = np.random.default_rng(seed)
    codes = np.packbits(rng.random((60, 64)) < 0.08, axis=1, bitorder="little")
    rank = rng.permutation(60).tolist()
    within = 6
    far = brute_force(codes, 64)

    def distance(a: int, b: int) -> int:
        return 0 if a == b else far[min(a, b), max(a, b)]

    sets = [{row} for row in range(60)]
    for (a, b), near in sorted(far.items(), key=lambda item: (item[1], item[0])):
        one, other = (next(each for each in sets if row in each) for row in (a, b))
        both = one | other
        best = min(both, key=lambda row: rank[row])
        near_best = near <= within and one is not other and all(distance(best, row) <= within for row in both)
        if near_best and all(distance(x, y) <= SPREAD * within for x in both for y in both):
            sets = [each for each in sets if each not in (one, other)] + [both]
    expected = sorted(
        (sorted(each, key=lambda row: rank[row]) for each in sets if len(each) > 1), key=lambda g: rank[g[0]]
    )
    found = groups(codes[:, None], pairs_within(codes, within, 64), within, rank)
    assert found == expected
    assert max(map(len, found)) > 2


def test_the_nearest_view_counts() -> None:
    views: npt.NDArray[np.uint8] = np.stack([packed([0, 255]), packed([flipped(0, *range(100)), 0])])  # (2, V, W)
    assert between(views, [0], [1]).tolist() == [[0]]
    assert between(views, [1], [0]).tolist() == [[92]]
