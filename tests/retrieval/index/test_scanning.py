"""Very many codes: the same answers as a sort by distance and place, at every width, however near the nearest lie."""

import numpy as np
import pytest

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.index import Distances, FlatIndex, flat, scanning
from semblance.retrieval.index.contract import Rows
from tests.retrieval.index.conftest import some_codes


def sorted_out(queries: Codes, stored: Codes, k: int) -> tuple[list[list[int]], list[list[int]]]:
    """Distances and places in NumPy: ties by place."""
    keys = np.sort(packed.hamming(queries, stored).astype(np.int64) << 32 | np.arange(len(stored)), axis=1)[:, :k]
    return (keys >> 32).tolist(), (keys & (2**32 - 1)).tolist()


@pytest.mark.parametrize("wide", scanning.WIDTHS)
@pytest.mark.parametrize(("queries", "k"), [(1, 1000), (35, 3)])
def test_the_nearest_in_order(wide: int, queries: int, k: int) -> None:
    """More queries than are asked at one time; the last block is a part of one."""
    rng = np.random.default_rng(wide)
    stored, asked = (rng.integers(0, 256, (count, wide), np.uint8) for count in (140_001, queries))
    distances, places = scanning.nearest(asked, stored, k)
    assert (distances.tolist(), places.tolist()) == sorted_out(asked, stored, k)
    assert distances.dtype == np.int32
    assert places.dtype == np.int64


def test_ties_and_those_that_come_nearer_and_nearer() -> None:
    """Every distance many times; codes in falling distance, so that each displaces another; all the same."""
    query = np.zeros((1, 8), np.uint8)
    few = np.zeros((140_000, 8), np.uint8)
    few[:, 0] = np.random.default_rng(0).integers(0, 8, len(few))
    falling = packed.pack(np.arange(64) < np.linspace(64, 0, 140_000).astype(int)[:, None])
    for stored in (few, falling, falling[::-1].copy(), np.zeros_like(few), ~np.zeros_like(few)):
        distances, places = scanning.nearest(query, stored, 300)
        assert (distances.tolist(), places.tolist()) == sorted_out(query, stored, 300)


@pytest.mark.parametrize("queries", [scanning.SEVERAL, 20])
def test_a_large_index_is_searched_so(monkeypatch: pytest.MonkeyPatch, queries: int) -> None:
    seen: list[int] = []
    real = scanning.nearest

    def watched(codes: Codes, kept: Codes, k: int) -> tuple[Distances, Rows]:
        seen.append(k)
        return real(codes, kept, k)

    monkeypatch.setattr(scanning, "nearest", watched)
    stored = some_codes(scanning.MANY, 64)
    index = FlatIndex(64, 2 * np.arange(len(stored)), stored)
    ids = index.search(stored[-queries:], 5)[1]
    assert ids[:, 0].tolist() == (2 * np.arange(len(stored) - queries, len(stored))).tolist()
    assert set(seen) == {5}
    seen.clear()
    FlatIndex(64, np.arange(1000), stored[:1000]).search(stored[:queries], 5)
    index.search(stored[: scanning.SEVERAL - 1], 5)
    index.search(stored[:queries], scanning.DEEP + 1)
    assert not seen


@pytest.mark.parametrize("k", [1, 7, 300])
@pytest.mark.parametrize("cores", [2, 3, 5])
def test_cores_share_the_codes(monkeypatch: pytest.MonkeyPatch, cores: int, k: int) -> None:
    """Ties on both sides of every border, of parts that differ in size."""
    monkeypatch.setattr(flat, "LARGE", 400)
    monkeypatch.setattr(flat, "_CORES", cores)
    stored = some_codes(2_003, 64)
    stored[:, 1:] = 0
    some = np.arange(0, 2_003, 2)
    index, ids = FlatIndex(64, 3 * np.arange(len(stored)), stored), 3 * np.arange(len(stored))
    for among, codes in ((None, stored), (3 * some, stored[some])):
        distances, found = index.search(stored[:3], k, among)
        far, places = sorted_out(stored[:3], codes, k)
        assert distances.tolist() == far
        assert np.searchsorted(ids if among is None else among, found).tolist() == places
    assert flat.FlatIndex(64).search(stored[:1], k)[0].shape == (1, 0)
