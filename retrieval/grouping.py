"""Groups of near codes that do not chain unlike pictures together.

Nearness is not transitive: A near B and B near C say little of A and C. Merging by single links chains unlike pictures;
asking that all pairs be within the radius (complete linkage) tears edits of one original apart, of which 5 % of the
pairs that are both within 25 bits of it are further than 25 from each other. So two groups become one, nearest pairs
first, where every member is within the radius of the best of all, which is the one to keep, and no two members are
further apart than SPREAD times the radius (0.03 % of those pairs are).
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from semblance.retrieval.codes import Codes
from semblance.retrieval.pairs import Pairs

SPREAD = 1.5  # times the radius: how far two members of a group may be from each other
_AT_ONCE = 100_000  # pairs in memory as Python's numbers

Views = list[int]  # the codes of one row, as whole numbers: few of them are compared twenty times as fast so


def groups(
    codes: Codes,
    pairs: Pairs,
    within: int,
    rank: Sequence[Any],
    apart: Collection[tuple[int, int]] = frozenset(),
) -> list[list[int]]:
    """Groups of rows, each of two or more, its best (lowest `rank`) first, then by rank; in the order of bests.

    `codes` (N, V, W) are of V views of each; what two rows are apart is the distance of one as it is to the nearest
    view of the other. `pairs` are those within the radius, `apart` rows (lower, higher) that no group may hold both.
    """
    of, members = dict[int, int](), dict[int, list[int]]()  # row -> group, group -> its rows, the best first
    views = dict[int, Views]()
    refused = set[tuple[int, int]]()
    for number, pair in enumerate(_nearest_first(pairs), len(codes)):
        left, right = of.get(pair[0], pair[0]), of.get(pair[1], pair[1])
        if left == right or (min(left, right), max(left, right)) in refused:
            continue
        one, other = members.get(left, [pair[0]]), members.get(right, [pair[1]])
        for row in pair:
            if row not in views:
                views[row] = [int.from_bytes(code.tobytes(), "little") for code in codes[row]]
        if not _one(views, one, other, within, rank, apart):
            refused.add((min(left, right), max(left, right)))
            continue
        # Under a number of its own, since what was refused may be asked again of a group that has grown.
        members[number] = sorted([*one, *other], key=lambda row: (rank[row], row))
        of |= dict.fromkeys(members[number], number)
        for old in (left, right):
            members.pop(old, None)
    return sorted(members.values(), key=lambda rows: (rank[rows[0]], rows[0]))


def _nearest_first(pairs: Pairs) -> Iterator[tuple[int, int]]:
    order = np.argsort(pairs.distance, kind="stable")  # they ascend by rows
    for at in range(0, len(order), _AT_ONCE):
        some = order[at : at + _AT_ONCE]
        yield from zip(pairs.first[some].tolist(), pairs.second[some].tolist(), strict=True)


def _one(
    views: dict[int, Views],
    one: list[int],
    other: list[int],
    within: int,
    rank: Sequence[Any],
    apart: Collection[tuple[int, int]],
) -> bool:
    """Whether two groups, of which two members are within the radius, may be one."""
    if apart and any((min(a, b), max(a, b)) in apart for a in one for b in other):
        return False
    if len(one) == len(other) == 1:
        return True
    best, rest = (one, other) if (rank[one[0]], one[0]) < (rank[other[0]], other[0]) else (other, one)
    return all(_distance(views, best[0], row) <= within for row in rest) and all(
        _distance(views, a, b) <= SPREAD * within for a in best for b in rest
    )


def _distance(views: dict[int, Views], one: int, other: int) -> int:
    code = views[one][0]
    return min((code ^ view).bit_count() for view in views[other])
