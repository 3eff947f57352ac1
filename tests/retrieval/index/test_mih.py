"""Multi-index hashing: what its bound proves, when it compares all codes instead, its tables, and what it opens."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index import ENGINES, FlatIndex, Overlay
from semblance.retrieval.index.flat import Flat
from semblance.retrieval.index.hashing import ranges
from semblance.retrieval.index.mih import MihIndex, Plan
from semblance.retrieval.index.tables import share_out, sizes
from semblance.retrieval.progress import quiet
from tests.retrieval.index.conftest import Patient, brute_force, some_codes

BITS = 64


def built(folder: Path, stored: Codes, bits: int = BITS, kind: type[MihIndex] = Patient) -> MihIndex:
    flat = FlatIndex(bits, np.arange(len(stored)), stored)
    kind.build(flat, folder, quiet)
    return kind.open(flat, folder)


def parts_of(engine: MihIndex) -> list[list[int]]:
    """Which bits each part has."""
    shared, ends = engine._tables._shared.tolist(), np.cumsum(engine._tables.sizes).tolist()
    return [shared[end - size : end] for end, size in zip(ends, engine._tables.sizes, strict=True)]


def flipped(code: Codes, parts: list[list[int]], each: list[int], rng: np.random.Generator) -> Codes:
    """One code (W,) with so many bits of each part flipped, as a query (1, W)."""
    signs = packed.unpack(code[None], BITS)
    for part, number in zip(parts, each, strict=True):
        signs[0, rng.choice(part, number, replace=False)] ^= True
    return packed.pack(signs)


@pytest.mark.parametrize("each", [1, 2, 3, 4])
def test_a_code_that_differs_by_the_radius_and_one_in_every_part_is_found(
    tmp_path: Path, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a code is the nearest that looks may miss. It is the k-th, or as near as others are, so that a proof that
    stops one too soon gives another in its place. Looks are made one by one, as rounds of several go farther."""
    by_many = Plan.cheapest
    monkeypatch.setattr(Plan, "cheapest", lambda plan, needed: by_many(plan, min(needed, 1)))
    stored = some_codes(3000, BITS)
    engine, rng = built(tmp_path, stored), np.random.default_rng(each)
    parts, ids = parts_of(engine), np.arange(3000)
    for id in range(0, 3000, 30):
        for more in range(len(parts)):
            query = flipped(stored[id], parts, [each - 1 + (part >= more) for part in range(len(parts))], rng)
            distances, nearest = brute_force(query, ids, stored, 200)
            if id in nearest:
                k = nearest[0].tolist().index(id) + 1
                found = engine.search(query, k)
                assert found[0].tolist() == distances[:, :k].tolist()
                assert found[1].tolist() == nearest[:, :k].tolist()


def test_all_within_the_bound_have_been_met_and_one_farther_may_be_missed(tmp_path: Path) -> None:
    stored = some_codes(3000, BITS)
    stored[1000:2000] = stored[:1] ^ (some_codes(1000, BITS, 1) & some_codes(1000, BITS, 2) & some_codes(1000, BITS, 3))
    engine = built(tmp_path, stored)
    tables, tight = engine._tables, 0
    for query in np.concatenate([some_codes(10, BITS, seed=5), stored[:10], stored[1000:1010]]):
        far = packed.hamming(query[None], stored)[0]
        plan, keys, met = Plan(tables.sizes, 3000, np.inf), tables.keys(query[None])[0], np.zeros(3000, np.bool_)
        while plan.bound < 20:
            starts, lengths, _ = tables.find(keys, shells := plan.cheapest(3))
            met[tables.rows(ranges(starts, lengths))] = True
            plan.affords(shells, [1] * len(shells))
            assert met[far <= plan.bound].all()
            tight += np.sum(~met[far == plan.bound + 1])
    assert tight > 0


@pytest.mark.parametrize("bits", [3, 6, 7, 40, BITS])
def test_looks_meet_the_codes_that_differ_so_in_a_part_and_no_others(tmp_path: Path, bits: int) -> None:
    stored = some_codes(500, bits)
    stored[100:400:2] = stored[7]
    engine = built(tmp_path, stored, bits)
    signs, tables = packed.unpack(stored, bits), engine._tables
    shells = [(part, radius) for part, size in enumerate(tables.sizes) for radius in range(size + 2)]
    assert sorted(bit for part in parts_of(engine) for bit in part) == list(range(bits))
    for query in np.concatenate([some_codes(3, bits, 1), stored[[7, 8, 100]]]):
        starts, lengths, of = tables.find(tables.keys(query[None])[0], shells)
        differing = signs ^ packed.unpack(query[None], bits)
        for shell, (part, radius) in enumerate(shells):
            expected = np.flatnonzero(differing[:, parts_of(engine)[part]].sum(axis=1) == radius)
            rows = tables.rows(ranges(starts[of == shell], lengths[of == shell]))
            assert sorted(rows.tolist()) == expected.tolist()


@pytest.mark.parametrize(("bits", "count"), [(1, 0), (1, 9), (12, 300), (256, 0), (256, 10**4), (256, 10**7), (512, 1)])
def test_parts_hold_all_bits_and_keys_are_numbers_of_32_bits(bits: int, count: int) -> None:
    shared = sizes(bits, count)
    assert sum(shared) == bits
    assert 1 <= min(shared) <= max(shared) <= min(min(shared) + 1, 32)
    assert len(sizes(256, 10**7)) == 10


def test_bits_that_go_together_are_put_apart() -> None:
    """Of 64 bits 16 are thrown, and each has three others that follow it, one of them by its opposite."""
    thrown = np.random.default_rng(0).integers(0, 2, (2000, 16)).astype(np.bool_)
    shared = share_out(packed.pack(np.concatenate([thrown, thrown, ~thrown, thrown], axis=1)), BITS, [16] * 4)
    assert sorted(shared) == list(range(BITS))
    for part in shared.reshape(4, 16):
        assert sorted(part % 16) == list(range(16))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[MihIndex, Codes]:
    """200,000 codes that nothing is near to, but for a burst of 50 with some bits flipped, and 2,000 copies of one."""
    stored = some_codes(200_000, BITS)
    stored[500:550] = stored[500] ^ (some_codes(50, BITS, 1) & some_codes(50, BITS, 2) & some_codes(50, BITS, 3) & 17)
    stored[90_000:92_000] = stored[4]
    return built(tmp_path_factory.mktemp("mih"), stored, kind=MihIndex), stored


def test_what_is_near_is_looked_up_and_for_what_is_far_all_are_compared(large: tuple[MihIndex, Codes]) -> None:
    engine, stored = large
    looked_up = [engine._nearest(stored[id : id + 1], k)[0][0, 0] >= 0 for id, k in ((500, 1), (500, 10), (4, 1))]
    assert all(looked_up)
    assert engine._nearest(some_codes(1, BITS, seed=8), 100)[0].max() == -1
    assert engine._nearest(stored[:1], 10_000)[0].max() == -1


def test_both_ways_answer_alike_one_by_one_together_and_at_one_time(large: tuple[MihIndex, Codes]) -> None:
    engine, stored = large
    queries = np.concatenate([stored[495:515], some_codes(15, BITS, seed=8), stored[3:5], stored[[91_000]]])
    for k in (1, 10, 300):
        distances, ids = Flat.search(engine, queries, k)
        with ThreadPoolExecutor(4) as threads:
            alone = list(threads.map(lambda query: engine.search(query, k), queries[:, None]))  # noqa: B023
            together = list(threads.map(lambda _: engine.search(queries, k), range(3)))  # noqa: B023
        answers = [*together, tuple(np.concatenate(each) for each in zip(*alone, strict=True))]
        for answer in answers:
            assert np.array_equal(answer[0], distances)
            assert np.array_equal(answer[1], ids)


@pytest.mark.parametrize("bits", [3, 12, 40, 256])
@pytest.mark.parametrize("count", [0, 1, 2, 2000])
def test_few_codes_and_one_code_many_times(tmp_path: Path, count: int, bits: int) -> None:
    stored = np.repeat(some_codes(1, bits), count, axis=0)
    engine = built(tmp_path, stored, bits)
    distances, ids = engine.search(some_codes(2, bits), 10)
    assert ids.tolist() == [[*range(min(count, 10))]] * 2
    assert distances[:, :1].tolist() == packed.hamming(some_codes(2, bits), stored[:1]).tolist()
    assert engine.memory >= count * (8 + packed.width(bits) + 4)


def test_how_far_building_is_is_told_to_its_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    stored = FlatIndex(BITS, np.arange(40_000), some_codes(40_000, BITS))
    MihIndex.build(stored, tmp_path, lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len({total for _, total in told}) == 1
    assert told[-1][0] == told[-1][1]


def test_nothing_but_what_was_built_of_these_codes_is_opened(tmp_path: Path) -> None:
    stored = some_codes(400, BITS)
    flat = FlatIndex(BITS, np.arange(400), stored)
    built(tmp_path, stored)
    for path in sorted(tmp_path.iterdir()):
        whole, array = path.read_bytes(), np.load(path)
        for other in (array[:-1], array[None], array.astype(float), np.zeros_like(array), array[::-1]):
            np.save(path, other)
            with pytest.raises(SnapshotError, match="of other codes"):
                MihIndex.open(flat, tmp_path)
        for data in (b"", whole[:-9], b"text" * 99, whole[:40]):
            path.write_bytes(data)
            with pytest.raises(SnapshotError, match=r"can(not)? be read|of other codes"):
                MihIndex.open(flat, tmp_path)
        path.unlink()
        with pytest.raises(SnapshotError):
            MihIndex.open(flat, tmp_path)
        path.write_bytes(whole)
    assert len(MihIndex.open(flat, tmp_path)) == 400
    others = [(BITS, 399, 0), (8, 400, 0), (BITS, 0, 0), (72, 400, 0), (BITS, 400, 1)]  # the last of the same size
    for bits, count, seed in others:
        with pytest.raises(SnapshotError, match="of other codes"):
            MihIndex.open(FlatIndex(bits, np.arange(count), some_codes(count, bits, seed)), tmp_path)


@pytest.mark.parametrize("name", ["present", "before", "starts", "rows"])
def test_what_is_damaged_once_it_is_open_ends_no_search_in_an_error(tmp_path: Path, name: str) -> None:
    """Checksums tell of it soon after; until then an answer may lack what it should have."""
    engine = built(tmp_path, some_codes(3000, BITS), kind=MihIndex)
    array = np.load(tmp_path / f"{name}.npy", mmap_mode="r+")
    junk = np.random.default_rng(0).integers(0, 256, array.nbytes, np.uint8).view(array.dtype)
    array[:] = junk
    array.flush()
    engine.patience = 1000.0
    assert Overlay(engine).search(some_codes(20, BITS, 1), 10)[1].shape == (20, 10)


def test_it_is_an_exact_engine_by_its_name() -> None:
    assert ENGINES["mih"] is MihIndex
    assert len(MihIndex.efforts) == 1
    assert not hasattr(MihIndex, "candidates")
