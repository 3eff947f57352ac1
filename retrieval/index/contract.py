"""What an index of codes promises, and what a base below an overlay has to bring.

A `CodeIndex` answers exactly as brute force does, and can be changed. An engine that cannot be changed is a base:
`Exact` where it finds the nearest by itself, `Approximate` where it also proposes them, sooner and not surely.
`Overlay` makes a CodeIndex of either, so an engine brings its one trade and nothing else. tests/retrieval/index holds
each against brute force. One that takes long to build is an `Engine`: built once, into a folder, and opened from there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes
from semblance.retrieval.progress import Progress

Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]  # places in the ids of an index, which ascend
Distances = npt.NDArray[np.int32]


class Stored(Protocol):
    """Codes of `bits` bits under ids."""

    bits: int

    def ids(self) -> Ids:
        """All ids (N,), ascending; read-only, and the same for ever, whatever changes later."""

    def has(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Which of these ids (N,), in any order, are there."""

    def codes(self, ids: Ids) -> Codes:
        """The codes uint8 (N, W) under these ids (N,), in any order, as a copy. KeyError where one is not there."""

    def __len__(self) -> int: ...


class Exact(Stored, Protocol):
    """Codes in which the nearest are found."""

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """The nearest of each query (Q, W): distances and ids, both (Q, min(k, N)), N being how many can be found.

        Distances ascend; equal distances are in the order of their ids; there are never ids of -1. `among` narrows all
        queries to these ids, in any order; those that are not there are passed over. ValueError where k is below 1.
        """


@runtime_checkable
class Approximate(Exact, Protocol):
    """Codes of which an engine knows roughly which are near; its `search` compares all. What it proposes is ranked by
    the stored codes, so it need know nothing of ties, removals or `among`."""

    def candidates(self, codes: Codes, k: int) -> Sequence[Rows]:
        """For each query (Q, W) the rows that may be among its nearest k, as many as the engine thinks right, in any
        order. Repeated ones are allowed, and so are those that are none, -1 say: those are passed over."""

    def at(self, rows: Rows) -> Codes:
        """The codes uint8 (N, W) in these rows (N,), as a copy."""


class CodeIndex(Exact, Protocol):
    """An index that can be changed: what all others hold and ask."""

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add codes uint8 (N, W) under ids (N,), in any order. ValueError where an id is repeated or already there."""

    def remove(self, ids: Ids) -> int:
        """Forget these ids; how many of them there were. Ids that are not there are passed over."""


class Engine(Exact, Protocol):
    """A base that takes long to build, exact or approximate: beside its codes it has a structure of its own."""

    engine: ClassVar[str]  # what users call it
    efforts: ClassVar[Sequence[int]]  # what may be spent on a search, rising; one alone where it is exact
    effort: int  # what is spent: may be set at any time
    memory: int  # bytes that must be in memory for a search to be quick, codes and ids included

    @classmethod
    def build(cls, stored: Any, folder: Path, progress: Progress) -> None:
        """Write what `open` needs of the codes `stored` (a flat.Flat) into `folder`, which is there and holds none of
        it. Raises OSError."""

    @classmethod
    def open(cls, stored: Any, folder: Path) -> Self:
        """Over the same codes again, what `build` wrote. SnapshotError where that is damaged or of another size."""
