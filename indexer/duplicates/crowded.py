"""Crowds among what was compared: every neighbour is counted, where answers go by a sample (answers/crowds.py)."""

from collections.abc import Callable

import numpy as np

from semblance.indexer.answers.crowds import MANY, Looking
from semblance.indexer.duplicates.units import Units
from semblance.retrieval.codes import hamming
from semblance.retrieval.pairs import Pairs

_LOOKED_AT = 512  # rows of a crowd that others are held against

Near = Callable[[int], list[int]]  # the rows that are near one


def find(units: Units, pairs: Pairs, looking: Looking) -> list[list[int]]:
    """Rows of each crowd, the densest first. What is flat and near one of a crowd belongs to it."""
    rows, others = np.concatenate([pairs.first, pairs.second]), np.concatenate([pairs.second, pairs.first])
    order = np.argsort(rows, kind="stable")
    rows, others = rows[order], others[order]
    ends = np.searchsorted(rows, np.arange(units.coded + 1))

    def near(row: int) -> list[int]:
        found: list[int] = others[ends[row] : ends[row + 1]].tolist()
        return found

    contents = np.array([len(units.contents([row])) for row in range(units.coded)], np.int64)
    dense = contents + np.bincount(rows, contents[others], units.coded).astype(np.int64)
    crowds, settled = list[list[int]](), set[int]()
    for row in np.argsort(-dense, kind="stable")[: int((dense >= MANY).sum())].tolist():
        if row in settled:
            continue
        members = [row, *(other for other in near(row) if other not in settled)]
        shown = units.contents(members)
        if len(shown) >= MANY and looking(shown):
            crowds.append(_grown(members, near, settled, units, looking))
            settled |= {*crowds[-1]}
        else:
            settled |= {row, *near(row)}  # what is around it, and has no more near it, is no crowd either
    return crowds


def around(units: Units, crowd: list[int], rows: list[int], within: int, looking: Looking) -> list[int]:
    """Those of `rows` that are flat and near one of some of a crowd's."""
    if not crowd or not rows:
        return []
    some = units.codes[crowd[:: -(-len(crowd) // _LOOKED_AT)], 0]
    return [
        row
        for row in rows
        if (hamming(units.codes[row, :1], some) <= within).any() and looking.flat(units.ids[row][0])
    ]  # fmt: skip


def _grown(rows: list[int], near: Near, settled: set[int], units: Units, looking: Looking) -> list[int]:
    members, edge = {*rows}, [*rows]
    while edge:
        for row in {*near(edge.pop())} - members - settled:
            if looking.flat(units.ids[row][0]):
                members.add(row)
                edge.append(row)
    return sorted(members)
