"""The index contract: every engine against brute force, with ids in any order and far more ties than distances."""

import hashlib
import json
import os
import random
import threading
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
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import replace
from semblance.retrieval.index import flat
from semblance.retrieval.index.flat import Distances, FlatIndex, Ids, State, search_on_one_core

ENGINES = [FlatIndex]
engines = pytest.mark.parametrize("engine", ENGINES)
STATE = State("a-library", "a" * 64, 7)
QUERIES = 5


def some_codes(count: int, bits: int, seed: int = 0) -> Codes:
    return codes.pack(np.random.default_rng(seed).integers(0, 2, (count, bits)).astype(np.bool_))


def some_ids(count: int, seed: int = 0) -> Ids:
    """Ids with gaps, in no order, some beyond 32 bits."""
    ids: Ids = np.random.default_rng(seed).choice(10 * count, count, replace=False)
    return np.where(ids % 3 == 0, ids + 2**40, ids).astype(np.int64)


def brute_force(queries: Codes, ids: Ids, held: Codes, k: int) -> tuple[Distances, Ids]:
    """The contract in NumPy: sort by distance, then by id."""
    differing = queries[:, None] ^ held[None]
    distances = np.unpackbits(differing, axis=2).sum(axis=2, dtype=np.int32)
    order = np.array([np.lexsort((ids, row)) for row in distances], np.int64)[:, :k]
    return np.take_along_axis(distances, order, axis=1), ids[order]


def assert_exact(engine: FlatIndex, ids: Ids, held: Codes, ks: tuple[int, ...], seed: int = 9) -> None:
    queries = np.concatenate([some_codes(QUERIES, engine.bits, seed), held[:2]])
    for k in ks:
        distances, found = engine.search(queries, k)
        expected = brute_force(queries, ids, held, k)
        assert distances.dtype == np.int32
        assert found.dtype == np.int64
        assert np.array_equal(distances, expected[0]), k
        assert np.array_equal(found, expected[1]), k


@engines
@pytest.mark.parametrize("bits", [1, 3, 8, 12, 24, 32, 40, 64, 100, 128, 160, 256, 264, 512])
def test_search_is_brute_force_at_every_length(engine: type[FlatIndex], bits: int) -> None:
    ids, held = some_ids(300), some_codes(300, bits)
    one = engine(bits)
    one.add(ids, held)
    assert len(one) == 300
    assert_exact(one, ids, held, (1, 2, 10, 299, 300, 1000))


@engines
def test_ties_go_to_the_lower_id(engine: type[FlatIndex]) -> None:
    """Three bits make four distances: nearly every place in the answer is a tie."""
    for seed in range(5):
        ids, held = some_ids(500, seed), some_codes(500, 3, seed)
        one = engine(3)
        one.add(ids, held)
        assert_exact(one, ids, held, (1, 7, 63, 64, 65, 400))


@engines
def test_ties_in_a_large_index(engine: type[FlatIndex]) -> None:
    """More codes than FAISS takes in one block (65,536), more queries than there are cores."""
    count = 70_000
    held = some_codes(count, 8)
    one = engine(8)
    one.add(np.arange(count), held)
    queries = some_codes(40, 8, seed=1)
    for k in (1, 300):
        distances, found = one.search(queries, k)
        keys = np.sort(codes.hamming(queries, held).astype(np.int64) << 32 | np.arange(count), axis=1)[:, :k]
        assert np.array_equal(distances, keys >> 32)
        assert np.array_equal(found, keys & (2**32 - 1))


@engines
def test_one_query_and_many_agree(engine: type[FlatIndex]) -> None:
    one = engine(6)
    one.add(some_ids(400), some_codes(400, 6))
    queries = some_codes(30, 6, seed=2)
    together = one.search(queries, 20)
    for row in range(30):
        alone = one.search(queries[row : row + 1], 20)
        assert np.array_equal(alone[0][0], together[0][row])
        assert np.array_equal(alone[1][0], together[1][row])
    strided = one.search(queries[::-1], 20)
    assert np.array_equal(strided[1][::-1], together[1])


@engines
def test_portions_in_any_order(engine: type[FlatIndex]) -> None:
    """Later portions bring ids below, between and above those that are there."""
    ids, held = some_ids(200), some_codes(200, 4)
    one = engine(4)
    for portion in np.array_split(np.arange(200), 7):
        one.add(ids[portion], held[portion])
    assert len(one) == 200
    assert_exact(one, ids, held, (1, 50, 200))
    assert one.ids().tolist() == sorted(ids.tolist())
    for at in (0, 77, 199):
        assert one.code(int(ids[at])).tolist() == held[at].tolist()


@engines
def test_remove(engine: type[FlatIndex]) -> None:
    ids, held = some_ids(200), some_codes(200, 4)
    one = engine(4)
    one.add(ids, held)
    assert one.remove(np.array([-5, 2**50])) == 0
    assert one.remove(np.empty(0, np.int64)) == 0
    gone = np.concatenate([ids[::3], [-5]])
    assert one.remove(gone) == len(ids[::3])
    assert one.remove(gone) == 0
    left = np.delete(np.arange(200), np.arange(0, 200, 3))
    assert len(one) == len(left)
    assert_exact(one, ids[left], held[left], (1, 50, 200))
    with pytest.raises(KeyError):
        one.code(int(ids[0]))
    one.add(ids[:1], held[:1])  # what is gone may come again
    assert one.code(int(ids[0])).tolist() == held[0].tolist()
    one.remove(ids)
    assert len(one) == 0
    assert one.search(held[:3], 5)[1].shape == (3, 0)
    one.add(ids, held)
    assert_exact(one, ids, held, (10,))


@engines
def test_an_empty_index(engine: type[FlatIndex]) -> None:
    one = engine(16)
    assert len(one) == 0
    assert one.ids().tolist() == []
    distances, ids = one.search(some_codes(3, 16), 10)
    assert (distances.shape, ids.shape) == ((3, 0), (3, 0))
    assert distances.dtype == np.int32
    assert ids.dtype == np.int64
    one.add(np.empty(0, np.int64), np.empty((0, 2), np.uint8))
    assert len(one) == 0
    with pytest.raises(KeyError):
        one.code(0)
    one.add(np.array([4]), some_codes(1, 16))
    assert one.search(some_codes(0, 16), 10)[1].shape == (0, 1)


@engines
def test_an_id_stands_only_once(engine: type[FlatIndex]) -> None:
    held = some_codes(3, 8)
    one = engine(8)
    one.add(np.array([5, 9]), held[:2])
    for again in ([9, 12], [12, 12], [1, 5]):
        with pytest.raises(ValueError, match="only once"):
            one.add(np.array(again), held[:2])
    assert one.ids().tolist() == [5, 9]  # a refused portion leaves nothing behind
    assert one.code(9).tolist() == held[1].tolist()


@engines
def test_codes_are_given_back_by_their_ids_in_any_order(engine: type[FlatIndex]) -> None:
    ids, held = some_ids(50), some_codes(50, 20)
    one = engine(20)
    none = np.empty(0, np.int64)
    assert one.codes(none).shape == (0, 3)
    with pytest.raises(KeyError, match="7"):
        one.codes(np.array([7]))
    one.add(ids, held)
    asked = np.array([9, 3, 3, 40])
    found = one.codes(ids[asked])
    assert np.array_equal(found, held[asked])
    assert one.codes(none).shape == (0, 3)
    found[:] = 0
    assert np.array_equal(one.codes(ids), held), "what is given back is a copy"
    for unknown in (-1, int(ids.max()) + 1, int(ids.min()) + 1):
        if unknown not in ids:
            with pytest.raises(KeyError, match=str(unknown)):
                one.codes(np.array([ids[0], unknown]))


@engines
def test_wrong_arguments_are_refused_at_the_door(engine: type[FlatIndex]) -> None:
    one = engine(12)
    one.add(np.array([1]), some_codes(1, 12))
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

    @initialize(engine=st.sampled_from(ENGINES), bits=st.sampled_from([1, 4, 9, 32]))
    def begin(self, engine: type[FlatIndex], bits: int) -> None:
        self.index, self.bits = engine(bits), bits
        self.held: dict[int, Codes] = {}
        self.threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # thousands of searches of a microsecond each

    def teardown(self) -> None:
        faiss.omp_set_num_threads(self.threads)

    @rule(ids=st.sets(st.integers(0, 30), max_size=8), seed=st.integers(0, 99), shuffle=st.randoms())
    def add(self, ids: set[int], seed: int, shuffle: random.Random) -> None:
        fresh = list(ids - set(self.held))
        shuffle.shuffle(fresh)
        new = some_codes(len(fresh), self.bits, seed)
        self.index.add(np.array(fresh, np.int64), new)
        self.held.update(zip(fresh, new, strict=True))

    @rule(ids=st.lists(st.integers(-2, 32), max_size=8))
    def remove(self, ids: list[int]) -> None:
        expected = sum(self.held.pop(id, None) is not None for id in ids)
        assert self.index.remove(np.array(ids, np.int64)) == expected

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def add_again(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.held)))
        with pytest.raises(ValueError, match="only once"):
            self.index.add(np.array([id]), some_codes(1, self.bits))

    @invariant()
    def answers_as_brute_force_does(self) -> None:
        if not hasattr(self, "index"):
            return
        assert len(self.index) == len(self.held)
        assert self.index.ids().tolist() == sorted(self.held)
        queries = some_codes(3, self.bits, seed=5)
        ids = np.array([*self.held], np.int64)
        held = np.array([*self.held.values()], np.uint8).reshape(len(ids), codes.width(self.bits))
        for k in (1, 4, 100):
            distances, found = self.index.search(queries, k)
            expected = brute_force(queries, ids, held, k)
            assert np.array_equal(distances, expected[0])
            assert np.array_equal(found, expected[1])
        for id, code in self.held.items():
            assert np.array_equal(self.index.code(id), code)


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestLife = Life.TestCase


def test_one_core_is_the_matter_of_the_thread_that_asks() -> None:
    """Indexing and evaluation in other threads keep all the cores."""
    before = faiss.omp_get_max_threads()
    seen: list[int] = []

    def ask() -> None:
        search_on_one_core()
        seen.append(faiss.omp_get_max_threads())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert seen == [1]
    assert faiss.omp_get_max_threads() == before


# ---- snapshots -----------------------------------------------------------------------------------------------------


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """100 codes of 20 bits, saved."""
    one = FlatIndex(20)
    one.add(some_ids(100), some_codes(100, 20))
    one.save(tmp_path / "index.faiss", STATE)
    return tmp_path / "index.faiss"


def test_a_snapshot_brings_back_the_index(snapshot: Path) -> None:
    one = FlatIndex.load(snapshot, 20, STATE)
    assert len(one) == 100
    assert_exact(one, some_ids(100), some_codes(100, 20), (1, 100))
    one.remove(some_ids(100)[:50])  # and it lives on
    one.add(np.array([2**50, -1 + 2**39]), some_codes(2, 20, seed=3))
    ids = np.concatenate([some_ids(100)[50:], [2**50, -1 + 2**39]])
    assert_exact(one, ids, np.concatenate([some_codes(100, 20)[50:], some_codes(2, 20, seed=3)]), (1, 52))
    assert [path.name for path in snapshot.parent.iterdir()] == ["index.faiss"]


def test_an_empty_index_is_saved_too(tmp_path: Path) -> None:
    FlatIndex(20).save(tmp_path / "index.faiss", STATE)
    assert len(FlatIndex.load(tmp_path / "index.faiss", 20, STATE)) == 0


def test_faiss_itself_reads_a_snapshot(snapshot: Path) -> None:
    held = faiss.read_index_binary(str(snapshot))
    assert held.ntotal == 100
    distances, ids = held.search(some_codes(3, 20, seed=9), 10)
    expected = brute_force(some_codes(3, 20, seed=9), some_ids(100), some_codes(100, 20), 10)
    assert np.array_equal(distances, expected[0])
    assert np.array_equal(ids, expected[1])


@pytest.mark.parametrize(
    ("bits", "state"),
    [
        (20, State("another-library", STATE.codec_id, STATE.generation)),
        (20, State(STATE.library, "b" * 64, STATE.generation)),
        (20, State(STATE.library, STATE.codec_id, STATE.generation + 1)),
        (24, STATE),  # as many bytes, but another length
        (256, STATE),
    ],
)
def test_a_snapshot_of_anything_else_is_not_trusted(snapshot: Path, bits: int, state: State) -> None:
    with pytest.raises(SnapshotError, match="another state"):
        FlatIndex.load(snapshot, bits, state)


def test_no_flipped_byte_is_trusted(snapshot: Path) -> None:
    whole = snapshot.read_bytes()
    for at in [*range(0, len(whole), 5), *range(len(whole) - 20, len(whole))]:
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        snapshot.write_bytes(damaged)
        with pytest.raises(SnapshotError):
            FlatIndex.load(snapshot, 20, STATE)


def test_no_cut_is_trusted(snapshot: Path) -> None:
    whole = snapshot.read_bytes()
    for length in [*range(40), *range(40, len(whole), 37), len(whole) - 1]:
        snapshot.write_bytes(whole[:length])
        with pytest.raises(SnapshotError):
            FlatIndex.load(snapshot, 20, STATE)
    snapshot.write_bytes(whole + b"\0")
    with pytest.raises(SnapshotError):
        FlatIndex.load(snapshot, 20, STATE)
    snapshot.unlink()
    with pytest.raises(SnapshotError, match="cannot be read"):
        FlatIndex.load(snapshot, 20, STATE)


def test_a_whole_snapshot_that_faiss_does_not_follow(tmp_path: Path) -> None:
    """As after a change of FAISS's own format: the checksum is right, and still it is rebuilt rather than a crash."""
    body = b"IBxx" + bytes(100)
    trailer = flat._trailer(STATE, 20, hashlib.sha256(body).hexdigest())
    assert json.loads(trailer)["codec_id"] == STATE.codec_id
    replace(tmp_path / "index.faiss", [body, trailer, len(trailer).to_bytes(8, "little"), flat._MAGIC])
    with pytest.raises(SnapshotError, match="version of FAISS"):
        FlatIndex.load(tmp_path / "index.faiss", 20, STATE)


def test_a_failed_save_leaves_the_old_snapshot(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        FlatIndex(20).save(snapshot, STATE)
    assert snapshot.read_bytes() == before
    assert [path.name for path in snapshot.parent.iterdir()] == ["index.faiss"]
