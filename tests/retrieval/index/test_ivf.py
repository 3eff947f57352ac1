"""Inverted files: what is proposed is the nearest in the lists that are read; nothing that is damaged is opened or ends
the process."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
import pytest

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index import ENGINES, FlatIndex, Overlay
from semblance.retrieval.index.ivf import FILE, IvfIndex
from semblance.retrieval.progress import quiet
from tests.retrieval.index.conftest import brute_force, some_codes

BITS = 40


def clustered(count: int, bits: int = BITS, seed: int = 0) -> Codes:
    """Codes about 20 middles, a twentieth of their bits flipped."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(99).integers(0, 2, (20, bits)).astype(np.bool_)
    return packed.pack(middles[rng.integers(0, 20, count)] ^ (rng.random((count, bits)) < 0.05))


def built(folder: Path, stored: Codes, bits: int = BITS) -> IvfIndex:
    flat = FlatIndex(bits, 3 * np.arange(len(stored)), stored)
    IvfIndex.build(flat, folder, quiet)
    return IvfIndex.open(flat, folder)


def centres(folder: Path, wide: int) -> Codes:
    """As the module's docstring says that they lie in the file."""
    data = (folder / FILE).read_bytes()
    lists = int.from_bytes(data[24:32], "little")
    return np.frombuffer(data, np.uint8, lists * wide, 32 + 8 * lists).reshape(lists, wide)


@pytest.mark.parametrize("copies", [0, 3000])
def test_the_nearest_of_the_lists_that_are_read_are_proposed(tmp_path: Path, copies: int) -> None:
    """Brute force over the codes whose centre is among the query's nearest ones. Of copies the first are taken."""
    stored = clustered(6000)
    stored[1000 : 1000 + copies] = stored[7]
    engine = built(tmp_path, stored)
    middles = centres(tmp_path, 5)
    assert len(middles) == 77  # the root of 6,000
    home = packed.hamming(stored, middles).argmin(axis=1)
    queries = np.concatenate([clustered(20, seed=4), stored[6:8]])
    near = np.argsort(packed.hamming(queries, middles), axis=1, kind="stable")
    for effort in (1, 6, 64):
        engine.effort = effort
        for k in (1, 10, 300):
            together = engine.candidates(queries, k)
            for row, query in enumerate(queries):
                read = np.flatnonzero(np.isin(home, near[row, :effort]))
                expected = brute_force(query[None], read, stored[read], k)[1][0]
                for proposed in (together[row], engine.candidates(query[None], k)[0]):
                    assert proposed[proposed >= 0].tolist() == expected.tolist()


def test_more_lists_find_more_and_all_of_them_everything(tmp_path: Path) -> None:
    stored = some_codes(5000, BITS)
    engine = built(tmp_path, stored)
    index, queries = Overlay(engine), some_codes(50, BITS, seed=5)
    ids = engine.ids()
    last = brute_force(queries, ids, stored, 10)[0][:, -1:]
    recalls = []
    for engine.effort in (1, 4, 70):
        recalls.append(float(np.mean(index.search(queries, 10)[0] <= last)))
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.9
    assert recalls[-1] == 1
    assert engine.memory > len(stored) * 2 * (5 + 8)


def test_nothing_but_what_was_built_of_these_codes_is_opened(tmp_path: Path) -> None:
    """Any byte before the lists, any length, other codes, no file, no regular file."""
    stored = clustered(400)
    flat = FlatIndex(BITS, np.arange(400), stored)
    IvfIndex.build(flat, tmp_path, quiet)
    path, whole = tmp_path / FILE, (tmp_path / FILE).read_bytes()
    start = 32 + 20 * (8 + 5) + 4 + 32  # 20 lists; padding; checksum
    for at in range(start):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        with pytest.raises(SnapshotError, match=FILE):
            IvfIndex.open(flat, tmp_path)
    for other in (
        *(whole[:length] for length in [*range(0, len(whole), 61), len(whole) - 1]),
        whole + b"\0",
        b"text" * 99,
    ):
        path.write_bytes(other)
        with pytest.raises(SnapshotError, match=FILE):
            IvfIndex.open(flat, tmp_path)
    path.write_bytes(whole)
    assert len(IvfIndex.open(flat, tmp_path)) == 400
    for bits, count in ((BITS, 399), (32, 400), (BITS, 0)):
        with pytest.raises(SnapshotError, match="of other codes"):
            IvfIndex.open(FlatIndex(bits, np.arange(count), some_codes(count, bits)), tmp_path)
    path.unlink()
    with pytest.raises(SnapshotError):
        IvfIndex.open(flat, tmp_path)
    os.mkfifo(path)
    with pytest.raises(SnapshotError):
        IvfIndex.open(flat, tmp_path)


def test_damaged_lists_make_no_answer_wrong(tmp_path: Path) -> None:
    """They may hide a picture; what is answered is stored and as far as is said, and the process lives."""
    stored = clustered(2000)
    flat = FlatIndex(BITS, np.arange(2000), stored)
    IvfIndex.build(flat, tmp_path, quiet)
    path, rng = tmp_path / FILE, np.random.default_rng(1)
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    harmed = rng.integers(len(data) - 2000 * 13, len(data), 5000)  # 44 lists: codes and rows of them all
    data[harmed] = rng.integers(0, 256, len(harmed))
    path.write_bytes(data.tobytes())
    engine = IvfIndex.open(flat, tmp_path)
    index = Overlay(engine)
    queries = clustered(30, seed=2)
    for engine.effort in (2, 70):
        distances, ids = index.search(queries, 10)
        expected = np.unpackbits(queries[:, None] ^ stored[ids], axis=2).sum(axis=2)
        assert np.array_equal(distances, expected)
        assert all(len(set(row)) == 10 for row in ids.tolist())


def test_a_build_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    """At any step: while centres are learnt, codes are sorted, lists are written."""
    flat = FlatIndex(BITS, np.arange(900), clustered(900))
    told: list[tuple[int, int]] = []
    IvfIndex.build(flat, tmp_path, lambda done, total: told.append((done, total)))
    (tmp_path / FILE).unlink()
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]

    for step in range(len(told)):
        calls: list[int] = []

        def until(done: int, _total: int, calls: list[int] = calls, step: int = step) -> None:
            calls.append(done)
            if len(calls) > step:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            IvfIndex.build(flat, tmp_path, until)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3000])
def test_few_codes_and_one_code_many_times(tmp_path: Path, count: int) -> None:
    stored = np.repeat(some_codes(1, BITS), count, axis=0)
    index = Overlay(built(tmp_path, stored))
    distances, ids = index.search(some_codes(2, BITS), 10)
    assert ids.tolist() == [[3 * row for row in range(min(count, 10))]] * 2
    assert distances[:, : min(count, 1)].tolist() == packed.hamming(some_codes(2, BITS), stored[:1]).tolist()


def test_threads_search_while_the_effort_changes(tmp_path: Path) -> None:
    stored = clustered(5000)
    engine = built(tmp_path, stored)
    (tmp_path / FILE).unlink()  # what is mapped may lose its name
    queries = clustered(40, seed=3)
    right = {}
    for engine.effort in (2, 70):
        right[engine.effort] = [rows.tolist() for rows in engine.candidates(queries, 5)]
    faiss.omp_set_num_threads(2)

    def ask(turn: int) -> bool:
        engine.effort = (2, 70)[turn % 2]
        at = turn % 24
        some = [rows.tolist() for rows in engine.candidates(queries[at : at + 1 + turn % 17], 5)]
        return any(some == answers[at : at + len(some)] for answers in right.values())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(400)))
    assert faiss.omp_get_max_threads() == 2


def test_it_is_an_engine_by_its_name() -> None:
    assert ENGINES["ivf"] is IvfIndex
    assert sorted(IvfIndex.efforts) == list(IvfIndex.efforts)
