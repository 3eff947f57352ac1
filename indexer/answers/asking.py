"""Asking by learned codes, and answering: by one search for all the questions that have come together.

A way of asking makes questions of pictures, which touches nothing but the codec, so any thread may. `answer` belongs to
the thread that owns the index. What is more than the nearest pictures is in modules of its own: wishes.py says what may
be wished for, paging.py, folding.py and cursors.py grant it.
"""

import copy
import time
from collections.abc import Generator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from semblance.indexer.answers import paging, several
from semblance.indexer.answers.brute import Brute
from semblance.indexer.answers.coded import Coded
from semblance.indexer.answers.hits import Answer as Answer
from semblance.indexer.answers.hits import Engine as Engine
from semblance.indexer.answers.hits import Hit as Hit
from semblance.indexer.answers.hits import Timings
from semblance.indexer.answers.paging import Page
from semblance.indexer.answers.questions import SEVERAL, ByChance, Query, Records, Several, unknown
from semblance.indexer.answers.questions import Question as Question
from semblance.indexer.answers.questions import Way as Way
from semblance.indexer.catalog import Narrowing
from semblance.indexer.milvus.searching import MilvusIndex
from semblance.retrieval import decoding, queries
from semblance.retrieval.codec import from_logits
from semblance.retrieval.codes import hamming
from semblance.retrieval.errors import Overtaken, SemblanceError, UsageError
from semblance.retrieval.images import Region, Source
from semblance.retrieval.index import Ids, Overlay
from semblance.retrieval.index.contract import Exact
from semblance.retrieval.index.flat import Flat
from semblance.retrieval.queries import CodeQuery
from semblance.retrieval.views import placed, views

_NARROWED = 2  # narrowings whose codes are kept together; each of a million pictures takes 40 MB


class ByCodes:
    """By learned codes: Hamming distance. Of what is alike, or, as the way `copies`, of what is the same."""

    left: int | None = None

    def __init__(self, name: Engine, catalog: Records, by: Coded, same: Coded | None) -> None:
        self.name, self.catalog, self.by, self.same, self.generation = name, catalog, by, same, by.generation
        self.codec, self.size, self.coverage = by.codec, len(by.index), by.share(len(by.index))
        self.index: Exact = by.index
        self.stored = by.index  # all of them, to whatever `index` is narrowed
        self.far = float(self.codec.bits)
        self.doubtful: Sequence[Coded] = [each for each in (by, same) if each and each.in_files]
        self.specs = {self.codec.spec, *([same.codec.spec] if same else [])}
        self.search = partial(queries.search, self.index)
        self._narrowed: dict[tuple[object, Narrowing], Self] = {}

    @cached_property
    def by_chance(self) -> ByChance[CodeQuery] | None:
        """See Way.by_chance. Where the index is narrowed the sample is one of the whole, and fewer can be as near."""
        of_all = queries.chances(self.stored, self.by.sample)
        if of_all is None or self.left is None:
            return of_all
        share = self.left / len(self.stored)
        return lambda query: [share * each for each in of_all(query)]

    def of_pictures(
        self,
        liked: Sequence[Source],
        disliked: Sequence[Source],
        k: int,
        count: int = 1,
        refine: bool | None = None,
        region: Region | None = None,
    ) -> Question[CodeQuery]:
        """See Way.of_pictures."""
        sources = (*liked, *disliked)
        if len(sources) > 1 and (count > 1 or region):
            raise UsageError(SEVERAL)
        started = time.perf_counter()
        seen = decoding.load_each(sources[0], self.specs, region) if len(sources) == 1 else {}
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
        times = 1000 * (decoded - started), 1000 * (time.perf_counter() - decoded)
        return Question(query, k, self.codec.codec_id, *times, own)

    def of_id(self, id: int) -> CodeQuery:
        """See Way.of_id."""
        try:
            return CodeQuery(self.stored.codes(np.array([id])))
        except KeyError as error:
            raise unknown(id) from error

    def narrowed(self, among: Narrowing) -> Self:
        """See Way.narrowed. The codes that are left are gathered once, and searched as all would be."""
        key = self.catalog.stamp(), among
        if key not in self._narrowed:
            own = copy.copy(self)
            own.index, own.left = self.gathered(among)
            own.search = partial(queries.search, own.index)
            own.__dict__.pop("by_chance", None)
            while len(self._narrowed) >= _NARROWED:
                del self._narrowed[next(iter(self._narrowed))]
            self._narrowed[key] = own
        return self._narrowed[key]

    def gathered(self, among: Narrowing) -> tuple[Exact, int]:
        """What is left of the codes when they are narrowed, and how many they are."""
        ids = self.catalog.among(among)
        if isinstance(self.stored, MilvusIndex):
            return self.stored.narrowed(among, ids)
        if isinstance(self.stored, Overlay) and 2 * len(ids) > len(self.stored):  # to gather most would copy most
            others = self.stored.without(np.setdiff1d(self.stored.ids(), ids, assume_unique=True))
            return others, len(others)
        left = ids[self.stored.has(ids)]
        return Flat(self.stored.bits, left, self.stored.codes(left)), len(left)

    def last(self) -> int:
        """See Way.last."""
        return self.by.last

    def exact(self, query: CodeQuery) -> Generator[None, None, Self]:
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
    """For each question the answer, or why there is none; by one search for all that are narrowed alike. Raises
    LibraryError: Overtaken where another catalog is here than the codes are of, or their files were written to."""
    if any(question.wishes.among for question in asked) and way.left is None:
        return _narrowed(way, asked)
    if any(each.is_changed for each in way.doubtful):
        raise Overtaken
    wanted: list[Query | SemblanceError] = []
    for question in asked:
        try:
            other = question.same and way.same and question.same[0] != way.same.codec.codec_id
            if other or question.codec_id not in ("", way.codec.codec_id):  # codes of two codecs are never compared
                raise Overtaken
            by = several.query(way, question.by) if isinstance(question.by, Several) else question.by
            wanted.append(way.of_id(by) if isinstance(by, int) else by)
        except SemblanceError as error:
            wanted.append(error)
    sound = [(one, query) for one, query in zip(asked, wanted, strict=True) if not isinstance(query, SemblanceError)]
    started = time.perf_counter()
    pages = list[Page]()
    if sound:
        plain = [query if one.wishes.plain else paging.unrefined(query) for one, query in sound]
        depth = max(one.k if one.wishes.plain else paging.depth(one) for one, _ in sound)
        found = way.search(plain, depth)
        pages = [
            Page(near[: one.k].tolist(), ids[: one.k].tolist())
            if one.wishes.plain
            else paging.page(way, one, query, (near, ids), depth)
            for (one, query), (near, ids) in zip(sound, found, strict=True)
        ]
    milliseconds = 1000 * (time.perf_counter() - started)
    paths = way.catalog.paths({id for page in pages for id in page.ids}, way.generation)  # of what is not forgotten
    if way.doubtful:
        _vouch(way, [one.by for one, _ in sound], pages)
    crowded = way.same.crowded(paths) if way.same and way.same.crowds else {}
    left = iter(zip(sound, pages, strict=True))
    return [
        query if isinstance(query, SemblanceError) else _answered(way, *next(left), paths, crowded, milliseconds)
        for query in wanted
    ]


def _vouch(way: Way[Query], by: Sequence[Query | int | Several[Query]], pages: Sequence[Page]) -> None:
    """Compare what an answer goes by, as long as its files are in doubt, with the catalog. Raises Overtaken."""
    asked = {id for each in by for id in several.of_library(each)}
    shown = {id for page in pages for ids in ([*page.ids], *page.folded.values()) for id in ids}
    agree = [coded.agrees(asked | shown) for coded in way.doubtful]  # each says what is wrong with its own
    if not all(agree):
        raise Overtaken


def _answered(
    way: Way[Query],
    asked: tuple[Question[Query], Query],
    page: Page,
    paths: Mapping[int, str],
    crowded: Mapping[int, int],
    milliseconds: float,
) -> Answer:
    """What is said of the pictures of a page."""
    question, query = asked
    pairs = [(id, far) for id, far in zip(page.ids, page.distances, strict=True) if id in paths]
    chance = way.by_chance(query) if question.odds and way.by_chance else None
    own = way.same.of_id(question.by) if way.same and isinstance(question.by, int) else question.same
    near = dict[int, bool]()
    if way.same and way.same.within is not None and own and own[0] == way.same.codec.codec_id and pairs:
        ids = np.array(page.ids)
        try:
            codes = way.same.index.codes(ids)
        except KeyError:  # some have no such code yet
            ids = ids[way.same.index.has(ids)]
            codes = way.same.index.codes(ids)
        apart = np.bitwise_count(codes ^ own[1]).sum(axis=1)
        near = dict(zip(ids.tolist(), (apart <= way.same.within).tolist(), strict=True))
    odds = {far: float(f"{chance[int(far)]:.3g}") if chance else None for _, far in pairs}
    hits = [
        Hit(id, paths[id], far, 1 - far / way.far, odds[far], near.get(id), crowded.get(id), page.folded.get(id, ()))
        for id, far in pairs
    ]
    timings = Timings(*(round(each, 3) for each in (question.decode_ms, question.encode_ms, milliseconds)))
    return Answer(way.codec.codec_id, way.name, way.size, timings, hits, way.coverage, way.left, page.next)


def _narrowed(way: Way[Query], asked: Sequence[Question[Query]]) -> list[Answer | SemblanceError]:
    """Answers to questions that are narrowed, each kind of them by a search of its own."""
    found: dict[int, Answer | SemblanceError] = {}
    for among in dict.fromkeys(question.wishes.among for question in asked):
        places = [place for place, question in enumerate(asked) if question.wishes.among == among]
        try:
            answers = answer(way.narrowed(among) if among else way, [asked[place] for place in places])
        except Overtaken:
            raise
        except SemblanceError as error:
            answers = [error for _ in places]
        found.update(zip(places, answers, strict=True))
    return [found[place] for place in range(len(asked))]
