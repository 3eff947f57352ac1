"""The ways of asking a library, one small class each: by learned codes here, by raw pixels in by_pixels.py.

A way makes questions of pictures, which touches nothing but the codec, so any thread may. `answer` answers those that
have come together by one search; that belongs to the thread that owns the index.
"""

import copy
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from semblance.indexer.answers.brute import Brute
from semblance.indexer.answers.coded import Coded
from semblance.indexer.catalog import Catalog, Generation
from semblance.retrieval import decoding, queries
from semblance.retrieval.codec import Codec, from_logits
from semblance.retrieval.codes import Codes, hamming
from semblance.retrieval.errors import Overtaken, SemblanceError, UnknownPicture, UsageError
from semblance.retrieval.images import Source
from semblance.retrieval.index import Ids
from semblance.retrieval.queries import CodeQuery
from semblance.retrieval.views import placed, views

SEVERAL = "Several pictures make one query by their codes: leave engine pixel and views out."

Engine = Literal["code", "copies", "pixel"]  # what users call the ways by
Query = TypeVar("Query")
ByChance = Callable[[Query], list[float]]  # a query -> how many pictures would be within 0, 1, ... bits by chance
Ranking = tuple[npt.NDArray[Any], Ids]  # distances, whole bits or Euclidean, and ids, both (n,), nearest first


@dataclass(frozen=True)
class Hit:
    """One picture found. By codes the distance is in bits, by pixels Euclidean on pixels in 0..1.

    Of several views the nearest counts. The refined order is none of distances: it changes none of them.
    `expected_by_chance`: so many would be as near if nothing were alike (queries.chances); None by pixels or among few.
    `copy`: whether it is the picture asked for, edited perhaps; None where the library cannot say, or several ask.
    `crowd`: how many unlike pictures share nearly its code, having hardly anything in them; None where none is known.
    """

    id: int
    path: str
    distance: float
    similarity: float
    expected_by_chance: float | None = None
    copy: bool | None = None
    crowd: int | None = None


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
    """

    codec_id: str
    engine: Engine
    library_size: int
    timings_ms: Timings
    results: list[Hit]
    coverage: float

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, place: int) -> Hit:
        return self.results[place]


@dataclass(frozen=True)
class Question(Generic[Query]):
    """`k` pictures nearest to `by`: to a query, or to a picture of the library, by its id.

    `codec_id` is that of the codec that made the query, empty where none did; `same` is the code (1, W) that a copy
    would be near to, and the codec_id of it; `decode_ms` and `encode_ms` are what making it took.
    """

    by: Query | int
    k: int
    codec_id: str = ""
    decode_ms: float = 0.0
    encode_ms: float = 0.0
    same: tuple[str, Codes] | None = None


class Way(Protocol[Query]):
    """What every way of asking can do."""

    name: Engine
    catalog: Catalog
    generation: Generation  # of the catalog, that its codes are of, or of one before: known to its history
    codec: Codec
    same: Coded | None  # the codes by which copies are known
    size: int  # pictures in the index
    coverage: float  # what share of the library's pictures they are
    far: float  # the distance at which nothing is alike any more: the similarity there is 0

    @property
    def by_chance(self) -> ByChance[Query] | None:
        """None where that cannot be said."""

    def of_pictures(
        self, liked: Sequence[Source], disliked: Sequence[Source], k: int, count: int = 1, refine: bool | None = None
    ) -> Question[Query]:
        """One question: like all of `liked`, one or more, and unlike all of `disliked`; a picture alone may be asked by
        `count` views of it. `refine` None refines where it can. Raises PictureError, UsageError, OSError for a path."""

    def of_id(self, id: int) -> Query:
        """The query that a picture of the library makes. Raises LibraryError."""

    def search(self, wanted: Sequence[Query], k: int) -> Sequence[Ranking]:
        """The nearest min(k, N) pictures of each query. Raises LibraryError."""

    def exact(self, query: Query) -> "Generator[None, None, Way[Query]]":
        """The same way, but for who finds: it answers this one query by brute force. In steps. Raises LibraryError."""

    def costs(self, query: Query, ids: Ids) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The distances of a query to pictures (n,), and what their order goes by: (n,). KeyError for unknown ones."""


class ByCodes:
    """By learned codes: Hamming distance. Of what is alike, or, as the way `copies`, of what is the same."""

    def __init__(self, name: Engine, catalog: Catalog, by: Coded, same: Coded | None) -> None:
        self.name, self.catalog, self.same, self.generation = name, catalog, same, by.generation
        self.codec, self.index, self.size, self.coverage = by.codec, by.index, len(by.index), by.share(len(by.index))
        self.far = float(self.codec.bits)
        self.specs = {self.codec.spec, *([same.codec.spec] if same else [])}
        self.search = partial(queries.search, self.index)

    @cached_property
    def by_chance(self) -> ByChance[CodeQuery] | None:
        """See Way.by_chance. The sample is drawn when first asked for, and anew when the index has changed."""
        return queries.chances(self.index)

    def of_pictures(
        self, liked: Sequence[Source], disliked: Sequence[Source], k: int, count: int = 1, refine: bool | None = None
    ) -> Question[CodeQuery]:
        """See Way.of_pictures."""
        sources = (*liked, *disliked)
        if len(sources) > 1 and count > 1:
            raise UsageError(SEVERAL)
        started = time.perf_counter()
        seen = decoding.load_each(sources[0], self.specs) if len(sources) == 1 else {}
        if seen:
            pictures = seen[self.codec.spec][None]
        else:  # what is wrong is said with which of them it is
            pictures = np.concatenate([*self.codec.squashed(sources)])
        decoded = time.perf_counter()
        if self.name == "copies" and seen and count == 1:  # of which the picture may be a part
            pictures = placed(pictures[0])
        logits = self.codec.logits(views(pictures[0], count) if count > 1 else pictures)
        if len(sources) > 1:
            logits = queries.alike(logits[: len(liked)], logits[len(liked) :])[None]
        refine = self.name == "code" if refine is None else refine  # of copies the distance says it all
        query = CodeQuery(from_logits(logits), logits if refine else None)
        own = None
        if self.same and seen:
            own = self.same.codec.codec_id, from_logits(self.same.codec.logits(seen[self.same.codec.spec][None]))
        encoded = time.perf_counter()
        return Question(query, k, self.codec.codec_id, 1000 * (decoded - started), 1000 * (encoded - decoded), own)

    def of_id(self, id: int) -> CodeQuery:
        """See Way.of_id."""
        try:
            return CodeQuery(self.index.codes(np.array([id])))
        except KeyError as error:
            raise unknown(id) from error

    def exact(self, query: CodeQuery) -> "Generator[None, None, ByCodes]":
        """See Way.exact."""
        way, brute = copy.copy(self), Brute(self.index)
        yield from brute.compare(query.codes)
        way.search = partial(queries.search, brute)
        return way

    def costs(self, query: CodeQuery, ids: Ids) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """See Way.costs."""
        codes = self.index.codes(ids)
        distances = hamming(query.codes, codes).min(axis=0)
        return distances, distances if query.logits is None else queries.asymmetric(query.logits, codes).min(axis=0)


def answer(way: Way[Query], asked: Sequence[Question[Query]]) -> list[Answer | SemblanceError]:
    """For each question the answer, or why there is none; by one search for all. Raises LibraryError: Overtaken
    where another catalog is here than the codes are of."""
    wanted: list[Query | SemblanceError] = []
    for question in asked:
        try:
            if question.codec_id not in ("", way.codec.codec_id):  # codes of two codecs are never compared
                raise Overtaken
            if question.same and way.same and question.same[0] != way.same.codec.codec_id:
                raise Overtaken
            wanted.append(way.of_id(question.by) if isinstance(question.by, int) else question.by)
        except SemblanceError as error:
            wanted.append(error)
    sound = [query for query in wanted if not isinstance(query, SemblanceError)]
    started = time.perf_counter()
    found = way.search(sound, max(question.k for question in asked)) if sound else []
    milliseconds = 1000 * (time.perf_counter() - started)
    # A picture forgotten within the last second has no path any more, and is no result either.
    paths = way.catalog.paths({id for _, ids in found for id in ids.tolist()}, way.generation)
    crowded = way.same.crowded(paths) if way.same and way.same.crowds else {}
    rankings = iter(found)
    out: list[Answer | SemblanceError] = []
    for question, query in zip(asked, wanted, strict=True):
        if isinstance(query, SemblanceError):
            out.append(query)
            continue
        distances, ids = (each[: question.k].tolist() for each in next(rankings))
        pairs = [(id, distance) for id, distance in zip(ids, distances, strict=True) if id in paths]
        chance, near = way.by_chance(query) if way.by_chance else None, dict[int, bool]()
        own = way.same.of_id(question.by) if way.same and isinstance(question.by, int) else question.same
        if way.same and way.same.within is not None and own and own[0] == way.same.codec.codec_id and ids:
            apart, known = way.same.index.search(own[1], len(ids), np.array(ids))
            near = dict(zip(known[0].tolist(), (apart[0] <= way.same.within).tolist(), strict=True))
        odds = {far: float(f"{chance[far]:.3g}") if chance else None for _, far in pairs}
        hits = [
            Hit(id, paths[id], far, 1 - far / way.far, odds[far], near.get(id), crowded.get(id)) for id, far in pairs
        ]
        timings = Timings(*(round(each, 3) for each in (question.decode_ms, question.encode_ms, milliseconds)))
        out.append(Answer(way.codec.codec_id, way.name, way.size, timings, hits, way.coverage))
    return out


def unknown(id: int) -> UnknownPicture:
    return UnknownPicture(f"There is no picture {id} in the library.")
