"""What a Milvus answers is what brute force answers, with a catalog's changes over it and narrowed."""

import datetime
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from semblance.indexer.answers.coded import Coded
from semblance.indexer.catalog import Catalog, Narrowing, Purpose
from semblance.indexer.derived import engines, snapshot
from semblance.indexer.milvus import filling, loading, searching
from semblance.indexer.milvus.searching import MilvusIndex
from semblance.retrieval import queries
from semblance.retrieval.codes import Codes, hamming
from semblance.retrieval.index import CodeIndex, FlatIndex, Ids
from semblance.scripts.benchmarks.stores.milvus_server import Milvus
from tests.indexer.milvus.conftest import FOLDERS, Drawn

COUNT = 500


@pytest.fixture(scope="module")
def kept(drawn: Callable[[int], Drawn], milvus: Milvus) -> Drawn:
    """A library whose codes are in a Milvus."""
    library = drawn(COUNT)
    filling.fill(library.folder, milvus.address("searching"))
    return library


@pytest.fixture
def catalog(kept: Drawn) -> Iterator[Catalog]:
    with Catalog.opened(kept.folder) as opened:
        yield opened


def loaded(catalog: Catalog, milvus: Milvus, purpose: Purpose = "alike") -> MilvusIndex:
    codec = catalog.current(purpose)
    assert codec is not None
    index, generation = loading.load(catalog, purpose, codec, milvus.address("searching"))
    snapshot.take_in(index, catalog.changes(generation.number, codec.codec_id))
    return index


def same(index: CodeIndex, flat: FlatIndex, queries: Codes, k: int, among: Ids | None = None) -> None:
    """Both answer alike; what is right is said by the definition of distance, not by an index."""
    ids = flat.ids() if among is None else np.intersect1d(flat.ids(), among)
    far = hamming(queries, flat.codes(ids))
    order = np.argsort(far, axis=1, kind="stable")[:, :k]
    distances, found = index.search(queries, k, among)
    assert np.array_equal(found, ids[order])
    assert np.array_equal(distances, np.take_along_axis(far, order, axis=1))


@pytest.mark.parametrize("purpose", ["alike", "same"])
@pytest.mark.parametrize("k", [1, 10, 60, COUNT + 5])
def test_the_nearest_are_those_of_brute_force(
    kept: Drawn, catalog: Catalog, milvus: Milvus, purpose: Purpose, k: int
) -> None:
    index, flat = loaded(catalog, milvus, purpose), kept.flat(purpose)
    assert len(index) == len(flat)
    same(index, flat, kept.codes(40), k)
    same(index, flat, kept.codes(3), k, np.array([7, 400, 3, 7, 10**12, 99]))


@pytest.mark.parametrize("k", [5, 100])
def test_crowds_beyond_what_milvus_gives_at_once_are_not_cut(
    kept: Drawn, catalog: Catalog, milvus: Milvus, monkeypatch: pytest.MonkeyPatch, k: int
) -> None:
    monkeypatch.setattr(searching, "MOST", 24)
    index, flat = loaded(catalog, milvus), kept.flat("alike")
    assert np.array_equal(index.ids(), flat.ids())
    same(index, flat, kept.codes(20), k)


def test_what_is_near_by_chance_is_told_by_the_same_codes_wherever_they_are(
    kept: Drawn, catalog: Catalog, milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SAMPLED", 40)
    indexes = (engines.AUTO, milvus.address("searching"))
    here, there = (Coded.load(catalog, kept.same, "same", index) for index in indexes)
    assert np.array_equal(there.sample, here.sample)


def test_what_is_stored_is_read_again(kept: Drawn, catalog: Catalog, milvus: Milvus) -> None:
    index, flat = loaded(catalog, milvus), kept.flat("alike")
    some = flat.ids()[[9, 3, 77, 3]]
    assert np.array_equal(index.codes(some), flat.codes(some))
    assert index.has(np.array([some[0], 10**9, -1, some[1]])).tolist() == [True, False, False, True]
    with pytest.raises(KeyError):
        index.codes(np.array([some[0], 10**9]))


def narrowings() -> list[Narrowing]:
    days = datetime.date(2005, 1, 6), datetime.date(2012, 1, 13)
    return [
        *(Narrowing(folder=folder) for folder in (*FOLDERS, "/pictures/none", "/")),
        Narrowing(taken_from=days[0]),
        Narrowing(taken_to=days[0]),
        Narrowing(folder="/pictures/a", taken_from=days[0], taken_to=days[1]),
        Narrowing(camera="leica m8"),
        Narrowing(folder="/pictures/a", min_pixels=10),
    ]


def test_questions_are_narrowed_as_the_catalog_does(kept: Drawn, milvus: Milvus) -> None:
    with Catalog.opened(kept.folder) as catalog:
        index = loaded(catalog, milvus)
        kept.add(COUNT, 40)  # which Milvus has not
        kept.forget(0, 6, 12, 1)
        codec = catalog.current("alike")
        assert codec is not None
        snapshot.take_in(index, catalog.changes(1, codec.codec_id))
        flat, queries = kept.flat("alike"), kept.codes(5)
        for asked in narrowings():
            ids = catalog.among(asked)
            narrowed, left = index.narrowed(asked, ids)
            assert left == len(ids)
            far = hamming(queries, flat.codes(ids))
            order = np.argsort(far, axis=1, kind="stable")[:, :30]
            assert np.array_equal(narrowed.search(queries, 30)[1], ids[order]), asked


def test_what_came_since_lies_over_it_also_while_it_is_brought_there(kept: Drawn, milvus: Milvus) -> None:
    with Catalog.opened(kept.folder) as catalog:
        index = loaded(catalog, milvus)
        kept.add(2 * COUNT, 60)
        kept.forget(*range(100, 140))
        codec = catalog.current("alike")
        assert codec is not None
        snapshot.take_in(index, catalog.changes(index.base.held.generation.number, codec.codec_id))
        flat, queries = kept.flat("alike"), kept.codes(30)
        same(index, flat, queries, 50)
        filling.fill(kept.folder, milvus.address("searching"))
        same(index, flat, queries, 50)  # the very same object: what is there twice now is found once
        same(loaded(catalog, milvus), flat, queries, 50)
