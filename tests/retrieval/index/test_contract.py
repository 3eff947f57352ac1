"""The index contract: every engine against brute force, with ids in any order and far more ties than distances."""

import random
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from semblance.retrieval import codes
from semblance.retrieval.codes import Codes
from semblance.retrieval.files import replace
from semblance.retrieval.index import ENGINES as BUILT
from semblance.retrieval.index import FlatIndex, Ids, MappedFlat
from semblance.retrieval.index.mapped import to_file
from semblance.retrieval.progress import quiet
from tests.retrieval.index.conftest import (
    ENGINES,
    Engine,
    assert_exact,
    brute_force,
    made,
    reopened,
    some_codes,
    some_ids,
)

engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


@engines
@pytest.mark.parametrize("bits", [1, 3, 8, 12, 24, 32, 40, 64, 100, 128, 160, 256, 264, 512])
def test_search_is_brute_force_at_every_length(engine: Engine, bits: int) -> None:
    ids, stored = some_ids(300), some_codes(300, bits)
    one = made(engine, bits, ids, stored)
    assert len(one) == 300
    assert_exact(one, ids, stored, (1, 2, 10, 299, 300, 1000))


@engines
def test_ties_go_to_the_lower_id(engine: Engine) -> None:
    """Three bits make four distances: nearly every place in the answer is a tie."""
    for seed in range(5):
        ids, stored = some_ids(500, seed), some_codes(500, 3, seed)
        one = made(engine, 3, ids, stored)
        assert_exact(one, ids, stored, (1, 7, 63, 64, 65, 400))


@engines
def test_ties_in_a_large_index(engine: Engine) -> None:
    """More codes than FAISS takes in one block (65,536), more queries than there are cores."""
    count = 70_000
    stored = some_codes(count, 8)
    one = made(engine, 8, np.arange(count), stored)
    faiss.omp_set_num_threads(2)
    queries = some_codes(40, 8, seed=1)
    for k in (1, 300):
        distances, found = one.search(queries, k)
        keys = np.sort(codes.hamming(queries, stored).astype(np.int64) << 32 | np.arange(count), axis=1)[:, :k]
        assert np.array_equal(distances, keys >> 32)
        assert np.array_equal(found, keys & (2**32 - 1))


@engines
def test_one_query_and_many_agree(engine: Engine) -> None:
    one = made(engine, 6, some_ids(400), some_codes(400, 6))
    queries = some_codes(30, 6, seed=2)
    together = one.search(queries, 20)
    for row in range(30):
        alone = one.search(queries[row : row + 1], 20)
        assert np.array_equal(alone[0][0], together[0][row])
        assert np.array_equal(alone[1][0], together[1][row])
    strided = one.search(queries[::-1], 20)
    assert np.array_equal(strided[1][::-1], together[1])


@engines
def test_portions_in_any_order(engine: Engine) -> None:
    """Later portions bring ids below, between and above those that are there."""
    ids, stored = some_ids(200), some_codes(200, 4)
    one = made(engine, 4)
    for portion in np.array_split(np.arange(200), 7):
        one.add(ids[portion], stored[portion])
    assert len(one) == 200
    assert_exact(one, ids, stored, (1, 50, 200))
    assert one.ids().tolist() == sorted(ids.tolist())
    for at in (0, 77, 199):
        assert one.codes(ids[[at]])[0].tolist() == stored[at].tolist()


@engines
def test_remove(engine: Engine) -> None:
    ids, stored = some_ids(200), some_codes(200, 4)
    one = made(engine, 4, ids, stored)
    assert one.remove(np.array([-5, 2**50])) == 0
    assert one.remove(np.empty(0, np.int64)) == 0
    gone = np.concatenate([ids[::3], [-5]])
    assert one.remove(np.concatenate([gone, gone[:5]])) == len(ids[::3])
    assert one.remove(gone) == 0
    left = np.delete(np.arange(200), np.arange(0, 200, 3))
    assert len(one) == len(left)
    assert_exact(one, ids[left], stored[left], (1, 50, 200))
    with pytest.raises(KeyError):
        one.codes(ids[:1])
    one.add(ids[:1], stored[:1])  # what is gone may come again
    assert one.codes(ids[:1])[0].tolist() == stored[0].tolist()
    one.remove(ids)
    assert len(one) == 0
    assert one.search(stored[:3], 5)[1].shape == (3, 0)
    one.add(ids, stored)
    assert_exact(one, ids, stored, (10,))


@engines
def test_an_empty_index(engine: Engine) -> None:
    one = made(engine, 16)
    assert len(one) == 0
    assert one.ids().tolist() == []
    distances, ids = one.search(some_codes(3, 16), 10)
    assert (distances.shape, ids.shape) == ((3, 0), (3, 0))
    assert distances.dtype == np.int32
    assert ids.dtype == np.int64
    one.add(np.empty(0, np.int64), np.empty((0, 2), np.uint8))
    assert len(one) == 0
    with pytest.raises(KeyError):
        one.codes(np.array([0]))
    one.add(np.array([4]), some_codes(1, 16))
    assert one.search(some_codes(0, 16), 10)[1].shape == (0, 1)


@engines
def test_an_id_stands_only_once(engine: Engine) -> None:
    stored = some_codes(3, 8)
    one = made(engine, 8, np.array([5, 9]), stored[:2])
    for again in ([9, 12], [12, 12], [1, 5]):
        with pytest.raises(ValueError, match="only once"):
            one.add(np.array(again), stored[:2])
    assert one.ids().tolist() == [5, 9]  # a refused portion leaves nothing behind
    assert one.codes(np.array([9]))[0].tolist() == stored[1].tolist()


@engines
def test_codes_are_given_back_by_their_ids_in_any_order(engine: Engine) -> None:
    ids, stored = some_ids(50), some_codes(50, 20)
    one = made(engine, 20)
    none = np.empty(0, np.int64)
    assert one.codes(none).shape == (0, 3)
    with pytest.raises(KeyError, match="7"):
        one.codes(np.array([7]))
    one.add(ids, stored)
    asked = np.array([9, 3, 3, 40])
    found = one.codes(ids[asked])
    assert np.array_equal(found, stored[asked])
    assert one.codes(none).shape == (0, 3)
    found[:] = 0
    assert np.array_equal(one.codes(ids), stored), "what is given back is a copy"
    for unknown in (-1, int(ids.max()) + 1, int(ids.min()) + 1):
        if unknown not in ids:
            with pytest.raises(KeyError, match=str(unknown)):
                one.codes(np.array([ids[0], unknown]))


@engines
def test_wrong_arguments_are_refused_at_the_door(engine: Engine) -> None:
    one = made(engine, 12, np.array([1]), some_codes(1, 12))
    with pytest.raises(ValueError, match="2 ids for 1 codes"):
        one.add(np.array([2, 3]), some_codes(1, 12))
    wrongs: list[npt.NDArray[Any]] = [some_codes(1, 20), np.full((1, 2), 255, np.uint8), np.zeros((1, 2), np.int64)]
    for wrong in [*wrongs, some_codes(1, 12)[0]]:
        with pytest.raises(ValueError, match="12 bits"):
            one.add(np.array([2]), wrong)
        with pytest.raises(ValueError, match="12 bits"):
            one.search(wrong, 1)
    for k in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            one.search(some_codes(1, 12), k)
    assert len(one) == 1


class Life(RuleBasedStateMachine):
    """Any life of an index: portions come and go, and at every moment it answers as brute force does."""

    @initialize(engine=st.sampled_from([*ENGINES]), bits=st.sampled_from([1, 4, 9, 32]))
    def begin(self, engine: str, bits: int) -> None:
        self.engine, self.bits = ENGINES[engine], bits
        self.index = made(self.engine, bits)
        self.stored: dict[int, Codes] = {}

    @rule(ids=st.sets(st.integers(0, 30), max_size=8), seed=st.integers(0, 99), shuffle=st.randoms())
    def add(self, ids: set[int], seed: int, shuffle: random.Random) -> None:
        fresh = list(ids - set(self.stored))
        shuffle.shuffle(fresh)
        new = some_codes(len(fresh), self.bits, seed)
        self.index.add(np.array(fresh, np.int64), new)
        self.stored.update(zip(fresh, new, strict=True))

    @rule(ids=st.lists(st.integers(-2, 32), max_size=8))
    def remove(self, ids: list[int]) -> None:
        expected = sum(self.stored.pop(id, None) is not None for id in ids)
        assert self.index.remove(np.array(ids, np.int64)) == expected

    @precondition(lambda self: self.stored)
    @rule(data=st.data())
    def add_again(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.stored)))
        with pytest.raises(ValueError, match="only once"):
            self.index.add(np.array([id]), some_codes(1, self.bits))

    @rule()
    def save_and_reopen(self) -> None:
        self.index = reopened(self.engine, self.index)

    @rule(ids=st.lists(st.integers(-2, 32), max_size=12))
    def search_among(self, ids: list[int]) -> None:
        self.check({id: code for id, code in self.stored.items() if id in ids}, np.array(ids, np.int64))

    @invariant()
    def answers_as_brute_force_does(self) -> None:
        if not hasattr(self, "index"):
            return
        assert len(self.index) == len(self.stored)
        assert self.index.ids().tolist() == sorted(self.stored)
        self.check(self.stored)
        for id, code in self.stored.items():
            assert np.array_equal(self.index.codes(np.array([id]))[0], code)

    def check(self, findable: dict[int, Codes], among: Ids | None = None) -> None:
        queries = some_codes(3, self.bits, seed=5)
        ids = np.array([*findable], np.int64)
        stored = np.array([*findable.values()], np.uint8).reshape(len(ids), codes.width(self.bits))
        for k in (1, 4, 100):
            distances, found = self.index.search(queries, k, among)
            expected = brute_force(queries, ids, stored, k)
            assert np.array_equal(distances, expected[0])
            assert np.array_equal(found, expected[1])


Life.TestCase.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
TestLife = Life.TestCase


def test_a_search_takes_one_core_and_leaves_its_thread_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    faiss.omp_set_num_threads(2)
    seen: list[int] = []
    real = faiss.knn_hamming

    def watched(*arguments: Any) -> Any:
        seen.append(faiss.omp_get_max_threads())
        return real(*arguments)

    monkeypatch.setattr(faiss, "knn_hamming", watched)
    FlatIndex(8, np.arange(3), np.zeros((3, 1), np.uint8)).search(np.zeros((1, 1), np.uint8), 2)
    assert seen == [1]
    assert faiss.omp_get_max_threads() == 2


@pytest.mark.parametrize("name", BUILT)
def test_what_an_engine_writes_is_as_private_as_its_folder(name: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    replace(tmp_path / "codes", to_file(FlatIndex(256, np.arange(500, dtype=np.int64), some_codes(500, 256))))
    BUILT[name].build(MappedFlat(tmp_path / "codes", 256), tmp_path, quiet)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert len([*tmp_path.iterdir()]) > 1
