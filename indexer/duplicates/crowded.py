"""Crowds among what was compared: every neighbour is counted, where answers go by a sample (indexer/crowds.py)."""

from collections import defaultdict

import numpy as np

from semblance.indexer.crowds import MANY, Looking
from semblance.indexer.duplicates.units import Units
from semblance.retrieval.pairs import Pairs


def find(units: Units, pairs: Pairs, looking: Looking) -> list[list[int]]:
    """Rows of each crowd, the densest first. What is flat and near one of a crowd belongs to it."""
    near = defaultdict[int, set[int]](set)
    for first, second in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        near[first].add(second)
        near[second].add(first)
    contents = np.array([len(units.contents([row])) for row in range(units.coded)], np.int64)
    dense = {row: int(contents[row] + contents[[*near[row]]].sum()) for row in [*near]}
    dense |= {row: int(count) for row, count in enumerate(contents) if count >= MANY and row not in dense}
    crowds, settled = list[list[int]](), set[int]()
    for row in sorted((row for row, count in dense.items() if count >= MANY), key=lambda row: (-dense[row], row)):
        if row in settled:
            continue
        rows = [row, *sorted(near[row] - settled)]
        shown = units.contents(rows)
        if len(shown) >= MANY and looking(shown):
            crowds.append(_grown(rows, near, settled, units, looking))
            settled |= {*crowds[-1]}
        else:
            settled.add(row)
            settled |= {other for other in near[row] if dense[other] <= dense[row]}  # what is around it is no crowd
    return crowds


def _grown(rows: list[int], near: dict[int, set[int]], settled: set[int], units: Units, looking: Looking) -> list[int]:
    members, edge = {*rows}, [*rows]
    while edge:
        for row in near[edge.pop()] - members - settled:
            if looking.flat(units.ids[row][0]):
                members.add(row)
                edge.append(row)
    return sorted(members)
