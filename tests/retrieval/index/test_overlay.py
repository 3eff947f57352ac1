"""What the overlay asks of a base, exact or approximate; that it answers rightly is the contract's matter."""

from collections.abc import Callable, Sequence
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest

from semblance.retrieval.codes import Codes
from semblance.retrieval.index import Distances, FlatIndex, Ids, Overlay
from semblance.retrieval.index.contract import Rows
from semblance.retrieval.index.flat import Flat
from tests.retrieval.index.conftest import assert_exact, brute_force, some_codes, some_ids

NONE = np.empty(0, np.int64)


def filled(ids: Ids, stored: Codes, bits: int) -> FlatIndex:
    index = FlatIndex(bits)
    index.add(ids, stored)
    return index


class Counting(FlatIndex):
    """An exact base that says how deep it was asked, by how many queries."""

    def __init__(self, bits: int, ids: Ids, stored: Codes) -> None:
        super().__init__(bits, ids, stored)
        self.asked: list[tuple[int, int]] = []

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """As FlatIndex.search."""
        self.asked.append((len(codes), k))
        return super().search(codes, k, among)


class Approximate(FlatIndex):
    """An approximate base that proposes the rows that `propose` does for a query (W,) and k."""

    def __init__(self, below: FlatIndex, propose: Callable[[Codes, int], npt.ArrayLike]) -> None:
        super().__init__(below.bits, below.ids(), below.codes(below.ids()))
        self._propose = propose
        self.asked: list[int] = []

    def candidates(self, codes: Codes, k: int) -> Sequence[Rows]:
        """See Approximate.candidates."""
        self.asked.append(k)
        return [np.asarray(self._propose(query, k), np.intp) for query in codes]


def test_a_base_is_asked_deeper_only_for_a_query_with_removed_ones_near_it() -> None:
    """1,000 twins of one code are removed: ten hits are sought 20, 80, 320 and 1,280 deep there, 20 deep elsewhere."""
    stored = some_codes(5000, 64)
    stored[:1000] = stored[0]
    base = Counting(64, np.arange(5000), stored)
    index = Overlay(base)
    index.search(stored[:2], 10)
    assert base.asked == [(2, 10)], "nothing is removed, nothing stands in the way"
    base.asked.clear()
    index.remove(np.arange(1000))
    queries = np.stack([stored[0], ~stored[0]])
    distances, ids = index.search(queries, 10)
    expected = brute_force(queries, np.arange(1000, 5000), stored[1000:], 10)
    assert np.array_equal(distances, expected[0])
    assert np.array_equal(ids, expected[1])
    assert base.asked == [(2, 20), (1, 80), (1, 320), (1, 1280)]
    base.asked.clear()
    assert index.search(queries, 10, among=np.arange(900, 1100))[1].shape == (2, 10)
    assert len(base.asked) == 1, "the removed are not even among those asked about"


def test_an_id_of_the_base_comes_again_with_another_code() -> None:
    stored = some_codes(4, 16)
    index = Overlay(filled(np.arange(3), stored[:3], 16))
    with pytest.raises(ValueError, match="only once"):
        index.add(np.array([1]), stored[3:])
    assert index.remove(np.array([1, 1, 7])) == 1
    with pytest.raises(KeyError, match="1"):
        index.codes(np.array([0, 1]))
    index.add(np.array([1]), stored[3:])
    assert index.codes(np.array([2, 1])).tolist() == stored[[2, 3]].tolist()
    assert (len(index), index.ids().tolist()) == (3, [0, 1, 2])
    assert index.remove(np.array([1, 2])) == 2
    assert index.remove(np.array([1, 2])) == 0
    assert_exact(index, np.array([0]), stored[:1], (1, 5))


def test_the_base_and_ids_given_out_before_stay_as_they_were() -> None:
    base = filled(np.arange(9), some_codes(9, 16), 16)
    index = Overlay(base)
    index.add(np.array([20]), some_codes(1, 16))
    before = index.ids()
    index.remove(np.array([3, 20]))
    assert before.tolist() == [*range(9), 20]
    assert base.ids().tolist() == [*range(9)]
    for ids in (before, base.ids()):
        with pytest.raises(ValueError, match="read-only"):
            ids[0] = 5


# ---- approximate bases ---------------------------------------------------------------------------------------------


def test_what_is_proposed_is_ranked_by_the_stored_codes() -> None:
    """A base that knows only the first byte: the answer is brute force over what it proposes and what was added."""
    ids, stored = np.arange(4000), some_codes(4000, 32)
    base = Approximate(filled(ids, stored, 32), lambda query, _: np.flatnonzero(stored[:, 0] == query[0])[::-1])
    index = Overlay(base)
    index.remove(ids[::5])
    index.add(np.array([5000, 10]), stored[[7, 8]])
    now = {**{id: stored[id] for id in range(4000) if id % 5}, 5000: stored[7], 10: stored[8]}
    queries = some_codes(6, 32, seed=3)
    distances, found = index.search(queries, 3)
    exact = brute_force(queries, np.array([*now]), np.stack([*now.values()]), 3)
    assert not np.array_equal(found, exact[1]), "this base was to be wrong about something"
    for row, query in enumerate(queries):
        seen = np.array([id for id, code in now.items() if id in (5000, 10) or code[0] == query[0]])
        expected = brute_force(query[None], seen, np.stack([now[int(id)] for id in seen]), 3)
        assert distances[row].tolist() == expected[0][0].tolist()
        assert found[row].tolist() == expected[1][0].tolist()
        alone = index.search(query[None], 3)
        assert alone[1][0].tolist() == found[row].tolist(), "whatever else is asked at the same time"


@pytest.mark.parametrize("proposed", [[], [-1] * 20, [7, 7, 7], [10**6], range(9)], ids=str)
def test_a_base_that_proposes_too_little_shortens_no_answer(proposed: Sequence[int]) -> None:
    ids, stored = some_ids(80), some_codes(80, 12)
    index = Overlay(Approximate(filled(ids, stored, 12), lambda _query, _n: proposed))
    assert_exact(index, ids, stored, (10, 79, 200))


def test_how_many_are_asked_for() -> None:
    """One for each hit, as many more as may have been removed, and none where the ids are given."""
    ids = np.arange(1000)
    base = Approximate(filled(ids, some_codes(1000, 16), 16), lambda _, k: ids[:k])
    index = Overlay(base)
    for k in (1, 30):
        index.search(some_codes(2, 16), k)
    index.remove(ids[:7])
    for k in (1, 30):
        index.search(some_codes(2, 16), k)
    index.search(some_codes(2, 16), 30, among=ids[::7])
    assert base.asked == [1, 30, 2, 37]


def test_an_approximate_search_among_some_is_exact() -> None:
    ids, stored = some_ids(300), some_codes(300, 12)
    index = Overlay(Approximate(filled(ids, stored, 12), lambda _, k: np.arange(k)))
    queries, some = some_codes(4, 12, seed=2), np.arange(40, 280)
    distances, found = index.search(queries, 9, among=ids[some])
    expected = brute_force(queries, ids[some], stored[some], 9)
    assert np.array_equal(distances, expected[0])
    assert np.array_equal(found, expected[1])
    assert index.search(queries, 9, among=NONE)[1].shape == (4, 0)


@pytest.mark.parametrize("kind", ["hash", "multi-hash", "IVF"])
def test_the_seam_fits_the_engines_of_faiss(kind: str) -> None:
    """They answer with -1 or cannot remove or take no ids; twins are found, and the contract stands."""
    ids, stored = np.sort(some_ids(3000)), some_codes(3000, 64)
    engine: Any = {
        "hash": faiss.IndexBinaryHash(64, 12),
        "multi-hash": faiss.IndexBinaryMultiHash(64, 4, 12),
        "IVF": faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(64), 64, 16),
    }[kind]
    engine.train(stored)
    engine.add(stored)

    def propose(query: Codes, k: int) -> Rows:
        found: Rows = engine.search(query[None], min(20 * k, 3000))[1][0]
        return found

    index = Overlay(Approximate(filled(ids, stored, 64), propose))
    assert index.remove(ids[::3]) == 1000
    left = np.arange(3000) % 3 > 0
    distances, found = index.search(stored[left][:20], 5)
    assert found[:, 0].tolist() == ids[left][:20].tolist()
    assert distances[:, 0].tolist() == [0] * 20
    assert found.shape == (20, 5)
    assert np.isin(found, ids[left]).all()
    assert np.all(np.diff(distances, axis=1) >= 0)


def test_what_is_left_without_some_is_found_exactly_and_shares_what_the_base_holds() -> None:
    ids, stored = np.sort(some_ids(60)), some_codes(64, 256)
    index = Overlay(Approximate(filled(ids, stored[:60], 256), lambda *_: np.arange(3)))
    index.remove(ids[:5])
    index.add(np.array([7000, 7001]), stored[60:62])
    every = index.ids().copy()
    fewer = index.without(every[::3])
    left = np.delete(every, np.arange(0, len(every), 3))
    assert np.array_equal(fewer.ids(), left)
    assert_exact(fewer, left, index.codes(left), (1, 20))
    assert np.array_equal(index.ids(), every), "and the others are where they were"
    assert isinstance(index.base, Approximate)
    assert isinstance(fewer.base, Flat)
    assert np.shares_memory(fewer.base._codes, index.base._codes)
    codes = index.codes(left)
    index.remove(left)
    assert_exact(fewer, left, codes, (1, 20))
