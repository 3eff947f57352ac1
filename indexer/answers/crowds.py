"""Crowds: many unlike pictures whose codes are nearly the same, since there is hardly anything in them to be told apart
by: blank scans, black frames, flat colours. To be near one of them says nothing.

A hundred copies of a picture are near each other too. What tells them from a crowd is what the pictures show, so
SHOWN of the supposed crowd are looked at, small: it is one where most of them are flat (a standard deviation of grey
below FLAT of 255; drawn blank scans have at most 4, the flattest of 700 photographs 10), or where they show nothing in
common (a median correlation below COMMON). Files of one content count once, and MANY contents are needed.

For answers the dense places are found in a sample of the codes, and where many codes are equal, so that the first
search after a change waits 80 ms, among a million codes 150 ms, and others for nothing. It finds all crowds of MANY
among 4,096 pictures, and those of some 1,200 among a million. `semblance duplicates` counts all neighbours.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semblance.indexer.catalog import Catalog
from semblance.retrieval import codes as packed
from semblance.retrieval import decoding, storage
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import PictureError
from semblance.retrieval.index import Ids
from semblance.retrieval.inputs import InputSpec

MANY = 10  # contents that make a crowd
SHOWN, TELLING = 9, 3  # pictures of a supposed crowd that are looked at, and fewer of which say nothing
FLAT = 5.0
COMMON = 0.3
_SAMPLED, _TOGETHER = 4096, 5  # codes that dense places are looked for in, and how many make one where not all are
_MOST = 32  # crowds told in answers

Shows = Callable[[Sequence[int]], bool]  # ids of pictures -> whether they make a crowd by what they show


@dataclass(frozen=True)
class Crowd:
    """The code (W,) in the middle of a crowd, and how many pictures are within the distance of copies of it."""

    code: Codes
    size: int


def find(ids: Ids, codes: Codes, within: int, shows: Shows) -> list[Crowd]:
    """The crowds among codes (N, W) under ids (N,), the densest first; those that a sample can show."""
    crowds: list[Crowd] = []
    left = _dense(codes, within)
    while len(left) and len(crowds) < _MOST:
        near = packed.hamming(left[:1], codes)[0] <= within
        if near.sum() >= MANY and shows(ids[near].tolist()):
            crowds.append(Crowd(left[0], int(near.sum())))
        left = left[packed.hamming(left[:1], left)[0] > within]
    return crowds


def sizes(crowds: Sequence[Crowd], codes: Codes, within: int) -> npt.NDArray[np.int64]:
    """For each code (N, W) how large the crowd is that it belongs to, 0 where it belongs to none: (N,)."""
    found = np.zeros(len(codes), np.int64)
    for crowd in crowds:
        np.maximum(found, np.where(packed.hamming(crowd.code[None], codes)[0] <= within, crowd.size, 0), out=found)
    return found


class Looking:
    """Looks at pictures of a library, each once, and says whether they make a crowd."""

    def __init__(self, catalog: Catalog, spec: InputSpec) -> None:
        self._catalog, self._spec = catalog, spec
        self._seen: dict[bytes, npt.NDArray[np.float64] | None] = {}  # by content; None: it cannot be looked at

    def __call__(self, ids: Sequence[int]) -> bool:
        """See Shows. Those that cannot be read any more are passed over."""
        if not self._are_many(ids):
            return False
        some = [ids[len(ids) * step // SHOWN] for step in range(SHOWN)] if len(ids) > SHOWN else ids
        shown = [picture for picture in dict(self._contents(some)).values() if picture is not None]
        if len(shown) < TELLING:
            return False
        if np.median([picture.std() for picture in shown]) < FLAT:
            return True
        with np.errstate(invalid="ignore", divide="ignore"):  # of a picture of one grey
            alike = np.nan_to_num(np.corrcoef([picture.ravel() for picture in shown]))
        return bool(np.median(alike[np.triu_indices(len(shown), 1)]) < COMMON)

    def _are_many(self, ids: Sequence[int]) -> bool:
        contents = set[bytes]()
        for id in ids:
            if entry := self._catalog.entry(id):
                contents.add(entry.sha256)
            if len(contents) == MANY:
                return True
        return False

    def flat(self, id: int) -> bool:
        """Whether there is hardly anything in a picture."""
        return any(picture is not None and picture.std() < FLAT for _, picture in self._contents([id]))

    def _contents(self, ids: Sequence[int]) -> Iterator[tuple[bytes, npt.NDArray[np.float64] | None]]:
        for id in ids:
            if (entry := self._catalog.entry(id)) is None:
                continue
            if entry.sha256 not in self._seen:
                self._seen[entry.sha256] = None
                with suppress(PictureError, OSError):
                    self._seen[entry.sha256] = decoding.load(storage.place(entry.path), self._spec).mean(axis=2)
            yield entry.sha256, self._seen[entry.sha256]


def _dense(codes: Codes, within: int) -> Codes:
    """Codes that have many others near them, the densest first: of a sample, and of those that stand there often."""
    if len(codes) < MANY:
        return codes[:0]
    some = codes
    if len(codes) > _SAMPLED:
        some = codes[np.random.default_rng(0).choice(len(codes), _SAMPLED, replace=False)]
    enough = MANY if len(some) == len(codes) else max(_TOGETHER, round(MANY * len(some) / len(codes)))
    blocks = (some[at : at + 256] for at in range(0, len(some), 256))  # so that the distances stay in the caches
    near = np.concatenate([(packed.hamming(block, some) <= within).sum(axis=1) for block in blocks])
    order = np.argsort(-near, kind="stable")
    order = order[near[order] >= enough]
    often = _often(codes) if len(some) < len(codes) else codes[:0]
    return np.concatenate([some[order], often])


def _often(codes: Codes) -> Codes:
    """Each code that stands there MANY times or more, once, the most frequent first. Sorted by the first 8 bytes: five
    times as fast as by all."""
    heads = np.zeros((len(codes), 8), np.uint8)
    heads[:, : min(8, codes.shape[1])] = codes[:, :8]
    order = np.argsort(heads.view(np.uint64)[:, 0])
    sorted_heads = heads.view(np.uint64)[order, 0]
    begins = np.flatnonzero(sorted_heads[MANY - 1 :] == sorted_heads[: len(codes) - MANY + 1])
    if not len(begins):
        return codes[:0]
    rows = np.unique((begins[:, None] + np.arange(MANY)).ravel())
    found, count = np.unique(codes[order[rows]], axis=0, return_counts=True)
    most = np.argsort(-count, kind="stable")
    return found[most[count[most] >= MANY]]
