"""Groups of codes: made by hand, and by the rule itself over all pairs."""

import numpy as np
import pytest

from semblance.retrieval.codes import Codes
from semblance.retrieval.grouping import SPREAD, groups
from semblance.retrieval.pairs import Pairs, pairs_within
from tests.retrieval.test_pairs import brute_force


def flipped(code: int, *bits: int) -> int:
    for bit in bits:
        code ^= 1 << bit
    return code


def packed(codes: list[int], width: int = 32) -> Codes:
    return np.frombuffer(b"".join(code.to_bytes(width, "little") for code in codes), np.uint8).reshape(-1, width)


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


@pytest.mark.parametrize(("seen", "expected"), [(range(97), [[0, 1, 2]]), (range(80), [[0, 1]])])
def test_the_nearest_view_counts(seen: range, expected: list[list[int]]) -> None:
    """The second is 100 bits from the first and its other view is the first; what the third is to it, its views say."""
    views = np.stack([packed([0, 1]), packed([flipped(0, *range(100)), 0]), packed([31, flipped(0, *seen)])])
    pairs = Pairs(np.array([0, 0]), np.array([1, 2]), np.array([0, 5], np.uint16))
    assert groups(views, pairs, 5, range(3)) == expected
