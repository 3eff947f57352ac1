"""Copies of one picture as one result: each result stands for those after it that are the same picture.

In the order of the results the first of a group is its leader, and whatever comes later within the distance of copies
of a leader is folded into the first such: what is shown depends on the order alone, so a page that is made later, of
the same order looked at deeper, has the same leaders first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from semblance.indexer.answers.coded import Coded
from semblance.retrieval.codes import Codes, hamming
from semblance.retrieval.index import Ids

_BLOCK = 256  # pictures that are compared with all leaders at one time


def leaders(same: Coded, ids: Ids) -> npt.NDArray[np.intp]:
    """Of pictures (N,) in their order: for each the place of its leader (N,), its own where it is one itself. A picture
    without a code of copies stands for itself."""
    assert same.within is not None
    leader = np.arange(len(ids))
    known = np.flatnonzero(same.index.has(ids))
    codes = same.index.codes(ids[known])
    first = np.empty(0, np.intp)  # rows of `codes` that lead
    for at in range(0, len(known), _BLOCK):
        block = np.arange(at, min(at + _BLOCK, len(known)))
        led, by = _led(codes[block], codes[first], same.within)
        leader[known[block[led]]] = known[first[by]]
        own = block[~led]
        while len(own):
            near = hamming(codes[own[:1]], codes[own])[0] <= same.within
            leader[known[own[near]]] = known[own[0]]
            first, own = np.append(first, own[0]), own[~near]
    return leader


def _led(codes: Codes, leading: Codes, within: int) -> tuple[Any, Any]:
    """Which codes are within the distance of one that leads, and of those the first such."""
    if not len(leading):
        return np.zeros(len(codes), np.bool_), np.empty(0, np.intp)
    near = hamming(codes, leading) <= within
    led = np.any(near, axis=1)
    return led, near[led].argmax(axis=1)


def followers(leader: npt.NDArray[np.intp], ids: Ids, shown: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """For each picture at one of the places that are shown, by its id, the ids folded into it, in their order."""
    folded: dict[int, list[int]] = {place: [] for place in shown}
    for place in np.flatnonzero(leader != np.arange(len(ids))).tolist():
        if (own := folded.get(int(leader[place]))) is not None:
            own.append(int(ids[place]))
    return {int(ids[place]): tuple(own) for place, own in folded.items()}
