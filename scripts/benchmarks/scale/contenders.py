"""What is measured: Semblance's own engines, each as a library would hold it, by one interface with those of others."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes
from semblance.retrieval.index import ENGINES, CodeIndex, FlatIndex, MappedFlat, Overlay
from semblance.retrieval.progress import quiet
from semblance.scripts.benchmarks.scale import others
from semblance.scripts.benchmarks.scale.places import BITS, Place

Rows = npt.NDArray[np.int64]


class Contender(Protocol):
    """An engine: built into a folder, opened from there, asked with rising efforts."""

    efforts: Sequence[int]

    def build(self, place: Place) -> None:
        """Write what `open` needs into `place.built`, which is there and empty; nothing where it cannot be kept."""

    def open(self, place: Place) -> None:
        """Make ready to search."""

    def spend(self, effort: int) -> None:
        """Search with this effort from now on."""

    def search(self, codes: Codes, k: int) -> tuple[npt.NDArray[Any], Rows]:
        """Distances and rows (Q, k) of the nearest; -1 where there is none."""


class Ours:
    """An engine of retrieval.index; "flat" is in memory, all others lie over the library's file."""

    index: CodeIndex

    def __init__(self, name: str) -> None:
        self._name = name
        self._engine: Any = None
        self.efforts: Sequence[int] = ENGINES[name].efforts if name in ENGINES else (0,)

    def build(self, place: Place) -> None:
        """See Contender.build."""
        if self._name in ENGINES:
            ENGINES[self._name].build(MappedFlat(place.library, BITS), place.built, quiet)

    def open(self, place: Place) -> None:
        """See Contender.open."""
        if self._name == "flat":
            codes = np.load(place.array)
            self.index = FlatIndex(BITS, np.arange(len(codes)), codes)
            return
        stored = MappedFlat(place.library, BITS)
        self._engine = ENGINES[self._name].open(stored, place.built) if self._name in ENGINES else stored
        self.index = Overlay(self._engine)
        self.efforts = getattr(self._engine, "efforts", self.efforts)  # which may depend on how many codes there are

    def spend(self, effort: int) -> None:
        """See Contender.spend."""
        if self._name in ENGINES:
            self._engine.effort = effort

    def search(self, codes: Codes, k: int) -> tuple[npt.NDArray[Any], Rows]:
        """See Contender.search."""
        return self.index.search(codes, k)


def named(name: str) -> Contender:
    """The contender of this name."""
    return others.ALL[name]() if name in others.ALL else Ours(name)


def built(name: str) -> bool:
    """Whether the contender keeps what it builds; one that does not is ready when it is open."""
    return name in ENGINES or name in others.BUILT


def ours(name: str) -> bool:
    """Whether Semblance has it."""
    return name not in others.ALL


def names() -> Iterator[str]:
    """Of all contenders, ours first."""
    yield from ("flat", "mapped", *ENGINES, *others.ALL)
