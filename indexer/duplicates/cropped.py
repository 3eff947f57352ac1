"""Parts of pictures. What is alike proposes, by the codes for that; the pixels decide (retrieval/crops.py)."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from semblance.indexer.answers.coded import Coded
from semblance.indexer.duplicates.records import Why
from semblance.indexer.duplicates.units import Units
from semblance.retrieval import crops, storage
from semblance.retrieval.errors import PictureError
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress

_NEAREST = 10  # pictures that are looked at for each, the nearest that are
_SHARE = 0.28  # of all bits: of crops to half of a picture 95 % are as near to it by `photos`
_KEPT = 1000  # small pictures in memory, 80 kB each
_AT_ONCE = 256
_WHOLE = 0.95  # of the area

_Found = tuple[float, int, int, Why]  # how well they agree, the clusters of the whole and of the part, what that is


def join(
    clusters: list[list[int]], units: Units, alike: Coded, apart: set[tuple[int, int]], progress: Progress
) -> tuple[list[list[int]], dict[int, Why], list[str]]:
    """Groups and single rows, the best of each first -> the same with those joined of which one's best is a part of the
    other's; why rows are there that came so; the files that could not be read.

    What has parts is part of nothing, so that nothing chains. What shows all of it, mirrored perhaps, is no crop.
    """
    gone = dict[int, str]()
    found = sorted(_confirmed(clusters, units, alike, gone, progress), reverse=True)
    parent, parents, why = dict[int, int](), set[int](), dict[int, Why]()
    for _, whole, part, reason in found:
        if part in parent or part in parents or whole in parent:
            continue
        held = [row for number in (whole, *(p for p, w in parent.items() if w == whole)) for row in clusters[number]]
        if not any((min(a, b), max(a, b)) in apart for a in held for b in clusters[part]):
            parent[part] = whole
            parents.add(whole)
            why |= dict.fromkeys(clusters[part], reason)
    joined = {number: [*rows] for number, rows in enumerate(clusters) if number not in parent}
    for part, whole in parent.items():
        joined[whole] += clusters[part]
    return [*joined.values()], why, [*gone.values()]


def _confirmed(
    clusters: list[list[int]], units: Units, alike: Coded, gone: dict[int, str], progress: Progress
) -> Iterator[_Found]:
    """See _Found."""

    @lru_cache(_KEPT)
    def small(number: int) -> crops.Grey | None:
        entry = units.entries[units.ids[clusters[number][0]][0]]
        try:
            return crops.reduced(storage.place(entry.path))
        except (PictureError, OSError):
            gone[entry.id] = entry.path
            return None

    def compared(pair: tuple[int, int]) -> _Found:
        one, other = (small(number) for number in pair)
        if one is None or other is None:
            return -1.0, *pair, "crop"
        ways = [(*crops.part_of(one, part), pair, part is not other) for part in (other, other[:, ::-1])]
        ways += [(*crops.part_of(other, part), pair[::-1], part is not one) for part in (one, one[:, ::-1])]
        agreement, (left, top, right, bottom), (whole, part), mirrored = max(ways, key=lambda way: way[0])
        shown = (right - left) * (bottom - top)
        return agreement, whole, part, "crop" if shown < _WHOLE else "mirrored" if mirrored else "near"

    proposed = sorted(_proposed(clusters, units, alike))
    progress(0, len(proposed))
    for done, found in enumerate(in_order(compared, proposed), 1):
        if found[0] >= crops.ALIKE:
            yield found
        progress(done, len(proposed))


def _proposed(clusters: Sequence[list[int]], units: Units, alike: Coded) -> set[tuple[int, int]]:
    """Pairs of clusters whose bests are alike."""
    bests = {units.ids[rows[0]][0]: number for number, rows in enumerate(clusters)}
    known = alike.index.ids()
    ids = known[np.isin(known, np.array([*bests], np.int64))]
    pairs = set[tuple[int, int]]()
    for at in range(0, len(ids), _AT_ONCE):
        asked = ids[at : at + _AT_ONCE]
        distances, found = alike.index.search(alike.index.codes(asked), _NEAREST + 1, ids)
        near = distances <= _SHARE * alike.codec.bits
        for id, others in zip(
            asked.tolist(), (row[ok].tolist() for row, ok in zip(found, near, strict=True)), strict=True
        ):
            pairs |= {tuple(sorted((bests[id], bests[other]))) for other in others if other != id}  # type: ignore[misc]
    return pairs
