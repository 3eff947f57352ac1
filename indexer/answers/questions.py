"""What is asked, and what every way of asking can do. asking.py has the ways by codes, by_pixels.py the baseline."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy.typing as npt

from semblance.indexer.answers.coded import Coded
from semblance.indexer.answers.hits import Engine
from semblance.indexer.answers.wishes import PLAIN, Wishes
from semblance.indexer.catalog import Generation, Narrowing
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import UnknownPicture
from semblance.retrieval.images import Region, Source
from semblance.retrieval.index import Ids

SEVERAL = "Several pictures make one query by their codes: leave engine pixel and views out, and a region."

Query = TypeVar("Query")
ByChance = Callable[[Query], list[float]]  # a query -> how many pictures would be within 0, 1, ... bits by chance
Ranking = tuple[npt.NDArray[Any], Ids]  # distances, whole bits or Euclidean, and ids, both (n,), nearest first


@dataclass(frozen=True)
class Place:
    """Where a page ends, in an order that stays as it was with the first page, whatever is added or removed since.

    `last`: pictures with a higher id came since, and are none of it. `border`: distance and id of the last of the
    candidates whose order was refined; None where none was. `most`: the distance beyond which nothing is shown. `seen`:
    how many pictures come before the page's end, about. `after`: the last of them, as (whether it stands behind the
    refined ones, what it is ordered by, its id); None where nothing was shown yet.
    """

    last: int
    border: tuple[float, int] | None
    most: float | None
    seen: int = 0
    after: tuple[bool, float, int] | None = None


@dataclass(frozen=True)
class Several(Generic[Query]):
    """Pictures that make one query together, some of them of the library and named by their ids (several.py)."""

    liked: Any  # logits (L, bits) and (D, bits) of the uploads
    disliked: Any
    liked_ids: tuple[int, ...]
    disliked_ids: tuple[int, ...]
    refine: bool


@dataclass(frozen=True)
class Question(Generic[Query]):
    """`k` pictures nearest to `by`: to a query, to a picture of the library, by its id, or to several pictures.

    `codec_id` is that of the codec that made the query, empty where none did; `same` is the code (1, W) that a copy
    would be near to, and the codec_id of it; `decode_ms` and `encode_ms` are what making it took. `wishes` say more of
    what is wanted; `place` is where the page before this one ended, None for the first. `odds`: whether results say how
    many would be as near by chance. `asked` is what a cursor remembers of what asks: a picture's id, "upload",
    "several".
    """

    by: Query | int | Several[Query]
    k: int
    codec_id: str = ""
    decode_ms: float = 0.0
    encode_ms: float = 0.0
    same: tuple[str, Codes] | None = None
    wishes: Wishes = PLAIN
    place: Place | None = None
    odds: bool = True
    asked: int | str | None = None


class Records(Protocol):
    """What answers ask of a library's pictures, beside their codes: its catalog, or what stands for one."""

    @property
    def library(self) -> str:
        """The identity of the library."""

    def paths(self, ids: Iterable[int], known: Generation | None = None) -> dict[int, str]:
        """The paths of those ids that there are. Raises LibraryError: with `known`, where the ids come from, Overtaken
        if these pictures have never been there."""

    def stamp(self) -> object:
        """As long as it is the same, so is what `among` finds."""

    def among(self, asked: Narrowing) -> Ids:
        """The ids (N,), ascending, of the pictures that a question is narrowed to. Raises LibraryError."""


class Way(Protocol[Query]):
    """What every way of asking can do."""

    name: Engine
    generation: Generation  # of the catalog, that its codes are of, or of one before: known to its history
    codec: Codec
    same: Coded | None  # the codes by which copies are known
    doubtful: Sequence[Coded]  # codes that it goes by where they lie in files, which may be damaged
    size: int  # pictures in the index
    coverage: float  # what share of the library's pictures they are
    far: float  # the distance at which nothing is alike any more: the similarity there is 0
    left: int | None  # pictures that it was narrowed to; None where it was not

    @property
    def catalog(self) -> Records:
        """Whose pictures it finds."""

    @property
    def by_chance(self) -> ByChance[Query] | None:
        """None where that cannot be said."""

    def of_pictures(
        self,
        liked: Sequence[Source],
        disliked: Sequence[Source],
        k: int,
        count: int = 1,
        refine: bool | None = None,
        region: Region | None = None,
    ) -> Question[Query]:
        """One question: like all of `liked`, one or more, and unlike all of `disliked`; a picture alone may be asked by
        `count` views of it, or by a region of it. `refine` None refines where it can. Raises PictureError, UsageError,
        OSError for a path."""

    def of_id(self, id: int) -> Query:
        """The query that a picture of the library makes. Raises LibraryError."""

    def search(self, wanted: Sequence[Query], k: int) -> Sequence[Ranking]:
        """The nearest min(k, N) pictures of each query. Raises LibraryError."""

    def narrowed(self, among: Narrowing) -> Self:
        """The same way, which finds only what is left of the library. Raises LibraryError."""

    def last(self) -> int:
        """The highest id that there has been of what it can find, 0 where there was none."""

    def exact(self, query: Query) -> Generator[None, None, Self]:
        """The same way, but for who finds: it answers this one query by brute force. In steps. Raises LibraryError."""

    def costs(self, query: Query, ids: Ids) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The distances of a query to pictures (n,), and what their order goes by: (n,). KeyError for unknown ones."""


def unknown(id: int) -> UnknownPicture:
    """What to say of an id that is none."""
    return UnknownPicture(f"There is no picture {id} in the library.")
