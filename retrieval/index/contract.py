"""What an index of codes promises, and what a base below an overlay has to bring.

A `CodeIndex` answers exactly as brute force does, and can be changed. An engine that cannot be changed is a base:
`Exact` where it finds the nearest by itself, `Approximate` where it only proposes. `Overlay` makes a CodeIndex of
either, so an engine brings its one trade and nothing else. tests/retrieval/index holds each against brute force.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes

Ids = npt.NDArray[np.int64]
Distances = npt.NDArray[np.int32]


class Stored(Protocol):
    """Codes of `bits` bits under ids."""

    bits: int

    def ids(self) -> Ids:
        """All ids (N,), ascending; read-only, and the same for ever, whatever changes later."""

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
class Approximate(Stored, Protocol):
    """Codes of which an engine knows roughly which are near. It need know nothing of ties, removals or `among`."""

    def candidates(self, codes: Codes, n: int) -> Sequence[Ids]:
        """For each query (Q, W) about n ids that may be near it, in any order.

        Fewer are allowed, and so are repeated ids, -1 and ids that are not there: those are passed over.
        """


class CodeIndex(Exact, Protocol):
    """An index that can be changed: what all others hold and ask."""

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add codes uint8 (N, W) under ids (N,), in any order. ValueError where an id is repeated or already there."""

    def remove(self, ids: Ids) -> int:
        """Forget these ids; how many of them there were. Ids that are not there are passed over."""
