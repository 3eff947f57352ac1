"""What a library answers with: pictures found, how long it took, where the next page begins."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Engine = Literal["code", "copies", "pixel"]  # what users call the ways of asking by


@dataclass(frozen=True)
class Hit:
    """One picture found. By codes the distance is in bits, by pixels Euclidean on pixels in 0..1.

    Of several views the nearest counts. The refined order is none of distances: it changes none of them.
    `expected_by_chance`: so many would be as near if nothing were alike (queries.chances); None by pixels or among few.
    `copy`: whether it is the picture asked for, edited perhaps; None where the library cannot say, or several ask.
    `crowd`: how many unlike pictures share nearly its code, having hardly anything in them; None where none is known.
    `folded`: ids of its copies that this result stands for, where copies were to be folded.
    """

    id: int
    path: str
    distance: float
    similarity: float
    expected_by_chance: float | None = None
    copy: bool | None = None
    crowd: int | None = None
    folded: tuple[int, ...] = ()


@dataclass(frozen=True)
class Timings:
    """Milliseconds spent in each part; 0 where a part was not needed. Who asked together shares a search."""

    decode: float
    encode: float
    search: float


@dataclass(frozen=True)
class Answer:
    """The pictures found, nearest first, as a sequence of hits; their distances ascend in the plain order alone.

    `codec_id` says which codec answered, `engine` the name of the way that was asked, `library_size` how many pictures
    were searched, and `coverage` (0 to 1) what share of the library's they are: the others have no such code yet.
    `narrowed`: how many of them were left to search; None where nothing narrowed them. `next`: the cursor of the next
    page; None where there is none, or pages were not asked for.
    """

    codec_id: str
    engine: Engine
    library_size: int
    timings_ms: Timings
    results: list[Hit]
    coverage: float
    narrowed: int | None = None
    next: str | None = None

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, place: int) -> Hit:
        return self.results[place]
