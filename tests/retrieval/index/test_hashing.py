"""Semantic hashing: the balls that are visited, what is compared in them, and what is not opened."""

import tracemalloc
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index import ENGINES, FlatIndex, Overlay
from semblance.retrieval.index.hashing import ADDRESS, HashIndex, flips
from semblance.retrieval.progress import quiet
from tests.retrieval.index.conftest import brute_force, some_codes

BITS = 40


def built(folder: Path, stored: Codes, bits: int = BITS) -> HashIndex:
    flat = FlatIndex(bits, 3 * np.arange(len(stored)), stored)
    HashIndex.build(flat, folder, quiet)
    return HashIndex.open(flat, folder)


def apart(queries: Codes, stored: Codes, bits: int) -> npt.NDArray[np.int64]:
    """Hamming distances of the first `bits` bits, from the bits themselves: (Q, N)."""
    one, other = (packed.unpack(codes, BITS)[:, :bits] for codes in (queries, stored))
    differing: npt.NDArray[np.int64] = np.sum(one[:, None] != other[None], axis=2)
    return differing


def test_a_ball_is_visited_whole_before_the_next_and_pruned_by_all_bits(tmp_path: Path) -> None:
    """2,000 codes have addresses of 11 bits: what is proposed is brute force over the least ball that has enough."""
    stored, queries = some_codes(2000, BITS), some_codes(12, BITS, seed=4)
    stored[50:60] = stored[0]
    queries[0] = stored[0]
    engine = built(tmp_path, stored)
    far = apart(queries, stored, 11)
    for effort in (1, 40, 700, 10**6):
        engine.effort = effort
        for k in (1, 10, 100):
            for row, proposed in enumerate(engine.candidates(queries, k)):
                enough = [radius for radius in range(12) if np.sum(far[row] <= radius) >= effort] or [11]
                ball = np.flatnonzero(far[row] <= enough[0])
                distances, nearest = brute_force(queries[row : row + 1], ball, stored[ball], k)
                assert {*nearest[0].tolist()} <= {*proposed.tolist()} <= {*ball.tolist()}
                assert len(proposed) == len(set(proposed.tolist()))
                assert apart(queries[row : row + 1], stored[proposed], BITS).max() == distances.max()


def test_codes_that_differ_far_behind_are_found_by_their_address_and_others_missed(tmp_path: Path) -> None:
    """Twins but for the last bits lie at the query's address; one near by all bits, but not by the first, is missed."""
    stored = some_codes(3000, BITS)
    engine = built(tmp_path, stored)
    engine.effort = 1
    query = stored[5:6].copy()
    query[0, 4] ^= 0b11  # bits 32 and 33
    assert 5 in engine.candidates(query, 1)[0].tolist()
    query = stored[5:6].copy()
    query[0, 0] ^= 0b11  # the first two
    assert 5 not in engine.candidates(query, 1)[0].tolist()
    engine.effort = 3000
    assert 5 in engine.candidates(query, 1)[0].tolist()


def test_an_effort_finds_what_it_says_and_the_answer_is_never_short(tmp_path: Path) -> None:
    stored, queries = some_codes(4000, BITS), some_codes(40, BITS, seed=7)
    engine = built(tmp_path, stored)
    index = Overlay(engine)
    last = brute_force(queries, engine.ids(), stored, 10)[0][:, -1:]
    recalls = []
    for engine.effort in (1, 500, 4000):
        distances, ids = index.search(queries, 10)
        assert ids.shape == (40, 10)
        recalls.append(float(np.mean(distances <= last)))
    assert recalls[0] < recalls[1] < recalls[2] == 1


@pytest.mark.parametrize(("length", "radius"), [(1, 0), (1, 1), (5, 2), (12, 3), (28, 2), (6, 6), (6, 7)])
def test_the_shells_of_a_ball(length: int, radius: int) -> None:
    expected = sorted(sum(1 << bit for bit in bits) for bits in combinations(range(length), radius))
    assert sorted(flips(length, radius).tolist()) == expected
    assert len(expected) == comb(length, radius)


@pytest.mark.parametrize("bits", [3, 28, 40])
@pytest.mark.parametrize("count", [0, 1, 2, 600])
def test_few_codes_and_one_code_many_times(tmp_path: Path, count: int, bits: int) -> None:
    stored = np.repeat(some_codes(1, bits), count, axis=0)
    distances, ids = Overlay(built(tmp_path, stored, bits)).search(some_codes(2, bits), 10)
    assert ids.tolist() == [[3 * row for row in range(min(count, 10))]] * 2
    assert distances[:, : min(count, 1)].tolist() == packed.hamming(some_codes(2, bits), stored[:1]).tolist()


def test_nothing_but_what_was_built_of_these_codes_is_opened(tmp_path: Path) -> None:
    stored = some_codes(400, BITS)
    flat = FlatIndex(BITS, np.arange(400), stored)
    HashIndex.build(flat, tmp_path, quiet)
    for name in ("rows.npy", "starts.npy"):
        path = tmp_path / name
        whole, array = path.read_bytes(), np.load(path)
        wrong = array.copy()
        wrong[7] = 10**6
        for other in (array[:-1], array[None], array.astype(float), wrong, np.zeros_like(array), np.roll(array, 1) - 1):
            np.save(path, other)
            with pytest.raises(SnapshotError, match="of other codes"):
                HashIndex.open(flat, tmp_path)
        for data in (b"", whole[:-9], b"text" * 99, whole[:40]):
            path.write_bytes(data)
            with pytest.raises(SnapshotError, match=r"can(not)? be read|of other codes"):
                HashIndex.open(flat, tmp_path)
        path.unlink()
        with pytest.raises(SnapshotError):
            HashIndex.open(flat, tmp_path)
        path.write_bytes(whole)
    assert len(HashIndex.open(flat, tmp_path)) == 400
    for bits, count in ((BITS, 399), (8, 400), (BITS, 0)):
        with pytest.raises(SnapshotError, match="of other codes"):
            HashIndex.open(FlatIndex(bits, np.arange(count), some_codes(count, bits)), tmp_path)


@pytest.mark.parametrize("name", ["rows", "starts"])
@pytest.mark.parametrize("least", [0, -(2**31)])
def test_what_is_damaged_once_it_is_open_ends_no_search_in_an_error(tmp_path: Path, name: str, least: int) -> None:
    """Checksums tell of it soon after; until then an answer may lack what it should have. Nor does it take memory."""
    engine = built(tmp_path, some_codes(3000, BITS))
    array = np.load(tmp_path / f"{name}.npy", mmap_mode="r+")
    array[:] = np.random.default_rng(0).integers(least, 2**31, array.shape)
    array.flush()
    tracemalloc.start()
    for effort in engine.efforts:
        engine.effort = effort
        distances, ids = Overlay(engine).search(some_codes(20, BITS, 1), 10)
        assert ids.shape == (20, 10)
        far = apart(some_codes(20, BITS, 1), some_codes(3000, BITS), BITS)
        assert np.array_equal(distances, np.take_along_axis(far, ids // 3, axis=1))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10**8


def test_it_is_an_engine_by_its_name() -> None:
    assert ENGINES["hash"] is HashIndex
    assert sorted(HashIndex.efforts) == list(HashIndex.efforts)
    assert ADDRESS == 28
